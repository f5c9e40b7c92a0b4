//! A job's id: a UUIDv7 like every id of ours. apalis reads the same 128 bits as a ULID, 26 letters of Crockford's base 32
//! (<https://github.com/ulid/spec>), which sort as the ids do.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::corrupt;
use crate::{clock::Timestamp, error::Result};

const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 26;

/// A job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(Uuid);

impl JobId {
    /// The UUID itself.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// When it was made, to the millisecond.
    #[must_use]
    pub fn created_at(self) -> Timestamp {
        let millis = self.0.as_u128() >> 80;
        Timestamp::from_micros(i64::try_from(millis).unwrap_or(0).saturating_mul(1000))
    }

    /// As it stands in apalis' tables.
    pub(super) fn stored(self) -> String {
        let bits = self.0.as_u128();
        (0..LENGTH).rev().map(|place| char::from(LETTERS[(bits >> (5 * place)) as usize & 31])).collect()
    }

    pub(super) fn from_stored(text: &str) -> Result<Self> {
        let digit = |letter: u8| LETTERS.iter().position(|known| *known == letter);
        let digits: Option<Vec<usize>> = text.bytes().map(digit).collect();
        match digits {
            Some(digits) if digits.len() == LENGTH && digits[0] < 8 => {
                Ok(Self(Uuid::from_u128(digits.iter().fold(0, |bits, digit| bits << 5 | *digit as u128))))
            }
            _ => Err(corrupt(format!("{text:?} is no id of a job"))),
        }
    }
}

impl From<Uuid> for JobId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use apalis_core::task::task_id::TaskId;

    use super::*;
    use crate::ids::Ids;

    #[test]
    fn an_id_is_stored_as_the_ulid_of_the_same_bits() {
        for id in [Ids.next::<JobId>(), Uuid::nil().into(), Uuid::max().into()] {
            assert_eq!(JobId::from_stored(&id.stored()).unwrap(), id);
            let theirs: TaskId = id.stored().parse().unwrap();
            assert_eq!(u128::from(theirs.as_ulid().unwrap()), id.uuid().as_u128());
        }
        assert!(Ids.next::<JobId>().stored() < Ids.next::<JobId>().stored());
    }

    #[test]
    fn other_text_is_no_id() {
        for text in ["", "0", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01ARZ3NDEKTSV4RRFFQ69G5FAU", "01ARZ3NDEKTSV4RRFFQ69G5FAVX"]
        {
            assert!(JobId::from_stored(text).is_err(), "{text}");
        }
    }
}
