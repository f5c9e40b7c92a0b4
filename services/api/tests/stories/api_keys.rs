//! API keys: what they may do, and when they end.

use std::time::Duration;

use chiliview_store::{admins::AdminRole, users::UserRole};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, TestApp, on_every_engine};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn new(role: &str, more: Value) -> Value {
    let mut body = json!({ "name": "deploy", "role": role, "password": PASSWORD });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// A program with a key that `who` made.
async fn key(app: &TestApp, who: &Person, role: &str, more: Value) -> Person {
    let made = app.post(who, "/api-keys", new(role, more)).await.expect(201);
    Person { id: made.field("id"), username: String::new(), token: made.field("token") }
}

#[tokio::test]
async fn a_key_is_shown_once_works_within_its_role_and_tells_when_it_was_used() {
    on_every_engine(async |app| {
        let (owner, operator) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Operator).await);
        app.tenant(&owner, "ours").await;
        let made = app.post(&operator, "/api-keys", new("operator", json!({}))).await.expect(201);
        let token = made.field("token");
        assert!(token.starts_with("cvk_") && token.ends_with(&made.field("hint")) && token.len() > 40, "{token}");
        let listed = app.get(&owner, "/api-keys").await.expect(200);
        assert!(!listed.text.contains(&token) && listed.json()["items"][0].get("last_used_at").is_none());

        let program = Person { id: made.field("id"), username: String::new(), token };
        app.patch(&program, "/tenants/ours", json!({ "contact_name": "New" })).await.expect(200);
        let audited = app.get(&owner, "/audit?action=tenant.update").await.json();
        let line = &audited["items"][0];
        assert_eq!(
            (&line["actor_id"], line["actor_name"].as_str()),
            (&json!(operator.id), Some(&*format!("{} (key deploy)", operator.username)))
        );
        let whoami = app.get(&program, "/auth/session").await.expect(200).json();
        assert_eq!((&whoami["api_key_id"], whoami.get("session_id")), (&json!(program.id), None));
        let used = app.get(&owner, &format!("/api-keys/{}", program.id)).await.expect(200).json();
        assert!(used["last_used_at"].is_string(), "{used}");

        let auditor = key(app, &owner, "auditor", json!({})).await;
        app.get(&auditor, "/tenants").await.expect(200);
        app.patch(&auditor, "/tenants/ours", json!({ "contact_name": "X" })).await.expect_problem(403, "forbidden");
        let log = app.get(&owner, "/audit?object_kind=api_key").await.expect(200);
        assert_eq!(log.column("action").len(), 2);
        assert!(!log.text.contains("cvk_") && !log.text.contains(PASSWORD));
    })
    .await;
}

#[tokio::test]
async fn nobody_grants_more_than_he_holds_and_a_password_is_asked_for() {
    on_every_engine(async |app| {
        let (owner, auditor) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Auditor).await);
        let (ours, _) = (app.tenant(&owner, "ours").await, app.tenant(&owner, "theirs").await);
        let manager = app.user(&ours, UserRole::Manager).await;
        let refused = |answer: crate::support::Answer, pointer: &str| {
            assert_eq!(answer.expect_problem(422, "validation_failed").pointers(), [pointer]);
        };
        app.post(&auditor, "/api-keys", new("auditor", json!({}))).await.expect_problem(403, "forbidden");
        app.post(&manager, "/api-keys", new("auditor", json!({}))).await.expect_problem(403, "forbidden");
        app.post(&manager, "/api-keys", new("manager", json!({ "tenant": "theirs" })))
            .await
            .expect_problem(404, "not_found");
        refused(app.post(&owner, "/api-keys", new("owner", json!({}))).await, "/role");
        refused(app.post(&owner, "/api-keys", new("manager", json!({}))).await, "/tenant");
        refused(app.post(&owner, "/api-keys", new("operator", json!({ "tenant": "ours" }))).await, "/tenant");
        refused(app.post(&owner, "/api-keys", json!({ "name": "x", "role": "auditor" })).await, "/password");
        for end in ["2026-11-18T11:06:40Z", "2028-01-01T00:00:00Z"] {
            refused(app.post(&owner, "/api-keys", new("auditor", json!({ "expires_at": end }))).await, "/expires_at");
        }
        let wrong = json!({ "name": "x", "role": "auditor", "password": "wrong password" });
        app.post(&owner, "/api-keys", wrong).await.expect_problem(403, "wrong_password");
        assert!(app.get(&owner, "/api-keys").await.column("id").is_empty());

        // What asks for a password is for people.
        let program = key(app, &owner, "operator", json!({})).await;
        app.post(&program, "/api-keys", new("auditor", json!({}))).await.expect_problem(403, "session_required");
        app.get(&program, "/auth/sessions").await.expect_problem(403, "session_required");
        app.call(Some(&program), "POST", "/auth/logout").send().await.expect_problem(403, "session_required");
        app.get(&program, "/sessions").await.expect_problem(403, "forbidden");
    })
    .await;
}

