//! A tenant's life.

use std::time::Duration;

use chiliview_store::{admins::AdminRole, users::UserRole};
use chrono::{DateTime, Utc};
use serde_json::json;

use crate::support::{PASSWORD, Person, on_every_engine};

#[tokio::test]
async fn a_tenant_is_made_read_changed_and_found_by_id_and_slug() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Operator).await;
        let body = json!({ "slug": "mueller", "name": "Müller & Söhne", "tags": ["süd"], "quota_users": 3 });
        let made = app.post(&owner, "/tenants", body).await.expect(201);
        assert_eq!((made.header("etag"), made.json()["status"].as_str()), ("\"1\"", Some("active")));
        let id = made.field("id");
        assert_eq!(made.header("location"), format!("/api/tenants/{id}"));
        let patch = json!({ "contact_email": "info@mueller.example", "quota_users": null });
        let changed = app.patch(&owner, "/tenants/mueller", patch).await.expect(200);
        assert_eq!((changed.header("etag"), changed.json().get("quota_users")), ("\"2\"", None));
        let read = app.get(&owner, &format!("/tenants/{id}")).await.expect(200);
        assert_eq!(read.json(), changed.json());
    })
    .await;
}

#[tokio::test]
async fn a_slug_is_taken_once_also_by_what_lies_in_the_trash() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        app.tenant(&owner, "acme").await;
        app.delete(&owner, "/tenants/acme").await.expect(204);
        let again = app.post(&owner, "/tenants", json!({ "slug": "acme", "name": "Acme" })).await;
        assert_eq!(again.expect_problem(409, "slug_taken").pointers(), ["/slug"]);
        app.tenant(&owner, "other").await;
        app.patch(&owner, "/tenants/other", json!({ "slug": "acme" })).await.expect_problem(409, "slug_taken");
        let reserved = app.post(&owner, "/tenants", json!({ "slug": "export", "name": "x" })).await;
        reserved.expect_problem(422, "validation_failed");
    })
    .await;
}

#[tokio::test]
async fn a_tenant_is_deleted_by_whoever_showed_the_password_lately_or_by_a_key() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let key = json!({ "name": "deploy", "role": "operator", "password": PASSWORD });
        let key = app.post(&owner, "/api-keys", key).await.expect(201).field("token");
        for slug in ["acme", "other"] {
            app.tenant(&owner, slug).await;
        }
        app.after(Duration::from_secs(15 * 60));
        app.delete(&owner, "/tenants/acme").await.expect_problem(403, "reauthentication_required");
        let wrong = app.post(&owner, "/auth/reauthenticate", json!({ "password": "not this one" })).await;
        assert_eq!(wrong.expect_problem(403, "wrong_password").pointers(), ["/password"]);
        app.delete(&owner, "/tenants/acme").await.expect_problem(403, "reauthentication_required");
        app.post(&owner, "/auth/reauthenticate", json!({ "password": PASSWORD })).await.expect(204);
        app.delete(&owner, "/tenants/acme").await.expect(204);
        let program = Person { token: key, ..owner.clone() };
        app.post(&program, "/auth/reauthenticate", json!({ "password": PASSWORD }))
            .await
            .expect_problem(403, "session_required");
        app.delete(&program, "/tenants/other").await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn what_a_tenant_has_of_its_quotas_is_counted() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let id = app.tenant(&owner, "acme").await;
        app.user(&id, UserRole::Manager).await;
        app.user(&id, UserRole::Member).await;
        app.post(&owner, "/backups", json!({ "scope": "tenant", "tenant": "acme" })).await.expect(202);
        let usage = app.get(&owner, "/tenants/acme/usage").await.expect(200).json();
        assert_eq!(usage, json!({ "users": 2, "backups": 1, "bytes": 0 }));
    })
    .await;
}

