//! What holds of every plan.

use std::collections::BTreeSet;

use chiliview_policy::retention::{Decision, Point, Policy, Reason, plan};
use chiliview_policy::schedule::Zone;
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use crate::samples::at;

fn policies() -> impl Strategy<Value = Policy> {
    let count = || prop_oneof![Just(0_u32), 0_u32..6, 0_u32..2000];
    (count(), count(), count(), count(), count(), count(), proptest::option::of(0_u32..400)).prop_map(
        |(keep_last, hourly, daily, weekly, monthly, yearly, max_age_days)| Policy {
            keep_last,
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
            max_age_days,
        },
    )
}

fn now() -> DateTime<Utc> {
    at("2026-11-23T12:00:00Z")
}

/// Points of the last years, dense and sparse, some pinned, unproven, or without an artefact of their own.
fn histories() -> impl Strategy<Value = Vec<Point>> {
    let minutes = prop_oneof![-60_i64..10_000, 0_i64..2_000_000];
    let facts = (minutes, any::<prop::sample::Index>(), 0_u8..20);
    prop::collection::vec(facts, 0..80).prop_map(|all| {
        let count = all.len();
        let named = |index: &prop::sample::Index| Uuid::from_u128(index.index(count) as u128);
        let point = |(n, (minutes, artefact, kind)): (usize, &(i64, prop::sample::Index, u8))| Point {
            id: Uuid::from_u128(n as u128),
            at: now() - TimeDelta::minutes(*minutes),
            artefact: if *kind < 5 { named(artefact) } else { Uuid::from_u128(n as u128) },
            bytes: 1,
            pinned: *kind == 6,
            countable: *kind < 15,
        };
        all.iter().enumerate().map(point).collect()
    })
}

fn zones() -> impl Strategy<Value = Zone> {
    let names = ["Europe/Berlin", "UTC", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia"];
    prop::sample::select(names.to_vec()).prop_map(|name| name.parse().unwrap())
}

fn kept(decisions: &[Decision]) -> BTreeSet<Uuid> {
    decisions.iter().filter(|decision| !decision.keep.is_empty()).map(|decision| decision.id).collect()
}

fn larger(policy: Policy, by: [u32; 7]) -> Policy {
    Policy {
        keep_last: policy.keep_last + by[0],
        hourly: policy.hourly + by[1],
        daily: policy.daily + by[2],
        weekly: policy.weekly + by[3],
        monthly: policy.monthly + by[4],
        yearly: policy.yearly + by[5],
        max_age_days: policy.max_age_days.filter(|_| !by[6].is_multiple_of(4)).map(|days| days + by[6]),
    }
}

proptest! {
    #[test]
    fn the_order_of_points_does_not_matter(policy in policies(), zone in zones(), points in histories().prop_shuffle()) {
        let mut sorted = points.clone();
        sorted.sort_by_key(|point| point.id);
        prop_assert_eq!(plan(&policy, zone, &points, now()), plan(&policy, zone, &sorted, now()));
    }

    #[test]
    fn every_point_is_decided_once(policy in policies(), zone in zones(), points in histories()) {
        let decisions = plan(&policy, zone, &points, now());
        let ids: BTreeSet<_> = decisions.iter().map(|decision| decision.id).collect();
        prop_assert_eq!(decisions.len(), points.len());
        prop_assert_eq!(ids, points.iter().map(|point| point.id).collect());
    }

    #[test]
    fn the_newest_verified_and_the_pinned_stay(policy in policies(), zone in zones(), points in histories()) {
        let kept = kept(&plan(&policy, zone, &points, now()));
        let newest = points.iter().filter(|point| point.countable).max_by_key(|point| (point.at, point.id));
        prop_assert!(newest.is_none_or(|point| kept.contains(&point.id)));
        prop_assert!(points.iter().filter(|point| point.pinned).all(|point| kept.contains(&point.id)));
    }

    #[test]
    fn what_is_kept_has_its_artefact(policy in policies(), zone in zones(), points in histories()) {
        let kept = kept(&plan(&policy, zone, &points, now()));
        prop_assert!(points.iter().filter(|point| kept.contains(&point.id)).all(|point| kept.contains(&point.artefact)));
    }

    #[test]
    fn the_last_are_kept_and_rules_keep_no_more_than_they_say(policy in policies(), zone in zones(), points in histories()) {
        let policy = Policy { max_age_days: None, ..policy };
        let decisions = plan(&policy, zone, &points, now());
        let count = |is: fn(&Reason) -> bool| decisions.iter().flat_map(|d| &d.keep).filter(|reason| is(reason)).count();
        let countable = points.iter().filter(|point| point.countable).count();
        prop_assert_eq!(count(|reason| matches!(reason, Reason::Last(_))), countable.min(policy.keep_last.min(Policy::MOST) as usize));
        prop_assert!(count(|reason| matches!(reason, Reason::Daily(_))) <= policy.daily as usize);
        prop_assert!(count(|reason| matches!(reason, Reason::Yearly(_))) <= policy.yearly as usize);
    }

    #[test]
    fn nothing_too_old_is_kept_by_a_rule(policy in policies(), zone in zones(), points in histories()) {
        let Some(days) = policy.max_age_days else { return Ok(()) };
        let old = |id| points.iter().any(|point| point.id == id && now() - point.at > TimeDelta::days(days.into()));
        for decision in plan(&policy, zone, &points, now()).iter().filter(|decision| old(decision.id)) {
            let allowed = |reason: &Reason| matches!(reason, Reason::Pinned | Reason::NewestVerified | Reason::ReferencedBy(_));
            prop_assert!(decision.keep.iter().all(allowed));
        }
    }

    #[test]
    fn planning_what_was_kept_removes_nothing(policy in policies(), zone in zones(), points in histories()) {
        let first = plan(&policy, zone, &points, now());
        let kept = kept(&first);
        let left: Vec<_> = points.into_iter().filter(|point| kept.contains(&point.id)).collect();
        let again = plan(&policy, zone, &left, now());
        prop_assert_eq!(again, first.into_iter().filter(|decision| !decision.keep.is_empty()).collect::<Vec<_>>());
    }

    #[test]
    fn a_larger_policy_keeps_all_that_a_smaller_one_does(policy in policies(), by in prop::array::uniform7(0_u32..50), zone in zones(), points in histories()) {
        let small = kept(&plan(&policy, zone, &points, now()));
        let large = kept(&plan(&larger(policy, by), zone, &points, now()));
        prop_assert!(small.is_subset(&large));
    }
}
