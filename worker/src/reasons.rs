//! Reasons that many jobs have in common.

use chiliview_snapshot::Error as SnapshotError;
use chiliview_store::{
    Error,
    error::with_causes,
    reason::{Cause, Reason},
};

use crate::queue::Outcome;

/// What a snapshot's error comes to, with all of its causes.
pub(crate) fn because(error: &SnapshotError) -> Reason {
    Reason::new(error.cause(), format!("failed to {}", with_causes(error)))
}

/// What any error comes to; the word for it is known of the store's and of a snapshot's.
pub(crate) fn of(error: &anyhow::Error) -> Reason {
    let cause = error.downcast_ref::<Error>().map(Error::cause);
    let cause = cause.or_else(|| error.downcast_ref::<SnapshotError>().map(SnapshotError::cause));
    Reason::new(cause.unwrap_or(Cause::Other), format!("failed to {error:#}"))
}

/// Somebody asked for it.
pub(crate) fn called_off() -> Reason {
    Reason::new(Cause::Cancelled, "cancelled on request")
}

/// What the central database did not do may go better another time.
pub(crate) fn later(error: &Error) -> Outcome {
    Outcome::Retry { after: None, reason: Reason::new(error.cause(), format!("failed to {error}")) }
}