#[tokio::test]
async fn a_change_based_on_an_old_version_is_refused() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        app.tenant(&owner, "acme").await;
        let change = async |etag: &str, name: &str| {
            let call = app.call(Some(&owner), "PATCH", "/tenants/acme").header("If-Match", etag);
            call.json(&json!({ "name": name })).send().await
        };
        change("\"1\"", "First").await.expect(200);
        change("\"1\"", "Second").await.expect_problem(412, "precondition_failed");
        change("\"1\", \"2\"", "Third").await.expect(200);
        assert_eq!(app.get(&owner, "/tenants/acme").await.field("name"), "Third");
        let stale = app.call(Some(&owner), "DELETE", "/tenants/acme").header("If-Match", "\"1\"").send().await;
        stale.expect_problem(412, "precondition_failed");
    })
    .await;
}

#[tokio::test]
async fn the_same_key_gets_the_first_answer_and_another_request_under_it_is_refused() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let ask = async |slug: &str| {
            let call = app.call(Some(&owner), "POST", "/tenants").header("Idempotency-Key", "one");
            call.json(&json!({ "slug": slug, "name": "Acme" })).send().await
        };
        let first = ask("acme").await.expect(201);
        app.patch(&owner, "/tenants/acme", json!({ "name": "Changed" })).await.expect(200);
        let second = ask("acme").await.expect(201);
        assert_eq!((second.json(), second.header("location")), (first.json(), first.header("location")));
        ask("other").await.expect_problem(409, "idempotency_key_reused");
        assert_eq!(app.get(&owner, "/tenants").await.column("slug"), ["acme"]);
    })
    .await;
}

#[tokio::test]
async fn the_same_key_at_the_same_time_makes_one_tenant() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let ask = async || {
            let call = app.call(Some(&owner), "POST", "/tenants").header("Idempotency-Key", "one");
            call.json(&json!({ "slug": "acme", "name": "Acme" })).send().await
        };
        let answers = futures::future::join_all((0..5).map(|_| ask())).await;
        let ids: Vec<_> = answers.into_iter().map(|answer| answer.expect(201).field("id")).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    })
    .await;
}

#[tokio::test]
async fn a_deleted_tenant_comes_back_with_its_users() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let id = app.tenant(&owner, "acme").await;
        let member = app.user(&id, UserRole::Member).await;
        app.delete(&owner, "/tenants/acme").await.expect(204);
        app.delete(&owner, "/tenants/acme").await.expect(204);
        app.get(&member, "/auth/session").await.expect(401);
        app.log_in(&member.username, PASSWORD, Some("acme")).await.expect_problem(401, "wrong_credentials");
        assert!(app.get(&owner, "/tenants").await.column("slug").is_empty());
        assert_eq!(app.get(&owner, "/tenants?deleted=true").await.column("slug"), ["acme"]);
        let users = format!("/tenants/{id}/users");
        app.get(&owner, &users).await.expect_problem(409, "tenant_deleted");
        app.post(&owner, "/tenants/acme/undelete", json!({})).await.expect(200);
        app.post(&owner, "/tenants/acme/undelete", json!({})).await.expect_problem(409, "not_deleted");
        assert_eq!(app.get(&owner, &users).await.expect(200).column("id"), std::slice::from_ref(&member.id));
        app.get(&member, "/auth/session").await.expect(401);
        app.log_in(&member.username, PASSWORD, Some("acme")).await.expect(200);
    })
    .await;
}

/// From then on a worker removes its database, then its row: it would come back without the one.
#[tokio::test]
async fn what_a_worker_may_be_removing_does_not_come_back() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let id = app.tenant(&owner, "acme").await;
        let (backup, _) = app.backed_up(Some((&id, "acme"))).await;
        let both = [format!("/backups/{backup}"), "/tenants/acme".to_owned()];
        for path in &both {
            app.delete(&owner, &format!("{path}?force=true")).await.expect(204);
        }
        let end: DateTime<Utc> = app.get(&owner, "/tenants/acme").await.field("purge_after").parse().unwrap();
        let left = (end - app.clock.now().to_datetime()).to_std().unwrap();
        app.after(left - Duration::from_secs(1));
        let owner = app.admin(AdminRole::Owner).await;
        for path in &both {
            app.post(&owner, &format!("{path}/undelete"), json!({})).await.expect_problem(409, "trash_over");
        }
        assert_eq!(app.get(&owner, "/tenants?deleted=true").await.column("slug"), ["acme"]);
    })
    .await;
}

