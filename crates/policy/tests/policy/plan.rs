//! Plans for histories that people know.

use chiliview_policy::retention::{Decision, Point, Policy, Reason, plan};
use chiliview_policy::schedule::Zone;
use chrono::TimeDelta;
use uuid::Uuid;

use crate::samples::{at, point};

const NOTHING: Policy =
    Policy { keep_last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, max_age_days: None };

fn berlin() -> Zone {
    "Europe/Berlin".parse().unwrap()
}

/// One point each `step` since `first`, numbered from 0.
fn history(first: &str, step: TimeDelta, count: u32) -> Vec<Point> {
    (0..count).map(|n| point(n.into(), at(first) + step * i32::try_from(n).unwrap())).collect()
}

fn reasons(decisions: &[Decision], id: u128) -> Vec<Reason> {
    decisions.iter().find(|decision| decision.id == Uuid::from_u128(id)).unwrap().keep.clone()
}

fn kept(decisions: &[Decision]) -> Vec<u128> {
    decisions.iter().filter(|decision| !decision.keep.is_empty()).map(|decision| decision.id.as_u128()).collect()
}

#[test]
fn seven_daily_of_a_year_are_the_last_seven_days() {
    let points = history("2025-11-24T01:00:00Z", TimeDelta::days(1), 365);
    let decisions = plan(&Policy { daily: 7, ..NOTHING }, berlin(), &points, at("2026-11-23T12:00:00Z"));
    assert_eq!(kept(&decisions), [364, 363, 362, 361, 360, 359, 358]);
    assert_eq!(reasons(&decisions, 364), [Reason::Daily("2026-11-23".into()), Reason::NewestVerified]);
}

#[test]
fn the_default_keeps_days_weeks_and_months_of_a_year() {
    let points = history("2025-11-24T01:00:00Z", TimeDelta::days(1), 365);
    let decisions = plan(&Policy::default(), berlin(), &points, at("2026-11-23T12:00:00Z"));
    let count = |is: fn(&Reason) -> bool| decisions.iter().flat_map(|d| &d.keep).filter(|reason| is(reason)).count();
    assert_eq!(count(|reason| matches!(reason, Reason::Daily(_))), 7);
    assert_eq!(count(|reason| matches!(reason, Reason::Weekly(_))), 4);
    assert_eq!(count(|reason| matches!(reason, Reason::Monthly(_))), 6);
    let october = decisions.iter().find(|d| d.keep.contains(&Reason::Monthly("2026-10".into()))).unwrap();
    assert_eq!(october.id.as_u128(), 341, "the 31st");
}

#[test]
fn days_without_a_backup_use_up_no_number() {
    let mut points = history("2026-01-01T01:00:00Z", TimeDelta::days(1), 5);
    points.push(point(100, at("2026-11-23T01:00:00Z")));
    let decisions = plan(&Policy { daily: 3, ..NOTHING }, berlin(), &points, at("2026-11-23T12:00:00Z"));
    assert_eq!(kept(&decisions), [100, 4, 3]);
}

#[test]
fn a_day_is_one_of_the_zone() {
    let points = [point(1, at("2026-11-22T22:30:00Z")), point(2, at("2026-11-22T23:30:00Z"))];
    let daily = Policy { daily: 5, ..NOTHING };
    assert_eq!(kept(&plan(&daily, berlin(), &points, at("2026-11-23T12:00:00Z"))), [2, 1]);
    assert_eq!(kept(&plan(&daily, Zone::UTC, &points, at("2026-11-23T12:00:00Z"))), [2]);
}

#[test]
fn an_hour_that_comes_twice_is_two_hours() {
    let points = [point(1, at("2026-10-25T00:10:00Z")), point(2, at("2026-10-25T01:10:00Z"))];
    let decisions = plan(&Policy { hourly: 5, ..NOTHING }, berlin(), &points, at("2026-10-25T12:00:00Z"));
    assert_eq!(reasons(&decisions, 1), [Reason::Hourly("2026-10-25T02+02:00".into())]);
    assert_eq!(reasons(&decisions, 2), [Reason::Hourly("2026-10-25T02+01:00".into()), Reason::NewestVerified]);
}

