//! When a schedule is due: a cron expression read on the clock of an IANA time zone.
//!
//! An expression that runs in every hour of the day follows the clock as it is shown: each instant at which the clock
//! shows a matching time is due, so an hour that comes twice is served twice, and one that is left out is not. Any other
//! expression names times of the day, and each of them is due once: at the first instant at which the clock shows that time
//! *or a later one*. So a time that is left out is due right after the gap, and one that comes twice only the first time.

mod cron;
mod describe;
mod jitter;
mod walk;
mod zone;

use chrono::{DateTime, Utc};

pub use cron::{Cron, CronError, Field};
pub use describe::Language;
pub use jitter::jitter;
pub use zone::{Zone, ZoneError};

/// A cron expression on the clock of a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The times of the clock.
    pub cron: Cron,
    /// Whose clock.
    pub zone: Zone,
}

/// A schedule that is due: one run, however many were missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The latest due instant that is not after now; the run is for this one.
    pub due_at: DateTime<Utc>,
    /// How many earlier ones it stands for; at most [`Timing::MOST_MISSED`].
    pub missed: u32,
    /// When it is due again; absent when it never is.
    pub next_at: Option<DateTime<Utc>>,
}

impl Timing {
    /// More missed runs than this are not counted.
    pub const MOST_MISSED: u32 = 10_000;

    /// No call gives more instants than this.
    pub const MOST_INSTANTS: usize = 100_000;

    /// The first due instant after `instant`; none when there is none before the year 5000.
    pub fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        walk::next_after(self, instant)
    }

    /// The last due instant that is not after `instant`; none when there is none since the year 1.
    pub fn last_until(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        walk::last_until(self, instant)
    }

    /// The next `count` due instants after `instant`, at most [`MOST_INSTANTS`](Self::MOST_INSTANTS).
    pub fn next(&self, count: usize, instant: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        self.after(instant).take(count.min(Self::MOST_INSTANTS)).collect()
    }

    /// The due instants after `from` and not after `until`, at most the first [`MOST_INSTANTS`](Self::MOST_INSTANTS).
    pub fn due_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        self.after(from).take_while(|at| *at <= until).take(Self::MOST_INSTANTS).collect()
    }

    /// Makes one run of all that are due, where `next_at` is the earliest instant that was not run yet. None when nothing is due.
    ///
    /// A `next_at` that an earlier expression or an earlier time zone database named may have come while nothing is due: there is
    /// none, and [`next_after`](Self::next_after) now says what to wait for.
    pub fn collapse(&self, next_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Due> {
        let due_at = self.last_until(now).filter(|due_at| *due_at >= next_at)?;
        let just_before = next_at - chrono::TimeDelta::nanoseconds(1);
        let earlier = self.after(just_before).take_while(|at| *at < due_at).take(Self::MOST_MISSED as usize).count();
        let missed = u32::try_from(earlier).unwrap_or(Self::MOST_MISSED);
        Some(Due { due_at, missed, next_at: self.next_after(now) })
    }

    /// Says it to people: "every day at 02:00 (Europe/Berlin)". What it has no words for it shows as the expression.
    pub fn describe(&self, language: Language) -> String {
        describe::describe(self, language)
    }

    fn after(&self, instant: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        std::iter::successors(self.next_after(instant), |at| self.next_after(*at))
    }
}