#[tokio::test]
async fn a_tenants_key_is_confined_to_it() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (ours, _) = (app.tenant(&owner, "ours").await, app.tenant(&owner, "theirs").await);
        let (manager, member) = (app.user(&ours, UserRole::Manager).await, app.user(&ours, UserRole::Member).await);
        let by_owner = key(app, &owner, "manager", json!({ "tenant": "ours" })).await;
        let by_manager = key(app, &manager, "manager", json!({})).await;
        key(app, &owner, "auditor", json!({})).await;
        app.post(&member, "/api-keys", new("manager", json!({}))).await.expect_problem(403, "forbidden");
        for program in [&by_owner, &by_manager] {
            let user =
                json!({ "username": format!("u-{}", program.id), "email": format!("{}@example.org", program.id) });
            app.post(program, "/tenants/ours/users", user).await.expect(201);
            app.get(program, "/tenants/theirs").await.expect_problem(404, "not_found");
            app.get(program, "/audit").await.expect_problem(404, "not_found");
        }
        assert_eq!(
            app.get(&manager, "/api-keys").await.expect(200).column("id"),
            [&by_manager.id, &by_owner.id].map(String::clone)
        );
        app.delete(&manager, &format!("/api-keys/{}", by_owner.id)).await.expect_problem(403, "forbidden");
        app.delete(&manager, &format!("/api-keys/{}", by_manager.id)).await.expect(204);
        app.get(&by_manager, "/tenants/ours").await.expect_problem(401, "unauthenticated");
        app.get(&by_owner, "/tenants/ours").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_key_ends_with_its_time_with_its_maker_and_with_what_he_may() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let ours = app.tenant(&owner, "ours").await;
        let (maker, manager) = (app.admin(AdminRole::Operator).await, app.user(&ours, UserRole::Manager).await);
        let short = key(app, &maker, "operator", json!({ "expires_at": "2026-11-19T00:00:00Z" })).await;
        let long = key(app, &maker, "operator", json!({})).await;
        let confined = key(app, &maker, "manager", json!({ "tenant": "ours" })).await;
        let of_user = key(app, &manager, "manager", json!({})).await;
        let rename =
            async |who: &Person| app.patch(who, "/tenants/ours", json!({ "contact_name": "New" })).await.status;
        assert_eq!([rename(&short).await, rename(&long).await, rename(&confined).await], [200; 3]);
        app.after(DAY);
        assert_eq!([rename(&short).await, rename(&long).await], [401, 200]);

        let owner = app.log_in_again(&owner, None).await;
        let admin = format!("/admins/{}", maker.id);
        app.patch(&owner, &admin, json!({ "role": "auditor" })).await.expect(200);
        assert_eq!([rename(&long).await, rename(&confined).await, rename(&of_user).await], [403, 401, 200]);
        app.patch(&owner, &admin, json!({ "role": "operator" })).await.expect(200);
        assert_eq!([rename(&long).await, rename(&confined).await], [200, 200]);
        app.patch(&owner, &admin, json!({ "disabled": true })).await.expect(200);
        assert_eq!([rename(&long).await, rename(&confined).await], [401, 401]);

        let user = format!("/tenants/ours/users/{}", manager.id);
        app.patch(&owner, &user, json!({ "role": "member" })).await.expect(200);
        assert_eq!(rename(&of_user).await, 401);
        app.patch(&owner, &user, json!({ "role": "manager" })).await.expect(200);
        assert_eq!(rename(&of_user).await, 200);
        app.patch(&owner, "/tenants/ours", json!({ "status": "suspended" })).await.expect(200);
        assert_eq!(rename(&of_user).await, 401);
    })
    .await;
}
