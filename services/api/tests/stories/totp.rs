//! The second factor of admins.

use std::time::Duration;

use chiliview_store::{admins::AdminRole, users::UserRole};
use futures::future::join_all;
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Secret};

use crate::support::{Answer, PASSWORD, Person, TestApp, on_every_engine};

const STEP: Duration = Duration::from_secs(30);

/// What the person's app shows now.
fn code(app: &TestApp, secret: &str) -> String {
    let seconds = u64::try_from(app.clock.now().micros() / 1_000_000).unwrap();
    let secret = Secret::try_from_base32(secret).unwrap();
    Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).build().unwrap().generate(seconds).to_string()
}

async fn begin(app: &TestApp, who: &Person) -> String {
    app.post(who, "/auth/totp", json!({ "password": PASSWORD })).await.expect(200).field("secret")
}

/// A second factor: its secret and the recovery codes.
async fn enable(app: &TestApp, who: &Person) -> (String, Vec<String>) {
    let secret = begin(app, who).await;
    let body = json!({ "code": code(app, &secret) });
    let codes = app.post(who, "/auth/totp/confirm", body).await.expect(200).json();
    let codes: Vec<_> =
        codes["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    app.after(STEP);
    (secret, codes)
}

async fn log_in(app: &TestApp, who: &Person, code: Option<&str>) -> Answer {
    let mut body = json!({ "username": who.username, "password": PASSWORD });
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    app.call(None, "POST", "/auth/login").json(&body).send().await
}

#[tokio::test]
async fn a_log_in_needs_the_code_once_it_is_confirmed_and_takes_each_code_once() {
    on_every_engine(async |app| {
        let anna = app.admin(AdminRole::Owner).await;
        app.post(&anna, "/auth/totp", json!({ "password": "wrong password" }))
            .await
            .expect_problem(403, "wrong_password");
        begin(app, &anna).await;
        log_in(app, &anna, None).await.expect(200);
        let begun = app.post(&anna, "/auth/totp", json!({ "password": PASSWORD })).await.expect(200);
        let url = begun.field("otpauth_url");
        assert!(url.starts_with("otpauth://totp/ChiliView:") && url.contains(&begun.field("secret")), "{url}");
        let wrong = app.post(&anna, "/auth/totp/confirm", json!({ "code": "000000" })).await;
        assert_eq!(wrong.expect_problem(422, "validation_failed").pointers(), ["/code"]);
        let other = app.log_in_again(&anna, None).await;
        let body = json!({ "code": code(app, &begun.field("secret")) });
        let codes = app.post(&anna, "/auth/totp/confirm", body.clone()).await.expect(200).json();
        assert_eq!(codes["recovery_codes"].as_array().unwrap().len(), 10);
        app.get(&other, "/auth/session").await.expect_problem(401, "unauthenticated");
        app.post(&anna, "/auth/totp/confirm", body).await.expect_problem(409, "totp_not_begun");
        app.post(&anna, "/auth/totp", json!({ "password": PASSWORD })).await.expect_problem(409, "totp_enabled");

        let secret = begun.field("secret");
        log_in(app, &anna, None).await.expect_problem(401, "totp_required");
        log_in(app, &anna, Some(&code(app, &secret))).await.expect_problem(401, "wrong_code");
        app.after(STEP);
        let now = code(app, &secret);
        log_in(app, &anna, Some(&now)).await.expect(200);
        log_in(app, &anna, Some(&now)).await.expect_problem(401, "wrong_code");
        app.after(STEP);
        let spaced = code(app, &secret);
        log_in(app, &anna, Some(&format!("{} {}", &spaced[..3], &spaced[3..]))).await.expect(200);
        let state = app.get(&anna, "/auth/totp").await.expect(200).json();
        assert_eq!((&state["enabled"], &state["recovery_codes_left"]), (&json!(true), &json!(10)));
    })
    .await;
}

#[tokio::test]
async fn recovery_codes_each_log_in_once_and_new_ones_end_the_old() {
    on_every_engine(async |app| {
        let anna = app.admin(AdminRole::Owner).await;
        let (secret, codes) = enable(app, &anna).await;
        log_in(app, &anna, Some(&codes[0])).await.expect(200);
        log_in(app, &anna, Some(&codes[0])).await.expect_problem(401, "wrong_code");
        log_in(app, &anna, Some(&codes[1].to_uppercase().replace('-', " "))).await.expect(200);
        let left = async || app.get(&anna, "/auth/totp").await.json()["recovery_codes_left"].clone();
        assert_eq!(left().await, json!(8));
        let body = json!({ "password": PASSWORD, "code": code(app, &secret) });
        let renewed = app.post(&anna, "/auth/totp/recovery-codes", body.clone()).await.expect(200).json();
        let replayed =
            app.post(&anna, "/auth/totp/recovery-codes", body).await.expect_problem(422, "validation_failed");
        assert_eq!((replayed.pointers(), left().await), (vec!["/code".to_owned()], json!(10)));
        log_in(app, &anna, Some(&codes[2])).await.expect_problem(401, "wrong_code");
        let first = renewed["recovery_codes"][0].as_str().unwrap();
        let body = json!({ "password": PASSWORD, "code": first });
        app.post(&anna, "/auth/totp/remove", body).await.expect(204);
        log_in(app, &anna, None).await.expect(200);
        assert_eq!(left().await, json!(0));

        let log = app.get(&anna, "/audit?limit=100").await.expect(200);
        let actions = log.column("action");
        for action in ["auth.begin_totp", "auth.enable_totp", "auth.renew_recovery_codes", "auth.remove_totp"] {
            assert!(actions.iter().any(|done| done == action), "{action} is not in {actions:?}");
        }
        for hidden in codes.iter().chain([&secret]) {
            assert!(!log.text.contains(hidden.as_str()), "{hidden}");
        }
    })
    .await;
}

#[tokio::test]
async fn guessing_a_code_gets_slow_like_guessing_a_password() {
    on_every_engine(async |app| {
        let anna = app.admin(AdminRole::Owner).await;
        let (secret, _) = enable(app, &anna).await;
        for _ in 0..6 {
            log_in(app, &anna, Some("000000")).await.expect_problem(401, "wrong_code");
        }
        log_in(app, &anna, Some(&code(app, &secret))).await.expect_problem(429, "too_many_requests");
        app.after(STEP);
        log_in(app, &anna, Some(&code(app, &secret))).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn of_many_codes_at_once_no_more_are_judged_than_of_one_after_the_other() {
    on_every_engine(async |app| {
        let anna = app.admin(AdminRole::Owner).await;
        let (secret, _) = enable(app, &anna).await;
        let answers = join_all((0..60).map(|_| log_in(app, &anna, Some("000000")))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 6);
        log_in(app, &anna, Some(&code(app, &secret))).await.expect_problem(429, "too_many_requests");
        app.after(STEP);
        log_in(app, &anna, None).await.expect_problem(401, "totp_required");
        log_in(app, &anna, Some(&code(app, &secret))).await.expect(200);

        let proofs = (0..60).map(|_| {
            let body = json!({ "password": PASSWORD, "code": "000000" });
            app.post(&anna, "/auth/totp/remove", body)
        });
        let judged = join_all(proofs).await.into_iter().filter(|answer| answer.status == 422).count();
        assert!((1..=6).contains(&judged), "{judged}");
    })
    .await;
}

#[tokio::test]
async fn guesses_at_a_code_from_many_addresses_are_as_few_and_keep_out_nobody_who_was_there_before() {
    on_every_engine(async |app| {
        let anna = app.admin(AdminRole::Owner).await;
        let (secret, _) = enable(app, &anna).await;
        let body = |code: &str| json!({ "username": anna.username, "password": PASSWORD, "code": code });
        app.log_in_from("198.51.100.7", &body(&code(app, &secret))).await.expect(200);
        app.after(STEP);
        let mut judged = 0;
        for turn in 0..20 {
            let answer = app.log_in_from(&format!("203.0.113.{turn}"), &body("000000")).await;
            judged += usize::from(answer.status == 401);
        }
        assert_eq!(judged, 6);
        app.log_in_from("203.0.113.99", &body(&code(app, &secret))).await.expect_problem(429, "too_many_requests");
        app.log_in_from("198.51.100.7", &body(&code(app, &secret))).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn an_owner_frees_whoever_lost_his_factor_and_nobody_else_does() {
    on_every_engine(async |app| {
        let (owner, anna) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Operator).await);
        let ours = app.tenant(&owner, "ours").await;
        let manager = app.user(&ours, UserRole::Manager).await;
        app.post(&manager, "/auth/totp", json!({ "password": PASSWORD })).await.expect_problem(404, "not_found");
        let path = format!("/admins/{}/totp/reset", anna.id);
        let again: Value = json!({ "password": PASSWORD });
        app.post(&owner, &path, again.clone()).await.expect_problem(409, "no_totp");
        enable(app, &anna).await;
        app.post(&anna, &path, again.clone()).await.expect_problem(403, "forbidden");
        app.post(&owner, &format!("/admins/{}/totp/reset", owner.id), again.clone())
            .await
            .expect_problem(409, "own_totp");
        app.post(&owner, &path, json!({ "password": "wrong password" })).await.expect_problem(403, "wrong_password");
        app.post(&owner, &path, again).await.expect(204);
        app.get(&anna, "/auth/session").await.expect_problem(401, "unauthenticated");
        log_in(app, &anna, None).await.expect(200);
    })
    .await;
}
