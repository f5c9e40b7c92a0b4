//! What recovery tells: a line for each thing, and what each database was restored from.

use std::path::PathBuf;

use chiliview_doctor::{Line, Summary};
use chiliview_store::{BackupId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

/// Everything that was done and found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Each line, in the order in which it was told.
    pub checks: Vec<Line>,
    /// Their number.
    pub summary: Summary,
    /// What each database was restored from.
    pub databases: Vec<Restored>,
    /// Where the old central database lies now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
    /// Whether it was only tried, and nothing was changed.
    pub dry_run: bool,
}

/// One database, and its snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Restored {
    /// The tenant; none for the central database.
    pub tenant_id: Option<TenantId>,
    /// Its slug at that moment.
    pub slug: Option<String>,
    /// The backup.
    pub backup: BackupId,
    /// When it was taken: what was written later is lost.
    pub taken_at: Timestamp,
    /// How long ago that was.
    pub age_seconds: u64,
    /// The database's size.
    pub plain_bytes: u64,
    /// Newer snapshots that could not be used.
    pub passed_over: usize,
}