#[tokio::test]
async fn a_protected_tenant_is_not_deleted() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        app.tenant(&owner, "acme").await;
        app.patch(&owner, "/tenants/acme", json!({ "delete_protection": true })).await.expect(200);
        app.delete(&owner, "/tenants/acme").await.expect_problem(409, "delete_protected");
        app.patch(&owner, "/tenants/acme", json!({ "delete_protection": false })).await.expect(200);
        app.delete(&owner, "/tenants/acme").await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn suspending_logs_everybody_of_it_out_at_once_and_admins_may_still_change_its_users() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let id = app.tenant(&owner, "acme").await;
        let manager = app.user(&id, UserRole::Manager).await;
        app.get(&manager, "/tenants/acme/users").await.expect(200);
        app.patch(&owner, "/tenants/acme", json!({ "status": "suspended" })).await.expect(200);
        app.get(&manager, "/tenants/acme/users").await.expect(401);
        app.log_in(&manager.username, PASSWORD, Some("acme")).await.expect_problem(401, "wrong_credentials");
        let user = format!("/tenants/acme/users/{}", manager.id);
        app.patch(&owner, &user, json!({ "given_name": "Änne" })).await.expect(200);
        app.patch(&owner, "/tenants/acme", json!({ "status": "active" })).await.expect(200);
        app.get(&manager, "/tenants/acme/users").await.expect(401);
        app.log_in(&manager.username, PASSWORD, Some("acme")).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_read_only_tenant_is_read_and_its_users_are_changed_by_nobody() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let id = app.tenant(&owner, "acme").await;
        let manager = app.user(&id, UserRole::Manager).await;
        app.patch(&owner, "/tenants/acme", json!({ "status": "read_only" })).await.expect(200);
        let user = format!("/tenants/acme/users/{}", manager.id);
        for who in [&owner, &manager] {
            app.get(who, "/tenants/acme/users").await.expect(200);
            let new = json!({ "username": "new", "email": "new@example.org" });
            app.post(who, "/tenants/acme/users", new).await.expect_problem(409, "tenant_read_only");
            app.patch(who, &user, json!({ "given_name": "A" })).await.expect_problem(409, "tenant_read_only");
            app.delete(who, &user).await.expect_problem(409, "tenant_read_only");
            let import = app.call(Some(who), "POST", "/tenants/acme/users/import").csv("username,email\n");
            import.send().await.expect_problem(409, "tenant_read_only");
        }
        let contact = json!({ "contact_name": "A" });
        app.patch(&manager, "/tenants/acme", contact.clone()).await.expect_problem(409, "tenant_read_only");
        app.patch(&owner, "/tenants/acme", contact).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn the_people_of_a_read_only_tenant_make_backups_and_change_nothing_else() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let id = app.tenant(&owner, "acme").await;
        let manager = app.user(&id, UserRole::Manager).await;
        let (backup, _) = app.backed_up(Some((&id, "acme"))).await;
        let begun = app.post(&manager, "/uploads", json!({ "bytes": 4 })).await.expect(201).field("id");
        let schedule = json!({ "name": "Ours", "scope": "tenant", "cron": "@daily" });
        let schedule = app.post(&manager, "/schedules", schedule).await.expect(201).field("id");
        app.patch(&owner, "/tenants/acme", json!({ "status": "read_only" })).await.expect(200);

        let restore = |password: &str| json!({ "into": "same", "slug": "acme", "password": password });
        let changes = [
            ("POST", format!("/backups/{backup}/restore"), restore(PASSWORD)),
            ("POST", "/uploads".into(), json!({ "bytes": 4 })),
            ("POST", format!("/uploads/{begun}/finish"), json!(null)),
            ("POST", "/schedules".into(), json!({ "name": "More", "scope": "tenant", "cron": "@daily" })),
            ("PATCH", format!("/schedules/{schedule}"), json!({ "name": "Other" })),
            ("DELETE", format!("/schedules/{schedule}"), json!(null)),
            ("POST", format!("/backups/{backup}/pin"), json!(null)),
            ("DELETE", format!("/backups/{backup}?force=true"), json!(null)),
            ("POST", "/api-keys".into(), json!({ "name": "k", "role": "manager", "password": PASSWORD })),
        ];
        for (method, path, body) in changes {
            let call = app.call(Some(&manager), method, &path);
            let call = if body.is_null() { call } else { call.json(&body) };
            call.send().await.expect_problem(409, "tenant_read_only");
        }
        let plan = json!({ "into": "same", "dry_run": true });
        app.post(&manager, &format!("/backups/{backup}/restore"), plan).await.expect(200);
        app.post(&owner, &format!("/backups/{backup}/restore"), restore(PASSWORD)).await.expect(202);
        app.post(&manager, &format!("/backups/{backup}/prove"), json!({})).await.expect(202);
        app.post(&manager, "/backups", json!({ "scope": "tenant", "tenant": "acme" })).await.expect(202);
    })
    .await;
}

