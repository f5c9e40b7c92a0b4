//! Why an attempt at a restore, or at its undo, did not end well.

use chiliview_snapshot::Error as SnapshotError;
use chiliview_store::{
    Error,
    error::with_causes,
    reason::{Cause, Reason},
};

#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Somebody asked for it.
    #[error("cancelled on request")]
    Cancelled,
    /// Another attempt has the restore, or it has ended: hands off.
    #[error("the restore is another attempt's")]
    Overtaken,
    /// It may not be, and will not be another time either.
    #[error("{0}")]
    Refused(Reason),
    /// A worker of a newer version can do it.
    #[error("{0}")]
    ForTheNewer(Reason),
    /// The present database could not be saved first.
    #[error(
        "the present database could not be backed up before it is replaced: {0}; \
         ask again with without_safety_backup to replace it all the same"
    )]
    NotSaved(Reason),
    /// The snapshot.
    #[error("failed to {}", with_causes(.0))]
    Snapshot(#[from] SnapshotError),
    /// A database.
    #[error("failed to {}", with_causes(.0))]
    Store(#[from] Error),
}

impl Failure {
    /// It may not be.
    pub(super) fn refused(words: impl Into<String>) -> Self {
        Self::Refused(Reason::new(Cause::Refused, words))
    }

    pub(super) fn reason(&self) -> Reason {
        let cause = match self {
            Self::Cancelled => Cause::Cancelled,
            Self::Overtaken => Cause::Other,
            Self::Refused(reason) | Self::ForTheNewer(reason) => reason.cause,
            // What only passes is waited for, here too.
            Self::NotSaved(reason) if reason.cause == Cause::DatabaseBusy => reason.cause,
            Self::NotSaved(_) => Cause::NotSaved,
            Self::Snapshot(error) => error.cause(),
            Self::Store(error) => error.cause(),
        };
        Reason::new(cause, self.to_string())
    }

    /// Whether another attempt would end the same way.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Cancelled | Self::Overtaken | Self::ForTheNewer(_) | Self::NotSaved(_) => false,
            Self::Refused(_) => true,
            Self::Snapshot(error) => matches!(
                error,
                SnapshotError::Damaged(_)
                    | SnapshotError::Manifest(_)
                    | SnapshotError::NotFound(_)
                    | SnapshotError::NoIdentity { .. }
            ),
            Self::Store(error) => matches!(error, Error::Migrate(_) | Error::DatabaseUnusable { .. }),
        }
    }

    /// What a test injects: something that may go better another time.
    #[cfg(feature = "failpoints")]
    pub(super) fn injected() -> Self {
        Self::Store(Error::DiskFull)
    }
}
