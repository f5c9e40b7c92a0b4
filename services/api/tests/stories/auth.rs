//! Logging in, sessions, passwords.

use std::time::Duration;

use argon2::{Argon2, Params, password_hash::PasswordHasher as _};
use chiliview_store::{admins::AdminRole, users::UserRole};
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, on_every_engine};

const HOUR: Duration = Duration::from_secs(3600);
const NEW: &str = "purple elephants dance quietly";

/// Without what names the request.
fn body(answer: &Answer) -> Value {
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("trace_id");
    body
}

#[tokio::test]
async fn all_that_is_wrong_with_a_log_in_gets_one_answer() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let id = app.tenant(&owner, "acme").await;
        let disabled = app.user(&id, UserRole::Member).await;
        let member = app.user(&id, UserRole::Member).await;
        let patch = json!({ "status": "disabled" });
        app.patch(&owner, &format!("/tenants/acme/users/{}", disabled.id), patch).await.expect(200);
        let new = json!({ "username": "nopassword", "email": "n@example.org" });
        app.post(&owner, "/tenants/acme/users", new).await.expect(201);
        let attempts = [
            (owner.username.as_str(), "wrong password", None),
            ("nobody", PASSWORD, None),
            (&disabled.username, PASSWORD, Some("acme")),
            (&member.username, PASSWORD, None),
            (&member.username, PASSWORD, Some("nowhere")),
            (&owner.username, PASSWORD, Some("acme")),
            ("nopassword", PASSWORD, Some("acme")),
        ];
        let first = app.log_in("x", PASSWORD, None).await;
        for (username, password, tenant) in attempts {
            let answer = app.log_in(username, password, tenant).await;
            assert_eq!((answer.status, body(&answer)), (401, body(&first)), "{username} {tenant:?}");
        }
    })
    .await;
}

/// A database that was imported holds hashes that somebody else made.
#[tokio::test]
async fn a_hash_that_would_keep_the_machine_busy_is_a_wrong_password() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let id = app.tenant(&owner, "acme").await;
        let member = app.user(&id, UserRole::Member).await;
        // One KiB more than ours, of the same password: nothing but the bound keeps it from being right.
        let costly = Argon2::from(Params::new(19_457, 2, 1, None).unwrap());
        let hash = costly.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
        let database = app.tenant_database(id.parse().unwrap()).await;
        let change = async |tx: &mut chiliview_store::Tx| {
            tx.query("UPDATE users SET password_hash = $1").bind(hash).execute().await
        };
        database.write(change).await.unwrap();
        let nobody = app.log_in("x", PASSWORD, Some("acme")).await;
        let answer = app.log_in(&member.username, PASSWORD, Some("acme")).await;
        assert_eq!((answer.status, body(&answer)), (401, body(&nobody)));
        let again = json!({ "password": PASSWORD });
        app.post(&member, "/auth/reauthenticate", again).await.expect_problem(403, "wrong_password");
    })
    .await;
}

#[tokio::test]
async fn until_it_is_known_who_calls_a_body_is_small() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let long = app.log_in(&owner.username, &"x".repeat(8 << 10), None).await;
        long.expect_problem(413, "payload_too_large");
        let tenant = json!({ "slug": "acme", "name": "Acme", "notes": "🌶".repeat(10_000) });
        app.call(None, "POST", "/tenants").json(&tenant).send().await.expect_problem(401, "unauthenticated");
        app.post(&owner, "/tenants", tenant).await.expect(201);
        let longest = json!({ "slug": "acme", "name": "x".repeat(256 << 10) });
        app.post(&owner, "/tenants", longest).await.expect_problem(413, "payload_too_large");
    })
    .await;
}

#[tokio::test]
async fn a_log_in_by_cookie_is_one_too_and_logging_out_ends_it() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let answer = app.log_in(&owner.username, PASSWORD, None).await.expect(200);
        let cookie = answer.header("set-cookie").to_owned();
        assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
        let pair = cookie.split(';').next().unwrap();
        let ask = async |method: &str, path: &str, site: &str| {
            let call = app.call(None, method, path).header("Cookie", pair).header("Sec-Fetch-Site", site);
            call.send().await
        };
        ask("GET", "/auth/session", "cross-site").await.expect(200);
        ask("POST", "/auth/logout", "cross-site").await.expect_problem(403, "cross_origin");
        let out = ask("POST", "/auth/logout", "same-origin").await.expect(204);
        assert!(out.header("set-cookie").contains("Max-Age=0"));
        ask("GET", "/auth/session", "same-origin").await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_nobody_uses_is_over_and_one_in_use_goes_on() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        for _ in 0..3 {
            app.after(HOUR * 11);
            app.get(&owner, "/auth/session").await.expect(200);
        }
        app.after(HOUR * 12);
        app.get(&owner, "/auth/session").await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_after_seven_days_however_much_it_is_used() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        for _ in 0..15 {
            app.after(HOUR * 11);
            app.get(&owner, "/auth/session").await.expect(200);
        }
        app.after(HOUR * 3);
        app.get(&owner, "/auth/session").await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_keeps_this_one() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let id = app.tenant(&owner, "acme").await;
        let member = app.user(&id, UserRole::Member).await;
        for (person, tenant) in [(&owner, None), (&member, Some("acme"))] {
            let other = app.log_in_again(person, tenant).await;
            let wrong = json!({ "current": "wrong password", "new": NEW });
            app.post(person, "/auth/password", wrong).await.expect_problem(403, "wrong_password");
            let weak = json!({ "current": PASSWORD, "new": "password1234" });
            assert_eq!(app.post(person, "/auth/password", weak).await.expect(422).pointers(), ["/new"]);
            let change = json!({ "current": PASSWORD, "new": NEW });
            app.post(person, "/auth/password", change).await.expect(204);
            app.get(person, "/auth/session").await.expect(200);
            app.get(&other, "/auth/session").await.expect(401);
            app.log_in(&person.username, PASSWORD, tenant).await.expect(401);
            app.log_in(&person.username, NEW, tenant).await.expect(200);
        }
    })
    .await;
}

#[tokio::test]
async fn ones_own_sessions_are_listed_and_ended_and_nobody_elses() {
    on_every_engine(async |app| {
        let (one, two) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Owner).await);
        let other = app.log_in_again(&one, None).await;
        let sessions = app.get(&one, "/auth/sessions").await.expect(200);
        let current =
            sessions.json()["items"].as_array().unwrap().iter().map(|s| s["current"].clone()).collect::<Vec<_>>();
        assert_eq!(current, [json!(false), json!(true)]);
        let newest = sessions.column("id")[0].clone();
        app.delete(&two, &format!("/auth/sessions/{newest}")).await.expect_problem(404, "not_found");
        app.delete(&one, &format!("/auth/sessions/{newest}")).await.expect(204);
        app.get(&other, "/auth/session").await.expect(401);
        app.get(&one, "/auth/session").await.expect(200);
    })
    .await;
}
