//! A small document on the shelf that says which one it is, and when it was begun: `.shelf`.
//!
//! The id is what tells a shelf from an empty directory in its place, where a volume is not mounted (`identity`).
//! A backup that is older than the shelf and does not lie there was never written there; it lies on the shelf that was
//! configured before. Without this, naming another shelf would make every backup look lost.

use chiliview_store::ShelfId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub(super) const NAME: &str = ".shelf";

/// More is not read.
pub(super) const MAX_BYTES: u64 = 4096;

/// What it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// Nothing older was ever written to this shelf; not known of one that is older than markers are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) begun: Option<DateTime<Utc>>,
    /// Which shelf it is; not known of one that no service has used since markers have ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<ShelfId>,
}

impl Marker {
    /// One that cannot be read says nothing: then what is missing counts as lost, which is what people must hear of.
    pub(super) fn read(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    pub(super) fn to_json(self) -> Vec<u8> {
        let begun = self.begun.map(|begun| begun.to_rfc3339());
        format!("{}\n", serde_json::json!({ "begun": begun, "id": self.id })).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nonsense_says_nothing() {
        for begun in [None, DateTime::from_timestamp(1_790_000_000, 123_456_000)] {
            for id in [None, Some(ShelfId::from(uuid::Uuid::from_u128(7)))] {
                let marker = Marker { begun, id };
                assert_eq!(Marker::read(&marker.to_json()), marker);
            }
        }
        for nonsense in ["", "{", "[]", "{\"begun\": 5}"] {
            assert_eq!(Marker::read(nonsense.as_bytes()), Marker::default(), "{nonsense}");
        }
    }
}
