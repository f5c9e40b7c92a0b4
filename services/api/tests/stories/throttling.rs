//! Guessing passwords and codes gets slow, however many guess at once, and nobody is locked out for good.

use std::time::Duration;

use chiliview_store::admins::AdminRole;
use futures::future::join_all;
use serde_json::json;

use crate::support::{PASSWORD, on_every_engine};

#[tokio::test]
async fn after_some_failures_an_account_waits_and_then_lets_its_owner_in() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let other = app.admin(AdminRole::Owner).await;
        for _ in 0..6 {
            app.log_in(&owner.username, "wrong password", None).await.expect(401);
        }
        let waits = app.log_in(&owner.username, PASSWORD, None).await.expect_problem(429, "too_many_requests");
        let seconds: u64 = waits.header("retry-after").parse().unwrap();
        app.log_in(&owner.username.to_uppercase(), PASSWORD, None).await.expect(429);
        app.log_in(&other.username, PASSWORD, None).await.expect(200);
        app.after(Duration::from_secs(seconds));
        app.log_in(&owner.username, PASSWORD, None).await.expect(200);
        app.log_in(&owner.username, "wrong password", None).await.expect(401);
        app.log_in(&owner.username, PASSWORD, None).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn each_failure_doubles_the_wait() {
    on_every_engine(async |app| {
        let fail = async || app.log_in("nobody", "wrong password", None).await;
        for _ in 0..5 {
            fail().await.expect(401);
        }
        for expected in [2, 3, 5, 9] {
            fail().await.expect(401);
            let seconds: u64 = fail().await.expect(429).header("retry-after").parse().unwrap();
            assert_eq!(seconds, expected);
            app.after(Duration::from_secs(seconds));
        }
    })
    .await;
}

#[tokio::test]
async fn asking_for_the_current_password_is_guessing_too() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let guess = json!({ "current": "wrong password", "new": "purple elephants dance quietly" });
        for _ in 0..6 {
            app.post(&owner, "/auth/password", guess.clone()).await.expect(403);
        }
        app.post(&owner, "/auth/password", guess).await.expect_problem(429, "too_many_requests");
        app.log_in(&owner.username, PASSWORD, None).await.expect(429);
    })
    .await;
}

#[tokio::test]
async fn of_many_guesses_at_once_no_more_are_judged_than_of_one_after_the_other() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let guesses = (0..100).map(|_| app.log_in(&owner.username, "wrong password", None));
        let statuses: Vec<_> = join_all(guesses).await.into_iter().map(|answer| answer.status).collect();
        let judged = statuses.iter().filter(|status| **status == 401).count();
        let waiting = statuses.iter().filter(|status| **status == 429).count();
        assert_eq!((judged, waiting), (6, 94));
        app.log_in(&owner.username, PASSWORD, None).await.expect_problem(429, "too_many_requests");
        app.after(Duration::from_secs(2));
        app.log_in(&owner.username, PASSWORD, None).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn somebody_who_is_logged_in_guesses_no_more_at_once_either() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let guesses =
            (0..50).map(|_| app.post(&owner, "/auth/reauthenticate", json!({ "password": "wrong password" })));
        let judged = join_all(guesses).await.into_iter().filter(|answer| answer.status == 403).count();
        assert_eq!(judged, 6);
        let right = json!({ "password": PASSWORD });
        app.post(&owner, "/auth/reauthenticate", right).await.expect_problem(429, "too_many_requests");
    })
    .await;
}

#[tokio::test]
async fn whoever_is_right_is_counted_for_nothing() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        for _ in 0..8 {
            app.log_in(&owner.username, PASSWORD, None).await.expect(200);
            app.post(&owner, "/auth/reauthenticate", json!({ "password": PASSWORD })).await.expect(204);
        }
    })
    .await;
}

#[tokio::test]
async fn all_addresses_of_one_network_are_counted_together() {
    on_every_engine(async |app| {
        let guess = |turn: usize| json!({ "username": format!("name{turn}"), "password": "wrong password" });
        for turn in 0..51 {
            app.log_in_from(&format!("2001:db8:1:2::{turn:x}"), &guess(turn)).await.expect(401);
        }
        app.log_in_from("2001:db8:1:2:ffff::1", &guess(99)).await.expect_problem(429, "too_many_requests");
        app.log_in_from("2001:db8:1:3::1", &guess(99)).await.expect(401);
    })
    .await;
}
