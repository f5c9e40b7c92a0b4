//! The trash: what comes back out of it, and what does not any more.

use std::time::Duration;

use chiliview_store::Timestamp;

use crate::problem::Problem;

/// By so much the clock of a worker on another machine may be ahead of ours: it would be removing the thing already.
const AHEAD: Duration = Duration::from_secs(5);

/// Something comes back only before its end: after that a worker removes what belongs to it first, and its row last.
pub(crate) fn refuse_over(purge_after: Option<Timestamp>, now: Timestamp) -> Result<(), Problem> {
    match purge_after {
        Some(end) if end <= now.plus(AHEAD) => {
            Err(Problem::conflict("trash_over", "its time in the trash is over: it is being removed"))
        }
        _ => Ok(()),
    }
}
