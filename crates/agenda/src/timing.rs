//! A schedule's row as a timing.

use chiliview_policy::schedule::{CronError, Timing, ZoneError};
use chiliview_store::{Timestamp, schedules::Schedule};

/// A row that no timing can be read from: a newer version may have written it. The words complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The expression.
    #[error("read the cron expression: {0}")]
    Cron(#[from] CronError),
    /// The time zone.
    #[error("read the time zone: {0}")]
    Zone(#[from] ZoneError),
}

/// When a schedule is due.
///
/// # Errors
/// [`Unreadable`].
pub fn timing(schedule: &Schedule) -> Result<Timing, Unreadable> {
    Ok(Timing { cron: schedule.cron.parse()?, zone: schedule.time_zone.parse()? })
}

/// The first firing after `now`; one that nobody lives to see, when there is none.
#[must_use]
pub fn next_after(timing: &Timing, now: Timestamp) -> Timestamp {
    timing.next_after(now.to_datetime()).map_or(NEVER, Timestamp::from)
}

const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);
