//! Guessing passwords and codes gets slow, however many guess at once, and nobody is locked out for good.

use std::{num::NonZeroU32, ops::Range, time::Duration};

use chiliview_api::app::Policy;
use chiliview_store::{admins::AdminRole, users::UserRole};
use futures::{StreamExt as _, future::join_all};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, TestApp, on_every_engine, on_every_engine_by};

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
        app.log_in(&owner.username, PASSWORD, None).await.expect(200);
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

const OFFICE: &str = "198.51.100.7";

fn with(username: &str, password: &str) -> Value {
    json!({ "username": username, "password": password })
}

/// Tries `username` once from each of so many addresses; how many were judged.
async fn guess_from_everywhere(app: &TestApp, username: &str, addresses: Range<u16>) -> usize {
    let guess = with(username, "wrong password");
    let guesses = addresses.map(async |turn| app.log_in_from(&format!("2001:db8:{turn:x}::1"), &guess).await.status);
    let statuses: Vec<_> = futures::stream::iter(guesses).buffered(16).collect().await;
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    statuses.into_iter().filter(|status| *status == 401).count()
}

#[tokio::test]
async fn somebody_elsewhere_who_guesses_for_hours_keeps_nobody_out() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (wrong, right) = (with(&owner.username, "wrong password"), with(&owner.username, PASSWORD));
        let mut judged = 0;
        for _ in 0..6 * 12 {
            while app.log_in_from("203.0.113.9", &wrong).await.status == 401 {
                judged += 1;
            }
            app.log_in_from("203.0.113.9", &right).await.expect_problem(429, "too_many_requests");
            app.log_in_from(OFFICE, &right).await.expect(200);
            app.post(&owner, "/auth/reauthenticate", json!({ "password": PASSWORD })).await.expect(204);
            app.after(Duration::from_mins(5));
        }
        assert!(judged < 90, "{judged} guesses in six hours");
    })
    .await;
}

#[tokio::test]
async fn guesses_from_many_addresses_are_bounded_and_whoever_was_there_before_gets_in() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (wrong, right) = (with(&owner.username, "wrong password"), with(&owner.username, PASSWORD));
        app.log_in_from(OFFICE, &right).await.expect(200);
        assert_eq!(guess_from_everywhere(app, &owner.username, 0..130).await, 101);
        app.log_in_from("203.0.113.9", &right).await.expect_problem(429, "too_many_requests");
        app.log_in_from(OFFICE, &right).await.expect(200);
        app.after(Duration::from_secs(36));
        app.log_in_from("203.0.113.9", &wrong).await.expect(401);
        app.log_in_from("203.0.113.9", &right).await.expect(429);
        app.after(Duration::from_secs(36));
        app.log_in_from("203.0.113.9", &right).await.expect(200);

        app.after(Duration::from_hours(31 * 24));
        assert_eq!(guess_from_everywhere(app, &owner.username, 0..110).await, 101);
        app.log_in_from(OFFICE, &right).await.expect_problem(429, "too_many_requests");
    })
    .await;
}

/// Neither whether an account exists, nor where it logs in, nor that it is disabled is told by who has to wait.
#[tokio::test]
async fn a_name_that_nobody_has_is_throttled_like_any_other() {
    on_every_engine(async |app| {
        let (owner, gone) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Operator).await);
        for person in [&owner, &gone] {
            app.log_in_from(OFFICE, &with(&person.username, PASSWORD)).await.expect(200);
        }
        let disable = json!({ "disabled": true });
        app.patch(&owner, &format!("/admins/{}", gone.id), disable).await.expect(200);
        let mut told = Vec::new();
        for username in [owner.username.as_str(), &gone.username, "nobody"] {
            let mut heard = vec![(guess_from_everywhere(app, username, 0..103).await, String::new())];
            for address in [OFFICE, OFFICE, "203.0.113.9"] {
                let answer = app.log_in_from(address, &with(username, "wrong password")).await;
                heard.push((answer.status.into(), answer.header("retry-after").to_owned()));
            }
            told.push(heard);
        }
        assert_eq!(told[0][0].0, 101);
        assert_eq!(told[0][1..].iter().map(|(status, _)| *status).collect::<Vec<_>>(), [429, 429, 429]);
        assert!(told.iter().all(|heard| *heard == told[0]), "{told:?}");
    })
    .await;
}

/// All of its people and programs together; and nobody else has to wait for it.
#[tokio::test]
async fn a_tenant_that_asks_without_end_is_slowed_down_alone() {
    const MOST: u32 = 20;
    let policy = Policy { tenant_requests_per_minute: NonZeroU32::new(MOST), ..Policy::default() };
    on_every_engine_by(&policy, async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (busy, calm) = (app.tenant(&owner, "busy").await, app.tenant(&owner, "calm").await);
        let (manager, member) = (app.user(&busy, UserRole::Manager).await, app.user(&busy, UserRole::Member).await);
        let key = json!({ "name": "loop", "role": "manager", "password": PASSWORD });
        let key = app.post(&manager, "/api-keys", key).await.expect(201).field("token");
        let program = Person { token: key, ..manager.clone() };
        let calm = app.user(&calm, UserRole::Manager).await;

        // Each lets one more through every three seconds: on a slow machine, too.
        let mut let_in = 0;
        let refused = loop {
            let who = [&manager, &member, &program][let_in % 3];
            let answer = app.get(who, "/auth/session").await;
            if answer.status == 429 {
                break answer.expect_problem(429, "too_many_requests");
            }
            answer.expect(200);
            let_in += 1;
            assert!(let_in < 10 * MOST as usize, "nobody is slowed down");
        };
        assert!(let_in + 1 >= MOST as usize, "{let_in} of {MOST}, and one made the key");
        let wait: u32 = refused.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        for _ in 0..10 {
            app.get(&calm, "/auth/session").await.expect(200);
            app.get(&owner, "/tenants/busy/users").await.expect(200);
        }
    })
    .await;
}
