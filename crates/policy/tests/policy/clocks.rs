//! Where the clock goes forward or back.

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};
use proptest::prelude::*;

use crate::samples::{at, timing};

/// The next `count` instants after `from`, as the local clock shows them.
fn shown(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
    let timing = timing(cron, zone);
    let show = |instant| {
        let (local, offset) = timing.zone.local(instant);
        format!("{} {offset}", local.format("%m-%d %H:%M"))
    };
    timing.next(count, at(from)).into_iter().map(show).collect()
}

#[test]
fn a_time_that_is_left_out_is_due_right_after_the_gap() {
    let berlin = shown("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2);
    assert_eq!(berlin, ["03-29 03:00 +02:00", "03-30 02:30 +02:00"]);
    let new_york = shown("15 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2);
    assert_eq!(new_york, ["03-08 03:00 -04:00", "03-09 02:15 -04:00"]);
    let lord_howe = shown("10 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2);
    assert_eq!(lord_howe, ["10-04 02:30 +11:00", "10-05 02:10 +11:00"]);
}

#[test]
fn several_times_that_are_left_out_are_due_once() {
    let list = shown("0,30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 3);
    assert_eq!(list, ["03-29 03:00 +02:00", "03-29 03:30 +02:00", "03-30 02:00 +02:00"]);
}

#[test]
fn a_time_that_comes_twice_is_due_the_first_time() {
    let berlin = shown("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
    assert_eq!(berlin, ["10-25 02:30 +02:00", "10-26 02:30 +01:00"]);
    let new_york = shown("0,30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 3);
    assert_eq!(new_york, ["11-01 01:00 -04:00", "11-01 01:30 -04:00", "11-02 01:00 -05:00"]);
    let lord_howe = shown("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", 2);
    assert_eq!(lord_howe, ["04-05 01:45 +11:00", "04-06 01:45 +10:30"]);
}

#[test]
fn what_runs_in_every_hour_is_served_in_both_passes_and_not_in_a_gap() {
    let back = shown("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:59:00Z", 5);
    assert_eq!(
        back,
        ["10-25 02:00 +02:00", "10-25 02:30 +02:00", "10-25 02:00 +01:00", "10-25 02:30 +01:00", "10-25 03:00 +01:00"]
    );
    let forward = shown("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3);
    assert_eq!(forward, ["03-29 01:30 +01:00", "03-29 03:00 +02:00", "03-29 03:30 +02:00"]);
    let half_an_hour = shown("*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:40:00Z", 4);
    assert_eq!(half_an_hour, ["04-05 01:45 +11:00", "04-05 01:30 +10:30", "04-05 01:45 +10:30", "04-05 02:00 +10:30"]);
}

#[test]
fn a_day_that_is_left_out_is_made_up_for_when_the_next_begins() {
    let daily = shown("0 2 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", 4);
    assert_eq!(daily, ["12-29 02:00 -10:00", "12-31 00:00 +14:00", "12-31 02:00 +14:00", "01-01 02:00 +14:00"]);
    let on_fridays = shown("0 2 * * 5", "Pacific/Apia", "2011-12-29T00:00:00Z", 2);
    assert_eq!(on_fridays, ["12-31 00:00 +14:00", "01-06 02:00 +14:00"]);
    let hourly = shown("0 * * * *", "Pacific/Apia", "2011-12-30T08:30:00Z", 3);
    assert_eq!(hourly, ["12-29 23:00 -10:00", "12-31 00:00 +14:00", "12-31 01:00 +14:00"]);
}

#[test]
fn a_weekly_run_whose_gap_ends_on_the_next_day_is_not_lost() {
    let nuuk = shown("30 23 * * 6", "America/Nuuk", "2024-03-29T00:00:00Z", 2);
    assert_eq!(nuuk, ["03-31 00:00 -01:00", "04-06 23:30 -01:00"]);
}

/// Each zone, and days on which its clock goes forward, goes back, or does neither.
fn turns() -> impl Strategy<Value = (&'static str, DateTime<Utc>)> {
    let turns = [
        ("Europe/Berlin", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-10-25T01:00:00Z"),
        ("America/New_York", "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z"),
        ("America/Nuuk", "2024-03-31T01:00:00Z"),
        ("America/Havana", "2026-11-01T05:00:00Z"),
        ("America/St_Johns", "2006-10-29T02:31:00Z"),
        ("Asia/Beirut", "2026-03-28T22:00:00Z"),
        ("Asia/Kathmandu", "2026-11-23T00:00:00Z"),
    ];
    prop::sample::select(turns.to_vec()).prop_map(|(zone, turn)| (zone, at(turn)))
}

fn numbers(end: u32) -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![prop::collection::btree_set(0..end, 1..4).prop_map(Vec::from_iter), Just((0..end).collect())]
}

fn list(numbers: &[u32]) -> String {
    if numbers.len() >= 24 {
        return "*".into();
    }
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// The rule as it is written, minute by minute: in each hour → whenever the clock shows it; else → when the clock first shows it or later.
fn by_the_rule(hours: &[u32], minutes: &[u32], clock: &[(DateTime<Utc>, NaiveDateTime)]) -> Vec<DateTime<Utc>> {
    use chrono::Timelike;
    let matches = |time: &NaiveDateTime| hours.contains(&time.hour()) && minutes.contains(&time.minute());
    if hours.len() == 24 {
        return clock.iter().filter(|(_, local)| matches(local)).map(|(at, _)| *at).collect();
    }
    let mut due = Vec::new();
    let mut latest = clock[0].1;
    for (at, local) in &clock[1..] {
        let following = |time: &NaiveDateTime| Some(*time + TimeDelta::minutes(1));
        let mut passed = std::iter::successors(following(&latest), following).take_while(|time| time <= local);
        if passed.any(|time| matches(&time)) {
            due.push(*at);
        }
        latest = latest.max(*local);
    }
    due
}

proptest! {
    #[test]
    fn instants_are_those_of_the_rule((zone, turn) in turns(), hours in numbers(24), minutes in numbers(60)) {
        let timing = timing(&format!("{} {} * * *", list(&minutes), list(&hours)), zone);
        let (from, until) = (turn - TimeDelta::hours(30), turn + TimeDelta::hours(30));
        let minute = |n| from + TimeDelta::minutes(n);
        let clock: Vec<_> = (0..=3600).map(|n| (minute(n), timing.zone.local(minute(n)).0)).collect();
        let expected = by_the_rule(&hours, &minutes, &clock);
        let found = timing.due_between(from, until);
        // The first minutes may stand for times before the window; both look at what follows.
        let after = |list: Vec<DateTime<Utc>>| list.into_iter().filter(|at| *at > from).collect::<Vec<_>>();
        prop_assert_eq!(after(found), after(expected));
    }

    #[test]
    fn each_instant_follows_the_one_before((zone, turn) in turns(), hours in numbers(24), minutes in numbers(60), off in -7_200_i64..7_200) {
        let timing = timing(&format!("{} {} * * *", list(&minutes), list(&hours)), zone);
        let start = turn + TimeDelta::seconds(off);
        let mut before = start;
        for next in timing.next(20, start) {
            prop_assert!(next > before);
            prop_assert_eq!(timing.last_until(next), Some(next));
            prop_assert_eq!(timing.next_after(next - TimeDelta::nanoseconds(1)), Some(next));
            prop_assert_eq!(timing.last_until(next - TimeDelta::nanoseconds(1)).max(Some(start)), Some(before));
            before = next;
        }
    }

    #[test]
    fn a_daily_run_is_due_once_on_each_local_day(zone in prop::sample::select(chrono_zones()), days in 0_i64..5000) {
        let timing = timing("0 2 * * *", zone);
        let from = at("2016-01-01T12:00:00Z") + TimeDelta::days(days);
        let due = timing.due_between(from, from + TimeDelta::days(40));
        for pair in due.windows(2) {
            let day = |at| timing.zone.local(at).0.date();
            prop_assert_eq!(day(pair[1]), day(pair[0]).succ_opt().unwrap());
        }
        prop_assert!(due.len() >= 39);
    }

    #[test]
    fn days_are_those_that_the_fields_name(dom in 1_u32..32, months in numbers(12), dow in 0_u32..8, which in 0_u8..4, start in 0_i64..5000) {
        let named = |is: bool, number: u32| if is { number.to_string() } else { "*".into() };
        let (by_dom, by_dow) = (which & 1 == 1, which & 2 == 2);
        let months: Vec<_> = months.iter().map(|month| month + 1).collect();
        // Days that no named month has are refused.
        prop_assume!(dom < 29 || months.contains(&1) || by_dow || !by_dom);
        let timing = timing(&format!("0 12 {} {} {}", named(by_dom, dom), list(&months), named(by_dow, dow)), "UTC");
        let from = at("2016-01-01T12:00:00Z") + TimeDelta::days(start);
        let matches = |day: &DateTime<Utc>| {
            let weekday = by_dow && day.weekday().num_days_from_sunday() == dow % 7;
            let of_month = by_dom && day.day() == dom;
            months.contains(&day.month()) && (weekday || of_month || (!by_dom && !by_dow))
        };
        let expected: Vec<_> = (1..=800).map(|n| from + TimeDelta::days(n)).filter(matches).collect();
        prop_assert_eq!(timing.due_between(from, from + TimeDelta::days(800)), expected);
    }

    #[test]
    fn no_instant_is_beyond_reason(micros in any::<i64>(), zone in prop::sample::select(chrono_zones())) {
        let Some(instant) = DateTime::from_timestamp_micros(micros) else { return Ok(()) };
        let timing = timing("*/7 1-5 * * *", zone);
        prop_assert!(timing.next_after(instant).is_none_or(|next| next > instant));
        prop_assert!(timing.last_until(instant).is_none_or(|last| last <= instant));
    }
}

fn chrono_zones() -> Vec<&'static str> {
    vec![
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Asia/Kolkata",
        "Africa/Casablanca",
        "America/Santiago",
        "Asia/Tehran",
        "Africa/Cairo",
        "America/Havana",
        "Pacific/Chatham",
        "UTC",
        "Antarctica/Troll",
    ]
}
