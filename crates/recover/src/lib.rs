//! Recovery while nothing runs: the central database out of a snapshot, and a whole platform out of nothing but its shelf; and
//! its move from one engine to the other.
//!
//! Everything is made beside what is there, made to agree with the shelf and the tenants' databases, and checked; only then
//! does it take its place, in one step that a crash leaves done or undone. Nothing is deleted.

mod central;
mod file;
mod from_shelf;
mod homes;
mod inventory;
mod journal;
mod reconcile;
mod recorded;
mod relocate;
mod report;
mod staging;
mod tenant;
mod work;

use std::{path::PathBuf, time::Duration};

use chiliview_doctor::Line;
use chiliview_snapshot::{Identities, Location, ManifestError};
use chiliview_store::{BackupId, Clock, Ids, Settings};

pub use self::{
    central::restore as restore_central,
    from_shelf::rebuild,
    relocate::relocate,
    report::{Report, Restored},
};

/// What recovery works with.
#[derive(Clone)]
pub struct Context {
    /// Where the databases are, or will be.
    pub settings: Settings,
    /// Where the shelf is.
    pub shelf: Location,
    /// Where the service will look for its shelf afterwards.
    pub next_shelf: Location,
    /// Keys for encrypted snapshots.
    pub identities: Identities,
    /// How long what is in the trash can be brought back, counted anew.
    pub trash: Duration,
    /// The clock.
    pub clock: Clock,
    /// The source of ids.
    pub ids: Ids,
}

/// Which snapshot of the central database.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// The newest that proves; one that the present catalogue knows as verified goes before others.
    Newest,
    /// This backup's.
    Backup(BackupId),
    /// A file outside the shelf, with its manifest beside it.
    File(PathBuf),
}

/// Whether anything is changed in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything is tried, and thrown away.
    Try,
    /// It is done.
    Do,
}

/// Somebody who waits.
pub trait Audience {
    /// A line of the report, as soon as it is known.
    fn line(&mut self, line: &Line);
    /// How far it is: `done` of `total`.
    fn step(&mut self, what: &str, done: u64, total: u64);
    /// Whether to go on: the last moment at which nothing has changed.
    fn agree(&mut self, question: &str) -> bool;
}

/// Why nothing was restored. The words complete "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Another process works in the data directory.
    #[error("work in {0} while another process does: stop the service and its workers first")]
    InUse(PathBuf),
    /// What was asked for cannot be meant.
    #[error("{0}")]
    Refused(String),
    /// No snapshot can be used.
    #[error("find a snapshot of the central database that can be restored: {0}")]
    NoSnapshot(String),
    /// Whoever was asked said no.
    #[error("go on: nobody agreed, and nothing was changed")]
    Declined,
    /// A database or the file system.
    #[error(transparent)]
    Store(#[from] chiliview_store::Error),
    /// The shelf, or no room.
    #[error(transparent)]
    Snapshot(#[from] chiliview_snapshot::Error),
    /// A manifest outside the shelf.
    #[error("read the manifest {}", .0.display())]
    Manifest(PathBuf, #[source] ManifestError),
    /// The list of what is restored already.
    #[error("keep the list of what is restored")]
    Journal(#[source] std::io::Error),
}