#[test]
fn weeks_and_their_years_are_those_of_iso_8601() {
    let points = [point(1, at("2027-01-03T12:00:00Z"))];
    let policy = Policy { weekly: 1, monthly: 1, yearly: 1, ..NOTHING };
    let expected = [
        Reason::Weekly("2026-W53".into()),
        Reason::Monthly("2027-01".into()),
        Reason::Yearly("2027".into()),
        Reason::NewestVerified,
    ];
    assert_eq!(reasons(&plan(&policy, berlin(), &points, at("2027-01-04T00:00:00Z")), 1), expected);
}

#[test]
fn what_is_too_old_goes_but_for_pinned_ones_and_the_newest_verified() {
    let mut points = history("2026-01-01T01:00:00Z", TimeDelta::days(1), 5);
    points[1].pinned = true;
    let policy = Policy { daily: 7, max_age_days: Some(30), ..NOTHING };
    let decisions = plan(&policy, berlin(), &points, at("2026-11-23T12:00:00Z"));
    assert_eq!(kept(&decisions), [4, 1]);
    assert_eq!(reasons(&decisions, 4), [Reason::NewestVerified]);
    assert_eq!(reasons(&decisions, 1), [Reason::Pinned]);
}

#[test]
fn an_artefact_stays_while_a_kept_point_names_it() {
    let mut points = history("2026-11-01T01:00:00Z", TimeDelta::days(1), 20);
    for unchanged in &mut points[6..] {
        unchanged.artefact = Uuid::from_u128(5);
    }
    let decisions = plan(&Policy { daily: 2, ..NOTHING }, berlin(), &points, at("2026-11-23T12:00:00Z"));
    assert_eq!(kept(&decisions), [19, 18, 5]);
    assert_eq!(reasons(&decisions, 5), [Reason::ReferencedBy(Uuid::from_u128(19))]);
}

#[test]
fn artefacts_that_name_each_other_are_followed_once() {
    let mut points = history("2026-11-01T01:00:00Z", TimeDelta::days(1), 3);
    for (n, artefact) in [(0, 1), (1, 0), (2, 1)] {
        points[n].artefact = Uuid::from_u128(artefact);
    }
    let decisions = plan(&Policy { daily: 1, ..NOTHING }, berlin(), &points, at("2026-11-23T12:00:00Z"));
    assert_eq!(kept(&decisions), [2, 1, 0]);
}

#[test]
fn what_is_not_verified_takes_the_place_of_nothing_and_goes_with_its_time() {
    let mut points = history("2026-11-01T01:00:00Z", TimeDelta::days(1), 6);
    for unproven in [0, 5] {
        points[unproven].countable = false;
    }
    let decisions = plan(&Policy { daily: 2, ..NOTHING }, berlin(), &points, at("2026-11-23T12:00:00Z"));
    assert_eq!(kept(&decisions), [5, 4, 3]);
    assert_eq!(reasons(&decisions, 5), [Reason::Unproven]);
    assert_eq!(reasons(&decisions, 4), [Reason::Daily("2026-11-05".into()), Reason::NewestVerified]);
}

#[test]
fn nothing_goes_while_nothing_is_verified() {
    let mut points = history("2026-11-01T01:00:00Z", TimeDelta::days(1), 6);
    points.iter_mut().for_each(|point| point.countable = false);
    let decisions = plan(&Policy { daily: 2, ..NOTHING }, berlin(), &points, at("2026-11-23T12:00:00Z"));
    assert_eq!(kept(&decisions).len(), 6);
}

#[test]
fn a_hundred_thousand_points_are_planned() {
    let points = history("2015-01-01T00:00:00Z", TimeDelta::hours(1), 100_000);
    let decisions = plan(&Policy::default(), berlin(), &points, at("2026-11-23T12:00:00Z"));
    assert_eq!(decisions.len(), 100_000);
}

#[test]
fn reasons_are_snake_case_in_json() {
    let json = serde_json::to_string(&[Reason::NewestVerified, Reason::Weekly("2026-W48".into())]).unwrap();
    assert_eq!(json, r#"["newest_verified",{"weekly":"2026-W48"}]"#);
}
