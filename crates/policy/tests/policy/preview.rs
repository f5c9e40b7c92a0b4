//! "These go on Friday."

use std::collections::BTreeSet;

use chiliview_policy::retention::{Outlook, Point, Policy, plan, preview};
use chiliview_policy::schedule::{Timing, Zone};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use crate::samples::{at, point, timing};

const NOTHING: Policy =
    Policy { keep_last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, max_age_days: None };

fn a_week() -> Vec<Point> {
    (0_i32..7).map(|n| point(n.unsigned_abs().into(), at("2026-11-17T02:00:00Z") + TimeDelta::days(1) * n)).collect()
}

fn outlook(timing: Option<&Timing>, days: u32) -> Outlook<'_> {
    Outlook { first_pruning: at("2026-11-23T04:00:00Z"), days, timing }
}

fn told(policy: Policy, points: &[Point], outlook: Outlook<'_>) -> Vec<(u128, String)> {
    let leaving = preview(&policy, Zone::UTC, points, at("2026-11-23T03:00:00Z"), outlook);
    leaving.iter().map(|leaving| (leaving.id.as_u128(), leaving.goes_on.format("%m-%d %H").to_string())).collect()
}

#[test]
fn each_new_day_lets_the_oldest_go() {
    let daily = timing("0 2 * * *", "UTC");
    let told = told(Policy { daily: 7, ..NOTHING }, &a_week(), outlook(Some(&daily), 3));
    assert_eq!(told, [(0, "11-24 04".into()), (1, "11-25 04".into())]);
}

#[test]
fn what_a_smaller_policy_lets_go_goes_at_the_next_pruning() {
    let daily = timing("0 2 * * *", "UTC");
    let told = told(Policy { daily: 5, ..NOTHING }, &a_week(), outlook(Some(&daily), 1));
    assert_eq!(told, [(0, "11-23 04".into()), (1, "11-23 04".into())]);
}

#[test]
fn without_a_schedule_only_age_lets_points_go() {
    assert_eq!(told(Policy { daily: 7, ..NOTHING }, &a_week(), outlook(None, 400)), []);
    let aged = told(Policy { daily: 7, max_age_days: Some(7), ..NOTHING }, &a_week(), outlook(None, 400));
    assert_eq!(aged.first(), Some(&(0, "11-24 04".into())));
    assert_eq!(aged.len(), 6, "the newest verified stays");
}

#[test]
fn a_pinned_point_never_goes() {
    let mut points = a_week();
    points[0].pinned = true;
    let hourly = timing("0 * * * *", "UTC");
    let told = told(Policy { keep_last: 2, ..NOTHING }, &points, outlook(Some(&hourly), 10));
    assert_eq!(told.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn an_outlook_is_bounded() {
    let every_minute = timing("* * * * *", "UTC");
    let policy = Policy { yearly: 2, ..NOTHING };
    let told = told(policy, &a_week(), outlook(Some(&every_minute), u32::MAX));
    assert_eq!(told.len(), 7);
}

/// What is left when each day is really lived: the runs happen, then the pruning.
fn lived(policy: &Policy, mut points: Vec<Point>, daily: &Timing, prunings: &[DateTime<Utc>]) -> BTreeSet<Uuid> {
    let mut since = at("2026-11-23T03:00:00Z");
    for (n, pruning) in prunings.iter().enumerate() {
        let runs = daily.due_between(since, *pruning).into_iter().enumerate();
        points.extend(runs.map(|(m, at)| point(1_000_000 + (n * 10_000 + m) as u128, at)));
        since = *pruning;
        let decisions = plan(policy, Zone::UTC, &points, *pruning);
        let gone: BTreeSet<_> = decisions.into_iter().filter(|d| d.keep.is_empty()).map(|d| d.id).collect();
        points.retain(|point| !gone.contains(&point.id));
    }
    points.into_iter().map(|point| point.id).collect()
}

proptest! {
    #[test]
    fn what_is_foretold_is_what_happens(daily in 0_u32..5, weekly in 0_u32..3, last in 1_u32..12, age in proptest::option::of(1_u32..20), days in 1_u32..25) {
        let policy = Policy { daily, weekly, keep_last: last, max_age_days: age, ..NOTHING };
        let timing = timing("30 1,13 * * *", "Europe/Berlin");
        let prunings: Vec<_> = (0..days).map(|n| at("2026-11-23T04:00:00Z") + TimeDelta::days(n.into())).collect();
        let leaving = preview(&policy, Zone::UTC, &a_week(), at("2026-11-23T03:00:00Z"), outlook(Some(&timing), days));
        let gone: BTreeSet<_> = leaving.iter().map(|leaving| leaving.id).collect();
        let left = lived(&policy, a_week(), &timing, &prunings);
        for point in a_week() {
            prop_assert_ne!(gone.contains(&point.id), left.contains(&point.id));
        }
        prop_assert!(leaving.iter().all(|leaving| prunings.contains(&leaving.goes_on)));
    }
}
