//! Identifiers: one type each, so that a tenant's id cannot stand where a user's should. UUIDv7 (RFC 9562), text in both engines.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sqlx::{Database, Decode, Encode, Postgres, Sqlite, Type, encode::IsNull, error::BoxDynError, types::Text};
use uuid::Uuid;

/// Makes new ids. A parameter, like the clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ids;

impl Ids {
    /// A new id: ordered by the time it was made.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    #[must_use]
    pub fn next<T: From<Uuid>>(self) -> T {
        Uuid::now_v7().into()
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The UUID itself.
            #[must_use]
            pub const fn uuid(self) -> Uuid { self.0 }
        }
        impl From<Uuid> for $name { fn from(id: Uuid) -> Self { Self(id) } }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> { Uuid::try_parse(text).map(Self) }
        }
        as_text!($name);
    )*};
}

/// Stores a type that is `Display` and `FromStr` as TEXT on both engines.
macro_rules! as_text {
    ($name:ident) => {
        as_text!($name, Sqlite);
        as_text!($name, Postgres);
    };
    ($name:ident, $engine:ident) => {
        impl Type<$engine> for $name {
            fn type_info() -> <$engine as Database>::TypeInfo {
                <String as Type<$engine>>::type_info()
            }
            fn compatible(info: &<$engine as Database>::TypeInfo) -> bool {
                <String as Type<$engine>>::compatible(info)
            }
        }
        impl<'q> Encode<'q, $engine> for $name {
            fn encode_by_ref(&self, buffer: &mut <$engine as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                <Text<&Self> as Encode<'q, $engine>>::encode(Text(self), buffer)
            }
        }
        impl<'r> Decode<'r, $engine> for $name {
            fn decode(value: <$engine as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                <Text<Self> as Decode<'r, $engine>>::decode(value).map(|text| text.0)
            }
        }
    };
}

/// Declares an enum whose values are words, the same in the database, the API and the logs.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$word_doc])* #[serde(rename = $word)] $variant),* }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::ids::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err($crate::ids::UnknownWord { kind: stringify!($name), word: text.to_owned() }),
                }
            }
        }
        $crate::ids::as_text_on_both!($name);
    };
}
pub(crate) use words;

macro_rules! as_text_on_both {
    ($name:ident) => {
        const _: () = {
            use sqlx::{
                Database, Decode, Encode, Postgres, Sqlite, Type, encode::IsNull, error::BoxDynError, types::Text,
            };
            use $crate::ids::as_text;
            as_text!($name);
        };
    };
}
pub(crate) use {as_text, as_text_on_both};

/// A word in the database that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("{word:?} is no {kind}")]
pub struct UnknownWord {
    pub(crate) kind: &'static str,
    pub(crate) word: String,
}

ids! {
    /// An admin of the platform.
    AdminId,
    /// A tenant: one reseller.
    TenantId,
    /// A user inside a tenant.
    UserId,
    /// A log-in session.
    SessionId,
    /// A backup: the record of one snapshot.
    BackupId,
    /// One line of an audit log.
    AuditId,
    /// A restore.
    RestoreId,
    /// A schedule.
    ScheduleId,
    /// One run of a schedule.
    RunId,
    /// A place where notices are sent.
    ChannelId,
    /// Something that people ought to hear of.
    NoticeId,
    /// A notice on its way to a channel.
    DeliveryId,
    /// A file that is being uploaded.
    UploadId,
    /// A part of one, as it lies on the shelf.
    PieceId,
    /// A run of the doctor.
    DoctorRunId,
    /// A key that a program shows instead of a log-in.
    ApiKeyId,
    /// A journey of the tenants' databases to a newer schema.
    FleetMigrationId,
    /// A place for snapshots, wherever it lies.
    ShelfId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_by_time() {
        let ids = Ids;
        let first: TenantId = ids.next();
        let second: TenantId = ids.next();
        assert!(first < second);
        assert_eq!(first.to_string().parse::<TenantId>().expect("parses"), first);
    }
}
