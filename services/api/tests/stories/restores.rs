//! Restores, as far as the API goes: what is planned, what is refused, and what a locked tenant answers.

use chiliview_snapshot::{Owner, Recipients, Source, Watch, WriteRequest, Written, write};
use chiliview_store::{
    BackupId, RestoreId, TenantId,
    admins::AdminRole,
    backups::{self, ProofDepth, Verified},
    migrations::Kind,
    users::UserRole,
    write_lock,
};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, TestApp, on_every_engine};

/// A verified backup of a tenant, as the worker makes it.
async fn backup(app: &TestApp, owner: &Person, tenant: &str) -> String {
    let id = app.post(owner, "/backups", json!({ "scope": "tenant", "tenant": tenant })).await.expect(202).field("id");
    let (backup, tenant): (BackupId, TenantId) = (id.parse().unwrap(), tenant.parse().unwrap());
    let now = app.clock.now();
    let scratch = app.app.store().data_dir().temp();
    let request = WriteRequest {
        source: Source::of(&app.tenant_database(tenant).await, Kind::Tenant, scratch),
        owner: Owner::Tenant { id: tenant.uuid(), slug: "ours".into() },
        backup: backup.uuid(),
        attempt: 1,
        taken_at: now.to_datetime(),
        tool_version: "test".into(),
        recipients: Recipients::none(),
    };
    let Written { manifest, .. } = write(request, app.app.shelf(), &Watch::unobserved()).await.unwrap();
    let proof = Verified {
        manifest: String::from_utf8(manifest.to_json().unwrap()).unwrap(),
        stored_sha256: manifest.stored_sha256.to_string(),
        stored_bytes: manifest.stored_bytes.try_into().unwrap(),
        plain_bytes: manifest.plain_bytes.try_into().unwrap(),
        encrypted: false,
        depth: ProofDepth::Quick,
    };
    let verified = app.app.central().write(async |tx| {
        let number = backups::start(tx, backup, now).await?.unwrap();
        backups::verified(tx, backup, number, &proof, now).await
    });
    assert!(verified.await.unwrap());
    id
}

fn same(slug: &str, password: &str) -> Value {
    json!({ "into": "same", "slug": slug, "password": password })
}

fn same_slug(slug: &str) -> Value {
    same(slug, PASSWORD)
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let ours = app.tenant(&owner, "ours").await;
        app.user(&ours, UserRole::Manager).await;
        let backup = backup(app, &owner, &ours).await;
        app.user(&ours, UserRole::Member).await;
        let path = format!("/backups/{backup}/restore");
        let answer = app.post(&owner, &path, json!({ "into": "same", "dry_run": true })).await.expect(200).json();
        let plan = &answer["plan"];
        assert_eq!((plan["tenant"].as_str(), plan["replaces"]["users"].as_i64()), (Some("ours"), Some(2)));
        assert_eq!((plan["rows"]["users"].as_i64(), plan["sessions_ended"].as_i64()), (Some(1), Some(2)));
        assert_eq!((plan["migrates"].as_bool(), plan["safety_backup"].as_bool()), (Some(false), Some(true)));
        assert_eq!(answer.get("id"), None);
        assert!(app.get(&owner, "/restores").await.expect(200).column("id").is_empty());
        let dry = json!({ "into": "new", "slug": "copy", "dry_run": true });
        let plan = app.post(&owner, &path, dry).await.expect(200).json();
        assert_eq!(plan["plan"].get("replaces"), None);
    })
    .await;
}

#[tokio::test]
async fn a_restore_takes_the_slug_and_the_password_and_there_is_one_at_a_time() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let ours = app.tenant(&owner, "ours").await;
        let backup = backup(app, &owner, &ours).await;
        let path = format!("/backups/{backup}/restore");
        for (body, status, pointer) in [
            (same("theirs", PASSWORD), 422, "/slug"),
            (json!({ "into": "same", "password": PASSWORD }), 422, "/slug"),
            (json!({ "into": "same", "slug": "ours" }), 422, "/password"),
            (json!({ "into": "same", "slug": "ours", "password": PASSWORD, "name": "X" }), 422, "/name"),
            (json!({ "into": "new", "slug": "No Slug", "password": PASSWORD }), 422, "/slug"),
            (json!({ "into": "new", "slug": "ours", "password": PASSWORD }), 409, "/slug"),
        ] {
            assert_eq!(app.post(&owner, &path, body.clone()).await.expect(status).pointers(), [pointer], "{body}");
        }
        let wrong = app.post(&owner, &path, same("ours", "not my password")).await;
        assert_eq!(wrong.expect_problem(403, "wrong_password").pointers(), ["/password"]);
        assert!(app.get(&owner, "/restores").await.expect(200).column("id").is_empty());

        let asked =
            app.call(Some(&owner), "POST", &path).header("Idempotency-Key", "once").json(&same("ours", PASSWORD));
        let answer = asked.send().await.expect(202);
        let id = answer.field("id");
        assert_eq!(answer.header("location"), format!("/api/restores/{id}"));
        let again =
            app.call(Some(&owner), "POST", &path).header("Idempotency-Key", "once").json(&same("ours", PASSWORD));
        assert_eq!(again.send().await.expect(202).field("id"), id);
        let second = app.post(&owner, &path, same("ours", PASSWORD)).await;
        second.expect_problem(409, "restore_under_way");
        let shown = app.get(&owner, &format!("/restores/{id}")).await.expect(200).json();
        assert_eq!((shown["status"].as_str(), shown["plan"]["tenant"].as_str()), (Some("queued"), Some("ours")));
        app.post(&owner, &format!("/restores/{id}/cancel"), json!({})).await.expect(202);
        app.post(&owner, &path, same("ours", PASSWORD)).await.expect(202);
    })
    .await;
}

