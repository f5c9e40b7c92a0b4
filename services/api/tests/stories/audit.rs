//! The audit logs: what is in them, and that nobody changes them unnoticed.

use chiliview_store::{Database, admins::AdminRole, users::UserRole};
use serde_json::json;

use crate::support::{Person, TestApp, on_every_engine};

async fn verify(app: &TestApp, who: &Person, path: &str) -> (bool, Option<i64>) {
    let found = app.get(who, path).await.expect(200).json();
    (found["intact"].as_bool().unwrap(), found["broken_at"].as_i64())
}

async fn tamper(database: &Database, sql: &'static str) {
    let changed = database.write(async |tx| tx.query(sql).execute().await).await.unwrap();
    assert_eq!(changed, 1);
}

#[tokio::test]
async fn every_change_says_who_did_what_and_from_what_to_what() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let id = app.tenant(&owner, "acme").await;
        app.patch(&owner, "/tenants/acme", json!({ "name": "Neu", "notes": "x" })).await.expect(200);
        let log = app.get(&owner, &format!("/audit?object_id={id}")).await.expect(200);
        assert_eq!(log.column("action"), ["tenant.update", "tenant.create"]);
        let line = &log.json()["items"][0];
        assert_eq!(line["changes"], json!({ "name": ["acme", "Neu"], "notes": ["", "x"] }));
        assert_eq!((&line["actor_name"], &line["actor_id"]), (&json!(owner.username), &json!(owner.id)));
        assert_eq!((&line["address"], line["trace_id"].as_str().unwrap().len()), (&json!("127.0.0.1"), 32));
        let creations = app.get(&owner, &format!("/audit?action=tenant.create&actor_id={}", owner.id)).await;
        assert_eq!(creations.column("object_id"), [id]);
    })
    .await;
}

#[tokio::test]
async fn failed_log_ins_are_in_it_and_no_password_is() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let secret = "a password nobody may see";
        app.log_in(&owner.username, secret, None).await.expect(401);
        let body = json!({ "username": "new", "role": "auditor", "password": secret });
        app.post(&owner, "/admins", body).await.expect(201);
        let log = app.get(&owner, "/audit").await.expect(200);
        assert_eq!(log.column("action"), ["admin.create", "auth.login"]);
        assert_eq!(log.json()["items"][1]["outcome"], "denied");
        assert!(!log.text.contains(secret) && !log.text.contains("argon2"), "{}", log.text);
    })
    .await;
}

#[tokio::test]
async fn a_tenants_log_is_for_admins_and_its_manager_who_learns_no_admins_address() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let id = app.tenant(&owner, "acme").await;
        let manager = app.user(&id, UserRole::Manager).await;
        let member = app.user(&id, UserRole::Member).await;
        let path = format!("/tenants/acme/users/{}", member.id);
        app.patch(&owner, &path, json!({ "given_name": "A" })).await.expect(200);
        app.patch(&manager, &path, json!({ "given_name": "B" })).await.expect(200);
        app.delete(&manager, &path).await.expect(204);
        let log = app.get(&manager, "/tenants/acme/audit").await.expect(200);
        assert_eq!(log.column("action"), ["user.delete", "user.update", "user.update"]);
        let items = &log.json()["items"];
        assert_eq!(items[0]["changes"]["username"], json!([member.username, null]));
        assert_eq!((&items[1]["address"], items[2].get("address")), (&json!("127.0.0.1"), None));
        assert!(app.get(&owner, "/tenants/acme/audit").await.json()["items"][2]["address"].is_string());
        app.get(&manager, "/audit").await.expect_problem(404, "not_found");
        assert_eq!(verify(app, &manager, "/tenants/acme/audit/verify").await, (true, None));
    })
    .await;
}

#[tokio::test]
async fn the_log_is_paged_from_the_newest_line() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        for n in 0..5 {
            app.tenant(&owner, &format!("tenant-{n}")).await;
        }
        let first = app.get(&owner, "/audit?limit=2").await.expect(200);
        let rest = app.get(&owner, &format!("/audit?after={}", first.field("next"))).await.expect(200).json();
        let numbers = |page: &serde_json::Value| {
            page["items"].as_array().unwrap().iter().map(|line| line["seq"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!((numbers(&first.json()), numbers(&rest)), (vec![5, 4], vec![3, 2, 1]));
        assert_eq!(numbers(&app.get(&owner, "/audit?before=3").await.json()), [2, 1]);
    })
    .await;
}

#[tokio::test]
async fn a_line_that_was_changed_or_taken_out_is_found() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let mut last = String::new();
        for n in 0..5 {
            last = app.tenant(&owner, &format!("tenant-{n}")).await;
        }
        assert_eq!(verify(app, &owner, "/audit/verify").await, (true, None));
        tamper(app.app.central(), "UPDATE audit_log SET actor_name = 'somebody else' WHERE seq = 4").await;
        assert_eq!(verify(app, &owner, "/audit/verify").await, (false, Some(4)));
        tamper(app.app.central(), "DELETE FROM audit_log WHERE seq = 2").await;
        assert_eq!(verify(app, &owner, "/audit/verify").await, (false, Some(3)));
        let database = app.tenant_database(last.parse().unwrap()).await;
        let user = json!({ "username": "anna", "email": "a@example.org" });
        app.post(&owner, &format!("/tenants/{last}/users"), user).await.expect(201);
        let path = format!("/tenants/{last}/audit/verify");
        assert_eq!(verify(app, &owner, &path).await, (true, None));
        tamper(&database, "UPDATE audit_log SET changes = '{}' WHERE seq = 1").await;
        assert_eq!(verify(app, &owner, &path).await, (false, Some(1)));
    })
    .await;
}
