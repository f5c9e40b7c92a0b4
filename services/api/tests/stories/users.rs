//! A user's life.

use std::time::Duration;

use chiliview_store::{admins::AdminRole, users::UserRole};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, TestApp, on_every_engine};

async fn acme(app: &TestApp) -> (Person, String) {
    let owner = app.admin(AdminRole::Operator).await;
    let id = app.tenant(&owner, "acme").await;
    (owner, id)
}

fn anna() -> Value {
    json!({ "username": "Anna", "email": "Anna@Example.org", "given_name": "Anna", "family_name": "Größe" })
}

#[tokio::test]
async fn a_user_is_made_logs_in_is_changed_and_is_gone() {
    on_every_engine(async |app| {
        let (owner, id) = acme(app).await;
        let mut body = anna();
        body["password"] = json!(PASSWORD);
        let made = app.post(&owner, "/tenants/acme/users", body).await.expect(201);
        let path = made.header("location").strip_prefix("/api").unwrap().to_owned();
        assert_eq!(path, format!("/tenants/{id}/users/{}", made.field("id")));
        let expected = json!(["Anna Größe", "member", "active", true]);
        let made = made.json();
        assert_eq!(json!([made["display_name"], made["role"], made["status"], made["has_password"]]), expected);
        let token = app.log_in("ANNA", PASSWORD, Some("acme")).await.expect(200).field("token");
        let anna = Person { id: String::new(), username: "Anna".into(), token };
        let read = app.get(&anna, &path).await.expect(200);
        assert!(read.json()["last_login_at"].is_string());
        let changed = app.patch(&owner, &path, json!({ "family_name": "Klein", "email": "a@b.de" })).await.expect(200);
        assert_eq!((changed.field("display_name"), changed.header("etag")), ("Anna Klein".into(), "\"2\""));
        app.delete(&owner, &path).await.expect(204);
        app.delete(&owner, &path).await.expect_problem(404, "not_found");
        app.get(&anna, &path).await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn a_username_and_an_email_belong_to_one_user_whatever_their_case() {
    on_every_engine(async |app| {
        let (owner, _) = acme(app).await;
        app.post(&owner, "/tenants/acme/users", anna()).await.expect(201);
        let name = json!({ "username": "aNNa", "email": "other@example.org" });
        let refused = app.post(&owner, "/tenants/acme/users", name).await.expect_problem(409, "username_taken");
        assert_eq!(refused.pointers(), ["/username"]);
        let email = json!({ "username": "other", "email": "aNNa@example.ORG" });
        let refused = app.post(&owner, "/tenants/acme/users", email).await.expect_problem(409, "email_taken");
        assert_eq!(refused.pointers(), ["/email"]);
        let other = json!({ "username": "other", "email": "other@example.org" });
        let other = app.post(&owner, "/tenants/acme/users", other).await.expect(201).field("id");
        let path = format!("/tenants/acme/users/{other}");
        app.patch(&owner, &path, json!({ "username": "anna" })).await.expect_problem(409, "username_taken");
        app.tenant(&owner, "elsewhere").await;
        app.post(&owner, "/tenants/elsewhere/users", anna()).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn the_quota_holds_also_when_many_come_at_once() {
    on_every_engine(async |app| {
        let (owner, _) = acme(app).await;
        app.patch(&owner, "/tenants/acme", json!({ "quota_users": 3 })).await.expect(200);
        let create = async |n: usize| {
            let body = json!({ "username": format!("user{n}"), "email": format!("user{n}@example.org") });
            app.post(&owner, "/tenants/acme/users", body).await
        };
        let answers = futures::future::join_all((0..10).map(create)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 3);
        for refused in answers.into_iter().filter(|answer| answer.status != 201) {
            refused.expect_problem(409, "quota_exceeded");
        }
    })
    .await;
}

#[tokio::test]
async fn the_same_key_makes_one_user_and_is_forgotten_after_a_day() {
    on_every_engine(async |app| {
        let (owner, _) = acme(app).await;
        let create = async |body: Value| {
            let call = app.call(Some(&owner), "POST", "/tenants/acme/users").header("Idempotency-Key", "k");
            call.json(&body).send().await
        };
        let first = create(anna()).await.expect(201);
        assert_eq!(create(anna()).await.expect(201).json(), first.json());
        let other = json!({ "username": "other", "email": "other@example.org" });
        create(other.clone()).await.expect_problem(409, "idempotency_key_reused");
        app.after(Duration::from_secs(11 * 3600));
        app.get(&owner, "/auth/session").await.expect(200);
        app.after(Duration::from_secs(11 * 3600));
        app.get(&owner, "/auth/session").await.expect(200);
        app.after(Duration::from_secs(3 * 3600));
        let call = app.call(Some(&owner), "POST", "/tenants/acme/users").header("Idempotency-Key", "another");
        call.json(&json!({ "username": "third", "email": "third@example.org" })).send().await.expect(201);
        create(other).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn disabling_ends_all_sessions_and_enabling_brings_none_back() {
    on_every_engine(async |app| {
        let (owner, id) = acme(app).await;
        let member = app.user(&id, UserRole::Member).await;
        let path = format!("/tenants/acme/users/{}", member.id);
        app.patch(&owner, &path, json!({ "status": "disabled" })).await.expect(200);
        app.get(&member, "/auth/session").await.expect(401);
        app.patch(&owner, &path, json!({ "status": "active" })).await.expect(200);
        app.get(&member, "/auth/session").await.expect(401);
        app.log_in(&member.username, PASSWORD, Some("acme")).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_all_sessions() {
    on_every_engine(async |app| {
        let (_, id) = acme(app).await;
        let manager = app.user(&id, UserRole::Manager).await;
        let member = app.user(&id, UserRole::Member).await;
        let path = format!("/tenants/acme/users/{}/password", member.id);
        let weak = app.post(&manager, &path, json!({ "password": "password1234" })).await.expect(422);
        assert_eq!(weak.pointers(), ["/password"]);
        let new = "purple elephants dance quietly";
        app.post(&manager, &path, json!({ "password": new })).await.expect(204);
        app.get(&member, "/auth/session").await.expect(401);
        app.log_in(&member.username, PASSWORD, Some("acme")).await.expect(401);
        app.log_in(&member.username, new, Some("acme")).await.expect(200);
        let own = format!("/tenants/acme/users/{}/password", manager.id);
        app.post(&manager, &own, json!({ "password": new })).await.expect_problem(409, "own_password");
    })
    .await;
}

#[tokio::test]
async fn a_tenants_own_people_leave_it_a_manager_and_an_admin_may_take_the_last() {
    on_every_engine(async |app| {
        let (owner, id) = acme(app).await;
        let first = app.user(&id, UserRole::Manager).await;
        let second = app.user(&id, UserRole::Manager).await;
        let path = |person: &Person| format!("/tenants/acme/users/{}", person.id);
        app.patch(&first, &path(&second), json!({ "role": "member" })).await.expect(200);
        for patch in [json!({ "role": "member" }), json!({ "status": "disabled" })] {
            app.patch(&first, &path(&first), patch).await.expect_problem(409, "last_manager");
        }
        app.delete(&first, &path(&first)).await.expect_problem(409, "last_manager");
        app.patch(&first, &path(&first), json!({ "given_name": "Änne" })).await.expect(200);
        app.delete(&owner, &path(&first)).await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn a_change_of_role_acts_on_the_next_request() {
    on_every_engine(async |app| {
        let (owner, id) = acme(app).await;
        let person = app.user(&id, UserRole::Member).await;
        let path = format!("/tenants/acme/users/{}", person.id);
        app.get(&person, "/tenants/acme/users").await.expect_problem(403, "forbidden");
        app.patch(&owner, &path, json!({ "role": "manager" })).await.expect(200);
        app.get(&person, "/tenants/acme/users").await.expect(200);
        app.patch(&owner, &path, json!({ "role": "member" })).await.expect(200);
        app.get(&person, "/tenants/acme/users").await.expect_problem(403, "forbidden");
    })
    .await;
}

#[tokio::test]
async fn a_member_sees_himself_and_nobody_else() {
    on_every_engine(async |app| {
        let (_, id) = acme(app).await;
        let (one, other) = (app.user(&id, UserRole::Member).await, app.user(&id, UserRole::Member).await);
        app.get(&one, &format!("/tenants/acme/users/{}", one.id)).await.expect(200);
        app.get(&one, &format!("/tenants/acme/users/{}", other.id)).await.expect_problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_stale_change_is_refused() {
    on_every_engine(async |app| {
        let (owner, _) = acme(app).await;
        let id = app.post(&owner, "/tenants/acme/users", anna()).await.expect(201).field("id");
        let path = format!("/tenants/acme/users/{id}");
        app.patch(&owner, &path, json!({ "given_name": "Anne" })).await.expect(200);
        for (method, body) in [("PATCH", Some(json!({ "given_name": "x" }))), ("DELETE", None)] {
            let call = app.call(Some(&owner), method, &path).header("If-Match", "\"1\"");
            let call = if let Some(body) = &body { call.json(body) } else { call };
            call.send().await.expect_problem(412, "precondition_failed");
        }
    })
    .await;
}
