//! What to keep of a database's backups: grandfather, father, son, and by count and age.
//!
//! Each rule counts on its own, newest first: `daily` = 7 keeps the newest point of each of the last seven *local days that
//! have one*, not of the last seven days, so that an outage removes nothing. One point may serve several rules. More is kept
//! when a number grows, never less. Planning deletes nothing; a plan is what the pruning would do.

mod bucket;
mod plan;
mod policy;
mod preview;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use plan::plan;
pub use policy::{Invalid, Policy};
pub use preview::{Leaving, Outlook, preview};

/// A backup of one database that has ended. One that is still under way is none, and must not be planned with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The backup.
    pub id: Uuid,
    /// The instant whose contents it holds.
    pub at: DateTime<Utc>,
    /// The backup whose artefact it is: itself, or an older one when nothing had changed since.
    pub artefact: Uuid,
    /// What it takes on the shelf.
    pub bytes: u64,
    /// Somebody said that it stays.
    pub pinned: bool,
    /// It is verified, and so is the artefact that it names. One that failed or is damaged serves no rule, so it never takes
    /// the place of a good one.
    pub countable: bool,
}

/// What becomes of one point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The backup.
    pub id: Uuid,
    /// The backup whose artefact it is; the artefact goes when nothing that is kept names it.
    pub artefact: Uuid,
    /// Why it stays; it goes when there is no reason.
    pub keep: Vec<Reason>,
}

/// Why a point stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is the n-th newest, from 1.
    Last(u32),
    /// The newest of a local hour: "2026-11-23T02+01:00".
    Hourly(String),
    /// The newest of a local day: "2026-11-23".
    Daily(String),
    /// The newest of an ISO week: "2026-W48".
    Weekly(String),
    /// The newest of a month: "2026-11".
    Monthly(String),
    /// The newest of a year: "2026".
    Yearly(String),
    /// The newest verified one always stays.
    NewestVerified,
    /// Somebody pinned it.
    Pinned,
    /// A backup that stays has no artefact but this one's.
    ReferencedBy(Uuid),
    /// It is not verified, and verified ones as old stay: somebody may still want to know why.
    Unproven,
}
