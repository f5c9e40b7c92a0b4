//! What several tests need.

use chiliview_policy::retention::Point;
use chiliview_policy::schedule::Timing;
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub(crate) fn timing(cron: &str, zone: &str) -> Timing {
    Timing { cron: cron.parse().unwrap(), zone: zone.parse().unwrap() }
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A verified backup with an artefact of its own.
pub(crate) fn point(id: u128, at: DateTime<Utc>) -> Point {
    let id = Uuid::from_u128(id);
    Point { id, at, artefact: id, bytes: 1, pinned: false, countable: true }
}