#[tokio::test]
async fn a_tenants_people_see_nothing_of_what_the_platform_notes_about_it() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let body = json!({
            "slug": "acme", "name": "Acme", "notes": "pays late", "tags": ["risk"], "metadata": {"score": 3},
            "external_reference": "K-17", "legal_name": "Acme AG", "quota_users": 9,
        });
        let id = app.post(&owner, "/tenants", body).await.expect(201).field("id");
        let manager = app.user(&id, UserRole::Manager).await;
        let member = app.user(&id, UserRole::Member).await;
        let contact = app.patch(&manager, "/tenants/acme", json!({ "contact_name": "Änne" })).await.expect(200);
        for seen in [contact, app.get(&manager, "/tenants/acme").await, app.get(&member, "/tenants").await] {
            for secret in ["pays late", "risk", "score", "K-17"] {
                assert!(!seen.text.contains(secret), "{}", seen.text);
            }
        }
        assert_eq!(app.get(&manager, "/tenants/acme").await.json()["quota_users"], 9);
        assert!(!app.get(&member, "/tenants/acme").await.text.contains("Acme AG"));
        app.patch(&manager, "/tenants/acme", json!({ "notes": "pays" })).await.expect_problem(403, "forbidden");
    })
    .await;
}

#[tokio::test]
async fn tenants_are_exported_with_formulas_disarmed() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Auditor).await;
        let operator = app.admin(AdminRole::Operator).await;
        let body = json!({ "slug": "acme", "name": "=1+1, \"Söhne\"", "notes": "a\nb", "tags": ["x", "y"] });
        app.post(&operator, "/tenants", body).await.expect(201);
        let export = app.get(&owner, "/tenants/export").await.expect(200);
        assert_eq!(export.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(export.header("content-disposition"), "attachment; filename=\"tenants-2026-11-18.csv\"");
        assert!(export.text.starts_with("id,slug,name,"), "{}", export.text);
        assert!(export.text.contains(",acme,\"'=1+1, \"\"Söhne\"\"\","), "{}", export.text);
        assert!(export.text.contains(",\"x,y\","), "{}", export.text);
        assert!(app.get(&owner, "/tenants/export?q=nobody").await.expect(200).text.ends_with("deleted_at\r\n"));
    })
    .await;
}

#[tokio::test]
async fn the_time_of_a_change_is_the_clocks() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        app.tenant(&owner, "acme").await;
        app.after(Duration::from_secs(60));
        let changed = app.patch(&owner, "/tenants/acme", json!({ "name": "New" })).await.expect(200);
        assert_eq!(changed.field("created_at"), "2026-11-18T11:06:40Z");
        assert_eq!(changed.field("updated_at"), "2026-11-18T11:07:40Z");
    })
    .await;
}