#[tokio::test]
async fn a_manager_restores_his_own_tenant_and_makes_none() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (ours, theirs) = (app.tenant(&owner, "ours").await, app.tenant(&owner, "theirs").await);
        let manager = app.user(&ours, UserRole::Manager).await;
        let stranger = app.user(&theirs, UserRole::Manager).await;
        let path = format!("/backups/{}/restore", backup(app, &owner, &ours).await);
        let new = json!({ "into": "new", "slug": "copy", "password": PASSWORD });
        app.post(&manager, &path, new).await.expect_problem(403, "forbidden");
        app.post(&stranger, &path, same("ours", PASSWORD)).await.expect(404);
        let id = app.post(&manager, &path, same("ours", PASSWORD)).await.expect(202).field("id");
        app.get(&stranger, &format!("/restores/{id}")).await.expect(404);
        assert!(app.get(&stranger, "/restores").await.expect(200).column("id").is_empty());
        assert_eq!(app.get(&manager, "/restores").await.expect(200).column("id"), [id]);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_tenants_verified_backup_is_refused() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let ours = app.tenant(&owner, "ours").await;
        let waiting = app.post(&owner, "/backups", json!({ "scope": "tenant", "tenant": ours })).await.field("id");
        let path = format!("/backups/{waiting}/restore");
        app.post(&owner, &path, same("ours", PASSWORD)).await.expect_problem(409, "not_verified");
        let deleted = backup(app, &owner, &ours).await;
        app.delete(&owner, &format!("/backups/{deleted}?force=true")).await.expect(204);
        let path = format!("/backups/{deleted}/restore");
        app.post(&owner, &path, same("ours", PASSWORD)).await.expect_problem(409, "backup_deleted");
    })
    .await;
}

#[tokio::test]
async fn one_that_found_nothing_changed_brings_back_what_the_older_one_holds() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let ours = app.tenant(&owner, "ours").await;
        let older = backup(app, &owner, &ours).await;
        app.after(std::time::Duration::from_secs(3600));
        let same = app.post(&owner, "/backups", json!({ "scope": "tenant", "tenant": ours })).await.field("id");
        let (id, source): (BackupId, BackupId) = (same.parse().unwrap(), older.parse().unwrap());
        let now = app.clock.now();
        let unchanged = app.app.central().write(async |tx| {
            let number = backups::start(tx, id, now).await?.unwrap();
            backups::unchanged(tx, id, number, source, now).await
        });
        assert!(unchanged.await.unwrap());
        let path = format!("/backups/{same}/restore");
        let dry = app.post(&owner, &path, json!({ "into": "same", "dry_run": true })).await.expect(200).json();
        let plan = &dry["plan"];
        assert_eq!((plan["backup_id"].as_str(), plan["same_as"].as_str()), (Some(&*same), Some(&*older)));
        assert_eq!(plan["taken_at"].as_str().unwrap(), "2026-11-18T12:06:40Z", "nothing had changed until then");
        app.post(&owner, &path, same_slug("ours")).await.expect(202);
        app.delete(&owner, &format!("/backups/{older}?force=true")).await.expect(204);
        app.post(&owner, &path, same_slug("ours")).await.expect_problem(409, "backup_deleted");
    })
    .await;
}

#[tokio::test]
async fn a_tenant_that_is_being_restored_is_read_and_not_written() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let ours = app.tenant(&owner, "ours").await;
        let id: TenantId = ours.parse().unwrap();
        let restore: RestoreId = app.app.store().ids().next();
        let now = app.clock.now();
        let database = app.tenant_database(id).await;
        database.write(async |tx| write_lock::set(tx, restore, id, now).await).await.unwrap();
        let body = json!({ "username": "anna", "email": "anna@example.org" });
        app.post(&owner, "/tenants/ours/users", body.clone()).await.expect_problem(423, "locked");
        app.get(&owner, "/tenants/ours/users").await.expect(200);
        database.write_past_lock(async |tx| write_lock::clear(tx, restore).await).await.unwrap();
        app.post(&owner, "/tenants/ours/users", body).await.expect(201);
    })
    .await;
}
