//! Why an attempt at a backup did not end well.

use chiliview_snapshot::{Error as SnapshotError, RecipientsError};
use chiliview_store::{
    BackupId, Error,
    error::with_causes,
    reason::{Cause, Reason},
};

/// The reasons.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Somebody asked for it.
    #[error("cancelled on request")]
    Cancelled,
    /// Another attempt has the backup, or it has ended: hands off.
    #[error("the backup is another attempt's")]
    Overtaken,
    /// The next attempt makes a snapshot of its own.
    #[error("the database is what backup {0} holds, and that was deleted meanwhile")]
    Gone(BackupId),
    /// No attempt can succeed.
    #[error(transparent)]
    NoSource(#[from] crate::context::NoSource),
    /// What was uploaded is no database of the tenant's: no attempt can succeed.
    #[error("{0}")]
    Refused(String),
    /// For whom it is to be encrypted cannot be used: nothing is written for nobody instead.
    #[error("failed to encrypt for the tenant's recipients: failed to {0}")]
    Recipients(#[from] RecipientsError),
    /// The snapshot.
    #[error("failed to {}", with_causes(.0))]
    Snapshot(#[from] SnapshotError),
    /// The central database.
    #[error("failed to {0}")]
    Store(#[from] Error),
}

impl Failure {
    pub(super) fn reason(&self) -> Reason {
        let cause = match self {
            Self::Cancelled => Cause::Cancelled,
            Self::Overtaken | Self::Gone(_) => Cause::Other,
            Self::NoSource(_) => Cause::DatabaseUnusable,
            Self::Refused(_) => Cause::Refused,
            Self::Recipients(_) => Cause::Recipients,
            Self::Snapshot(error) => error.cause(),
            Self::Store(error) => error.cause(),
        };
        Reason::new(cause, self.to_string())
    }
}
