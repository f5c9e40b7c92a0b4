//! How single values are written in text, and the words for those that are wrong.

use std::{fmt::Display, str::FromStr};

use chiliview_api::edge::ForwardedHeader;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BOOLEANS, NUMBERS, SECRETS, TEXTS};

/// A password or a URL with one in it: shown as `***`.
#[derive(Clone)]
pub(crate) struct Secret(SecretString);

impl Secret {
    /// What it hides.
    pub(crate) fn inner(&self) -> &SecretString {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// `90s`, `12h`, `7d`.
pub(super) mod duration {
    use std::time::Duration;

    use super::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*value))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text)
            .map_err(|_| serde::de::Error::custom(format!("{text:?} is no duration such as 12h or 7days")))
    }
}

/// `a, b` or `["a", "b"]`.
pub(super) mod text_list {
    use super::{Deserialize, Deserializer, Display, FromStr, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Line(String),
        List(Vec<String>),
    }

    pub(in super::super) fn serialize<S: Serializer, T: Display>(list: &[T], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(ToString::to_string))
    }

    pub(in super::super) fn deserialize<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: Display>,
    {
        let texts = match Written::deserialize(deserializer)? {
            Written::Line(line) => line.split(',').map(|text| text.trim().to_owned()).collect(),
            Written::List(list) => list,
        };
        let parsed = texts
            .iter()
            .filter(|text| !text.is_empty())
            .map(|text| text.parse().map_err(|error: T::Err| serde::de::Error::custom(format!("{text:?}: {error}"))));
        parsed.collect()
    }
}

/// `age1…, age1…` or a list of them.
pub(super) mod recipients {
    use chiliview_snapshot::{Recipients, RecipientsError};

    use super::{Deserializer, Serializer, text_list};

    /// As many again are left for a tenant's own.
    const MOST: usize = Recipients::MAX / 2;

    pub(in super::super) fn serialize<S: Serializer>(value: &Recipients, serializer: S) -> Result<S::Ok, S::Error> {
        text_list::serialize(&value.iter().collect::<Vec<_>>(), serializer)
    }

    pub(in super::super) fn deserialize<'de, D>(deserializer: D) -> Result<Recipients, D::Error>
    where
        D: Deserializer<'de>,
    {
        let texts: Vec<String> = text_list::deserialize(deserializer)?;
        let read = Recipients::of(&texts).map_err(|error| serde::de::Error::custom(words(&error)))?;
        // What starts with # would be read as a comment.
        if let Some(text) = texts.iter().find(|text| text.starts_with('#')) {
            return Err(serde::de::Error::custom(unreadable(text)));
        }
        if read.iter().count() > MOST {
            return Err(serde::de::Error::custom(format!("there are more than {MOST} recipients")));
        }
        Ok(read)
    }

    fn words(error: &RecipientsError) -> String {
        match error {
            RecipientsError::Unreadable { text, .. } => unreadable(text),
            RecipientsError::Secret { .. } => {
                "one is a secret key: name its public key, age1…, and keep the secret one".to_owned()
            }
            other => format!("failed to {other}"),
        }
    }

    fn unreadable(text: &str) -> String {
        format!("{text:?} is no public key as age-keygen prints it, age1…")
    }
}

/// `x-forwarded-for` or `forwarded`.
pub(super) mod forwarded_header {
    use super::{Deserialize, Deserializer, ForwardedHeader, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        value: &ForwardedHeader,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match value {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        })
    }

    pub(in super::super) fn deserialize<'de, D>(deserializer: D) -> Result<ForwardedHeader, D::Error>
    where
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        match text.to_lowercase().as_str() {
            "x-forwarded-for" => Ok(ForwardedHeader::XForwardedFor),
            "forwarded" => Ok(ForwardedHeader::Forwarded),
            _ => Err(super::unknown_header(&text)),
        }
    }
}

fn unknown_header<E: serde::de::Error>(text: &str) -> E {
    E::custom(format!("{text:?} is neither x-forwarded-for nor forwarded"))
}

/// What is wrong, with the key and where it was read, and nothing of a secret's text.
pub(super) fn explain(error: figment::Error) -> String {
    let all: Vec<_> = error.into_iter().map(|error| one(&error)).collect();
    format!("read the settings: {}", all.join("; "))
}

fn one(error: &figment::Error) -> String {
    use figment::error::Kind;
    let place = error.metadata.as_ref().map(|metadata| match &metadata.source {
        Some(figment::Source::File(path)) => format!(" (in {})", path.display()),
        Some(_) => " (in the flags)".to_owned(),
        None => format!(" (in {})", metadata.name),
    });
    let place = place.unwrap_or_default();
    let key = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(field, _) => format!("there is no setting {field:?}{}{place}", suggestion(field)),
        Kind::Message(words) => format!("{key}: {words}{place}"),
        Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) => format!("{key} must be {wanted}{place}"),
        Kind::UnknownVariant(found, known) => format!("{key}: {found:?} is none of {}{place}", known.join(", ")),
        other => format!("{key}: {other}{place}"),
    }
}

/// `; did you mean …?` when some key is close.
pub(super) fn suggestion(typed: &str) -> String {
    let known = [NUMBERS, BOOLEANS, SECRETS, TEXTS].concat();
    let near = known.into_iter().map(|key| (strsim::levenshtein(typed, key), key)).min();
    match near {
        Some((distance, key)) if distance <= 3 => format!("; did you mean {key}?"),
        _ => String::new(),
    }
}
