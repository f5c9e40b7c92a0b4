//! What a policy would remove in the days to come.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Point, Policy, plan};
use crate::schedule::{Timing, Zone};

/// How far to look ahead, and what happens until then.
#[derive(Clone, Copy, Debug)]
pub struct Outlook<'a> {
    /// The next pruning; one follows each 24 hours.
    pub first_pruning: DateTime<Utc>,
    /// How many prunings to look at, at most [`MOST_DAYS`](Self::MOST_DAYS).
    pub days: u32,
    /// What makes further points, as far as each of its runs succeeds; none while it is paused.
    pub timing: Option<&'a Timing>,
}

/// When a point goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// The backup.
    pub id: Uuid,
    /// The pruning that removes it.
    pub goes_on: DateTime<Utc>,
}

impl Outlook<'_> {
    /// No look ahead is longer than this.
    pub const MOST_DAYS: u32 = 400;
}

/// When each of `points` goes, as far as it goes within the outlook; the earliest first, then the oldest. Removes nothing.
///
/// It plans once for each day, so many points and days are not for a thread that others wait for.
pub fn preview(
    policy: &Policy,
    zone: Zone,
    points: &[Point],
    now: DateTime<Utc>,
    outlook: Outlook<'_>,
) -> Vec<Leaving> {
    let mut left: Vec<Point> = points.to_vec();
    let may_go = points.iter().filter(|point| !point.pinned);
    let mut present: HashMap<Uuid, DateTime<Utc>> = may_go.map(|point| (point.id, point.at)).collect();
    let mut leaving = Vec::new();
    let mut since = now;
    for day in 0..outlook.days.min(Outlook::MOST_DAYS) {
        let Some(pruning) = outlook.first_pruning.checked_add_signed(TimeDelta::days(i64::from(day))) else { break };
        let runs = outlook.timing.map_or_else(Vec::new, |timing| timing.due_between(since, pruning));
        left.extend(runs.into_iter().map(future));
        since = pruning.max(since);
        let decisions = plan(policy, zone, &left, pruning);
        let gone: HashSet<Uuid> = decisions.into_iter().filter(|d| d.keep.is_empty()).map(|d| d.id).collect();
        left.retain(|point| !gone.contains(&point.id));
        let mut going: Vec<_> = gone.into_iter().filter_map(|id| present.remove(&id).map(|at| (at, id))).collect();
        going.sort_unstable();
        leaving.extend(going.into_iter().map(|(_, id)| Leaving { id, goes_on: pruning }));
        if present.is_empty() {
            break;
        }
    }
    leaving
}

/// A run to come, as if it had succeeded. Its id is of no version that anything is named by, and is its instant: runs differ in it.
fn future(at: DateTime<Utc>) -> Point {
    let id = Uuid::from_u64_pair(u64::MAX, at.timestamp_micros().cast_unsigned());
    Point { id, at, artefact: id, bytes: 0, pinned: false, countable: true }
}
