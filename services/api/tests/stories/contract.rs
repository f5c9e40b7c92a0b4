//! What every operation has in common.

use chiliview_api::service;
use chiliview_store::admins::AdminRole;
use serde_json::json;

use crate::support::{TestApp, on_every_engine};

/// What anybody may ask.
const PUBLIC: [&str; 3] = ["login", "get_health", "download_by_link"];

/// Method, path below `/api`, and name of every operation.
pub(crate) fn operations(app: &TestApp) -> Vec<(String, String, String)> {
    let document = service::document(&app.app);
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, operation)| {
            (
                method.to_uppercase(),
                path.strip_prefix("/api").unwrap().to_owned(),
                operation["operationId"].as_str().unwrap().to_owned(),
            )
        })
    });
    operations.collect()
}

#[tokio::test]
async fn whoever_is_not_logged_in_gets_401_everywhere() {
    on_every_engine(async |app| {
        for (method, path, name) in operations(app) {
            if PUBLIC.contains(&name.as_str()) {
                continue;
            }
            let path = path.replace(['{', '}'], "");
            for token in ["", "Bearer cvs_wrong", "Basic YTpi"] {
                let call = app.call(None, &method, &path);
                let call = if token.is_empty() { call } else { call.header("Authorization", token) };
                let refused = call.send().await.expect_problem(401, "unauthenticated");
                assert!(refused.header("www-authenticate").starts_with("Bearer"), "{name}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn operations_have_names_of_their_own() {
    on_every_engine(async |app| {
        let mut names: Vec<_> = operations(app).into_iter().map(|(_, _, name)| name).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    })
    .await;
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let tenant = json!({ "slug": "A", "name": "", "tags": ["ok", "a,b"], "time_zone": "Mars", "owner": true });
        let refused = app.post(&owner, "/tenants", tenant).await.expect_problem(422, "validation_failed");
        assert_eq!(refused.pointers(), ["/name", "/owner", "/slug", "/tags/1", "/time_zone"]);
        app.tenant(&owner, "acme").await;
        let user = json!({ "username": "x", "email": 7, "role": "boss", "password": "zebra7", "is_admin": true });
        let refused = app.post(&owner, "/tenants/acme/users", user).await.expect_problem(422, "validation_failed");
        assert_eq!(refused.pointers(), ["/email", "/is_admin", "/password", "/role", "/username"]);
        assert!(!refused.text.contains("zebra7"), "what was sent is not echoed: {}", refused.text);
        let patch = json!({ "username": null, "id": "x", "version": 7 });
        let user = json!({ "username": "anna", "email": "a@example.org" });
        let id = app.post(&owner, "/tenants/acme/users", user).await.expect(201).field("id");
        let refused = app.patch(&owner, &format!("/tenants/acme/users/{id}"), patch).await.expect(422);
        assert_eq!(refused.pointers(), ["/id", "/version"]);
        let admin = json!({ "username": "anna", "role": "owner" });
        assert_eq!(app.post(&owner, "/admins", admin).await.expect(422).pointers(), ["/password"]);
        let text = json!({ "slug": "abc", "name": "x", "notes": "a\u{0}b" });
        assert_eq!(app.post(&owner, "/tenants", text).await.expect(422).pointers(), ["/notes"]);
    })
    .await;
}

#[tokio::test]
async fn a_nul_finds_nothing_and_breaks_nothing() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        app.get(&owner, "/tenants/a%00b").await.expect_problem(404, "not_found");
        assert_eq!(app.log_in("a\u{0}b", "wrong", None).await.expect(422).pointers(), ["/username"]);
        app.get(&owner, "/audit?action=%00").await.expect_problem(400, "invalid_parameter");
    })
    .await;
}
