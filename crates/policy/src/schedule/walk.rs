//! From clock times to instants and back, where the clock goes forward or back.
//!
//! croner walks the clock times, and knows no zone here. Given one, it drops a weekly run whose gap ends on the next day, drops
//! lists of times that fall into a gap, runs them twice when the hour repeats, and ends for good at a day that is left out.

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};
use croner::Direction;

use super::Timing;
use super::zone::Shown;

/// More clock times than a day has minutes are never passed over: no zone left out or repeated more than a day.
const MOST_STEPS: usize = 3 * 1440;

/// croner searches these years, and one is left at each end for the offset.
const YEARS: std::ops::Range<i32> = 2..4999;

pub(super) fn next_after(timing: &Timing, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let local = local(timing, instant)?;
    // In the first of two passes, the second brings earlier clock times again; a list of times does not look at it.
    let start = match timing.zone.shown(local)? {
        Shown::Twice(first, second) if instant < second && timing.cron.is_hourly() => local - (second - first),
        _ => local,
    };
    let mut found: Option<DateTime<Utc>> = None;
    for time in timing.cron.times(start, Direction::Forward).take(MOST_STEPS) {
        let later = instants(timing, time)?.into_iter().flatten().filter(|at| *at > instant);
        found = found.into_iter().chain(later).min();
        if time > local && found.is_some() {
            return found;
        }
    }
    found
}

pub(super) fn last_until(timing: &Timing, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let local = local(timing, instant)?;
    // In the second of two passes, the first has shown later clock times already.
    let start = match timing.zone.shown(local)? {
        Shown::Twice(first, second) if instant >= second => local + (second - first),
        _ => local,
    };
    let mut found: Option<DateTime<Utc>> = None;
    for time in timing.cron.times(start, Direction::Backward).take(MOST_STEPS) {
        let earlier = instants(timing, time)?.into_iter().flatten().filter(|at| *at <= instant);
        found = found.into_iter().chain(earlier).max();
        if time <= local && found.is_some() {
            return found;
        }
    }
    found
}

/// The clock at `instant`, in whole seconds, as croner counts.
fn local(timing: &Timing, instant: DateTime<Utc>) -> Option<NaiveDateTime> {
    let local = timing.zone.local(instant).0;
    let whole = local - TimeDelta::nanoseconds(i64::from(instant.timestamp_subsec_nanos()));
    YEARS.contains(&local.year()).then_some(whole)
}

/// When `timing` is due for one matching clock time.
fn instants(timing: &Timing, time: NaiveDateTime) -> Option<[Option<DateTime<Utc>>; 2]> {
    let hourly = timing.cron.is_hourly();
    Some(match timing.zone.shown(time)? {
        Shown::Once(at) => [Some(at), None],
        Shown::Twice(first, second) => [Some(first), hourly.then_some(second)],
        Shown::Never(gap_ends_at) => [(!hourly).then_some(gap_ends_at), None],
    })
}
