//! Failed log-ins.

use std::time::Duration;

use chiliview_store::{
    Database, Timestamp,
    throttle::{self, Policy, Subject},
};

use crate::{
    common::{at, read, write},
    engines::on_every_engine,
};

const POLICY: Policy = Policy {
    free: 2,
    window: Duration::from_secs(100),
    first_wait: Duration::from_secs(4),
    longest_wait: Duration::from_secs(10),
};

async fn fail(db: &Database, subject: &Subject, now: Timestamp) {
    write(db, async |tx| throttle::failed(tx, subject, POLICY, now).await).await;
}

async fn blocked(db: &Database, subject: &Subject, now: Timestamp) -> Option<Timestamp> {
    read(db, async |tx| throttle::blocked_until(tx, subject, now).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_grow_end_and_are_forgotten_by_success() {
    on_every_engine(async |store| {
        let db = store.central();
        let (anna, address) = (Subject::account(Some("acme"), "Anna"), Subject::address("10.0.0.1"));
        assert_eq!(blocked(db, &anna, at(0)).await, None);
        for (second, until) in [(0, None), (1, None), (2, Some(6)), (3, Some(11)), (4, Some(14)), (5, Some(15))] {
            fail(db, &anna, at(second)).await;
            assert_eq!(blocked(db, &anna, at(second)).await, until.map(at), "after the failure at {second}");
        }
        assert_eq!(blocked(db, &anna, at(15)).await, None, "the end itself is free");
        assert_eq!(blocked(db, &Subject::account(Some("acme"), "ANNA"), at(6)).await, Some(at(15)));
        for other in [&Subject::account(None, "Anna"), &Subject::account(Some("b"), "Anna"), &address] {
            assert_eq!(blocked(db, other, at(6)).await, None);
        }
        write(db, async |tx| throttle::succeeded(tx, &anna).await).await;
        fail(db, &anna, at(7)).await;
        assert_eq!(blocked(db, &anna, at(7)).await, None, "counted anew");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_quiet_window_the_count_starts_anew_and_old_rows_go() {
    on_every_engine(async |store| {
        let db = store.central();
        let (anna, bob) = (Subject::account(None, "anna"), Subject::account(None, "bob"));
        for second in 0..4 {
            fail(db, &anna, at(second)).await;
        }
        assert!(blocked(db, &anna, at(4)).await.is_some());
        fail(db, &anna, at(103)).await;
        assert_eq!(blocked(db, &anna, at(103)).await, None);
        fail(db, &bob, at(200)).await;
        assert_eq!(write(db, async |tx| throttle::delete_older(tx, at(103)).await).await, 0);
        assert_eq!(write(db, async |tx| throttle::delete_older(tx, at(104)).await).await, 1);
        assert_eq!(write(db, async |tx| throttle::delete_older(tx, at(201)).await).await, 1);
    })
    .await;
}
