//! Failed log-ins.

use std::time::Duration;

use chiliview_store::{
    Database, Timestamp,
    throttle::{self, Attempt, Network, Policy, Subject, Turn},
};

use crate::{
    common::{at, open, read, write},
    engines::{on_every_engine, on_every_settings},
};

const POLICY: Policy = Policy {
    free: 2,
    window: Duration::from_secs(100),
    first_wait: Duration::from_secs(4),
    longest_wait: Duration::from_secs(10),
};

async fn begin(db: &Database, subject: &Subject, now: Timestamp) -> Turn {
    write(db, async |tx| throttle::begin(tx, subject, POLICY, now).await).await
}

async fn granted(db: &Database, subject: &Subject, now: Timestamp) -> Attempt {
    match begin(db, subject, now).await {
        Turn::Granted(attempt) => attempt,
        Turn::Wait(until) => panic!("it has to wait until {until:?}"),
    }
}

async fn fail(db: &Database, subject: &Subject, now: Timestamp) {
    let attempt = granted(db, subject, now).await;
    write(db, async |tx| throttle::failed(tx, &attempt, now).await).await;
}

fn network(address: &str) -> Subject {
    Subject::network(Network::of(Some(address.parse().unwrap())))
}

async fn blocked(db: &Database, subject: &Subject, now: Timestamp) -> Option<Timestamp> {
    read(db, async |tx| throttle::blocked_until(tx, subject, now).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_grow_end_and_are_forgotten_by_success() {
    on_every_engine(async |store| {
        let db = store.central();
        let (anna, address) = (Subject::account(Some("acme"), "Anna"), network("10.0.0.1"));
        assert_eq!(blocked(db, &anna, at(0)).await, None);
        for (second, until) in [(0, None), (1, None), (2, Some(6)), (6, Some(14)), (14, Some(24)), (24, Some(34))] {
            fail(db, &anna, at(second)).await;
            assert_eq!(blocked(db, &anna, at(second)).await, until.map(at), "after the failure at {second}");
        }
        assert_eq!(blocked(db, &anna, at(34)).await, None, "the end itself is free");
        assert_eq!(blocked(db, &Subject::account(Some("acme"), "ANNA"), at(33)).await, Some(at(34)));
        let from = Subject::account_from(Network::of(None), Some("acme"), "Anna");
        for other in [&Subject::account(None, "Anna"), &Subject::account(Some("b"), "Anna"), &address, &from] {
            assert_eq!(blocked(db, other, at(33)).await, None);
        }
        write(db, async |tx| throttle::succeeded(tx, &anna).await).await;
        fail(db, &anna, at(33)).await;
        assert_eq!(blocked(db, &anna, at(33)).await, None, "counted anew");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_quiet_window_the_count_starts_anew_and_old_rows_go() {
    on_every_engine(async |store| {
        let db = store.central();
        let (anna, bob) = (Subject::account(None, "anna"), Subject::account(None, "bob"));
        for second in 0..3 {
            fail(db, &anna, at(second)).await;
        }
        assert!(blocked(db, &anna, at(3)).await.is_some());
        let right = granted(db, &anna, at(90)).await;
        write(db, async |tx| throttle::give_back(tx, &right).await).await;
        fail(db, &anna, at(103)).await;
        assert_eq!(blocked(db, &anna, at(103)).await, None, "what was right did not lengthen the window");
        fail(db, &bob, at(200)).await;
        assert_eq!(write(db, async |tx| throttle::delete_older(tx, at(103)).await).await, 0);
        assert_eq!(write(db, async |tx| throttle::delete_older(tx, at(104)).await).await, 1);
        assert_eq!(write(db, async |tx| throttle::delete_older(tx, at(201)).await).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_no_more_are_judged_than_may_fail() {
    on_every_settings(async |settings| {
        let (one, two) = (open(&settings).await, open(&settings).await);
        let anna = Subject::account(None, "anna");
        let turns = (0..40).map(|turn| {
            let store = if turn % 2 == 0 { &one } else { &two };
            begin(store.central(), &anna, at(0))
        });
        let turns = futures::future::join_all(turns).await;
        let granted: Vec<_> = turns.iter().filter(|turn| matches!(turn, Turn::Granted(_))).collect();
        assert_eq!(granted.len(), 3, "two that cost nothing, and the one that makes the others wait");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_right_makes_nobody_wait() {
    on_every_engine(async |store| {
        let db = store.central();
        let office = network("10.0.0.1");
        for second in 0..20 {
            let right = granted(db, &office, at(second)).await;
            write(db, async |tx| throttle::give_back(tx, &right).await).await;
        }
        for _ in 0..2 {
            fail(db, &office, at(20)).await;
        }
        let right = granted(db, &office, at(21)).await;
        assert_eq!(blocked(db, &office, at(21)).await, Some(at(25)), "while it is judged");
        write(db, async |tx| throttle::give_back(tx, &right).await).await;
        assert_eq!(blocked(db, &office, at(21)).await, None);
        fail(db, &office, at(22)).await;
        assert_eq!(blocked(db, &office, at(22)).await, Some(at(26)), "the failures still count");
    })
    .await;
}

#[test]
fn a_network_is_what_one_client_has_to_himself() {
    let same = [("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"), ("::ffff:10.0.0.1", "10.0.0.1")];
    let others = [("2001:db8:1:2::1", "2001:db8:1:3::1"), ("10.0.0.1", "10.0.0.2"), ("::1", "127.0.0.1")];
    for (one, two) in same {
        assert_eq!(network(one), network(two));
    }
    for (one, two) in others {
        assert_ne!(network(one), network(two));
    }
}
