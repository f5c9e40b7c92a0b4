//! Missed runs, and how runs are spread.

use std::time::Duration;

use chiliview_policy::schedule::{Timing, jitter};
use chrono::TimeDelta;
use proptest::prelude::*;

use crate::samples::{at, timing};

#[test]
fn nothing_is_due_before_its_time() {
    let daily = timing("0 2 * * *", "UTC");
    assert_eq!(daily.collapse(at("2026-11-23T02:00:00Z"), at("2026-11-23T01:59:59Z")), None);
}

#[test]
fn missed_runs_collapse_into_the_latest() {
    let daily = timing("0 2 * * *", "Europe/Berlin");
    let due = daily.collapse(at("2026-11-20T01:00:00Z"), at("2026-11-23T12:00:00Z")).unwrap();
    assert_eq!(due.due_at, at("2026-11-23T01:00:00Z"));
    assert_eq!(due.missed, 3);
    assert_eq!(due.next_at, Some(at("2026-11-24T01:00:00Z")));
}

#[test]
fn a_next_run_that_the_expression_does_not_name_is_not_run() {
    let daily = timing("0 2 * * *", "UTC");
    assert_eq!(daily.collapse(at("2026-11-23T05:00:00Z"), at("2026-11-23T12:00:00Z")), None);
    let due = daily.collapse(at("2026-11-23T05:00:00Z"), at("2026-11-24T12:00:00Z")).unwrap();
    assert_eq!((due.due_at, due.missed), (at("2026-11-24T02:00:00Z"), 0));
}

#[test]
fn missed_runs_are_counted_only_so_far() {
    let due = timing("* * * * *", "UTC").collapse(at("2016-01-01T00:00:00Z"), at("2026-11-23T12:00:30Z")).unwrap();
    assert_eq!(due.due_at, at("2026-11-23T12:00:00Z"));
    assert_eq!(due.missed, Timing::MOST_MISSED);
}

#[test]
fn lists_of_instants_are_bounded() {
    let every_minute = timing("* * * * *", "UTC");
    assert_eq!(every_minute.next(3, at("2026-11-23T12:00:00Z")).len(), 3);
    let years = every_minute.due_between(at("2020-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z"));
    assert_eq!(years.len(), Timing::MOST_INSTANTS);
}

proptest! {
    #[test]
    fn collapsing_counts_each_run_once(late in 0_i64..200_000, minute in 0_u32..60) {
        let timing = timing(&format!("{minute} */3 * * *"), "Europe/Berlin");
        let next_at = timing.next_after(at("2026-10-24T00:00:00Z")).unwrap();
        let now = next_at + TimeDelta::seconds(late);
        let due = timing.collapse(next_at, now).unwrap();
        let all = timing.due_between(next_at - TimeDelta::seconds(1), now);
        prop_assert_eq!(due.due_at, *all.last().unwrap());
        prop_assert_eq!(due.missed as usize + 1, all.len());
        prop_assert_eq!(timing.collapse(due.next_at.unwrap(), now), None);
    }

    #[test]
    fn jitter_stays_below_its_bound_and_is_always_the_same(seed in any::<[u8; 8]>(), bound in any::<u64>()) {
        let bound = Duration::from_micros(bound);
        prop_assert!(jitter(&seed, bound) < bound || bound.is_zero());
        prop_assert_eq!(jitter(&seed, bound), jitter(&seed, bound));
    }
}

#[test]
fn jitter_is_spread_over_all_of_its_bound() {
    let mut quarters = [0_u32; 4];
    for seed in 0_u32..4000 {
        let part = jitter(&seed.to_be_bytes(), Duration::from_secs(400));
        quarters[usize::try_from(part.as_secs() / 100).unwrap()] += 1;
    }
    assert!(quarters.iter().all(|quarter| (900..1100).contains(quarter)), "{quarters:?}");
    assert_eq!(jitter(b"seed", Duration::MAX).as_micros() >> 64, 0);
}
