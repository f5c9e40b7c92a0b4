//! Guessing passwords gets slow, and nobody is locked out for good.

use std::time::Duration;

use chiliview_store::admins::AdminRole;
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
