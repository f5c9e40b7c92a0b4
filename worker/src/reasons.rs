//! Reasons that many jobs have in common.

use chiliview_snapshot::Error as SnapshotError;
use chiliview_store::{
    Error,
    reason::{Cause, Reason},
};

use crate::queue::Outcome;

/// What a snapshot's error comes to, with all of its causes.
pub(crate) fn because(error: &SnapshotError) -> Reason {
    Reason::new(error.cause(), format!("failed to {}", chain(error)))
}

/// Somebody asked for it.
pub(crate) fn called_off() -> Reason {
    Reason::new(Cause::Cancelled, "cancelled on request")
}

/// An error and all of its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !line.ends_with(&words) {
            line = format!("{line}: {words}");
        }
        cause = error.source();
    }
    line
}

/// What the central database did not do may go better another time.
pub(crate) fn later(error: &Error) -> Outcome {
    Outcome::Retry { after: None, reason: Reason::new(error.cause(), format!("failed to {error}")) }
}
