//! What the floors below report, as problems.

use chiliview_store::Error;

use super::Problem;

const RETRY_SECONDS: u64 = 1;
const SHELF_RETRY_SECONDS: u64 = 30;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match &error {
            Error::VersionMismatch => Self::precondition_failed(),
            Error::Duplicate { .. } => Self::conflict("duplicate", "something of that name exists already"),
            Error::DiskFull => Self::insufficient_storage(),
            Error::Locked(why) => Self::locked(format!("the tenant is being {why}; try again soon")),
            Error::Busy(_) => {
                tracing::warn!(%error, "store.busy");
                Self::unavailable(RETRY_SECONDS).detail("the database is busy; nothing was changed")
            }
            Error::Unreachable(_) => {
                tracing::error!(%error, "store.unreachable");
                Self::unavailable(RETRY_SECONDS)
                    .detail("the database cannot be reached right now; whether a change was made can be asked with its Idempotency-Key")
            }
            Error::Commit(cause) if matches!(**cause, Error::DiskFull) => Self::insufficient_storage(),
            Error::DatabaseMissing(_) | Error::DatabaseUnusable { .. } => {
                tracing::error!(%error, "store.database_unusable");
                Self::unavailable(RETRY_SECONDS)
                    .with_code("database_unusable")
                    .detail("the tenant's database is missing or damaged; an operator can run `chiliview doctor`")
            }
            _ => Self::internal(error),
        }
    }
}

impl From<chiliview_snapshot::Error> for Problem {
    fn from(error: chiliview_snapshot::Error) -> Self {
        match error {
            chiliview_snapshot::Error::NotFound(_) => Self::not_found("snapshot"),
            chiliview_snapshot::Error::NoSpace { .. } => Self::insufficient_storage(),
            error @ chiliview_snapshot::Error::Elsewhere { .. } => {
                tracing::warn!(%error, "shelf.elsewhere");
                Self::conflict("elsewhere", "the snapshot lies on the shelf that was configured when it was made")
            }
            error @ (chiliview_snapshot::Error::Shelf { .. } | chiliview_snapshot::Error::AnotherShelf { .. }) => {
                tracing::error!(%error, "shelf.out_of_reach");
                Self::unavailable(SHELF_RETRY_SECONDS)
                    .with_code("shelf_unavailable")
                    .detail("the place where snapshots lie is out of reach; nothing is lost by that")
            }
            chiliview_snapshot::Error::Store(error) => error.into(),
            error => Self::internal(error),
        }
    }
}
