//! Links: one backup, without a log-in, for a while, and only as long as their person may.

use std::time::Duration;

use chiliview_store::{admins::AdminRole, users::UserRole};
use serde_json::json;

use crate::support::{PASSWORD, Person, TestApp, on_every_engine};

/// A new link; its path below `/api`.
async fn link(app: &TestApp, who: &Person, backup: &str) -> String {
    let made = app.post(who, &format!("/backups/{backup}/download-link"), json!({})).await.expect(201);
    made.field("url").strip_prefix("/api").unwrap().to_owned()
}

async fn actions(app: &TestApp, who: &Person) -> Vec<String> {
    app.get(who, "/audit").await.expect(200).column("action")
}

#[tokio::test]
async fn a_broken_download_is_resumed_with_a_new_link_when_the_old_one_is_over() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let tenant = app.tenant(&owner, "acme").await;
        let (backup, bytes) = app.backed_up(Some((&tenant, "acme"))).await;
        let first = link(app, &owner, &backup).await;
        let (status, etag, whole) = app.call(None, "GET", &first).bytes().await;
        assert_eq!((status, whole == bytes), (200, true));
        let received = app.call(None, "GET", &first).broken_after(1000).await;
        assert!(received.len() < bytes.len() && bytes.starts_with(&received), "{} of {}", received.len(), bytes.len());
        app.after(Duration::from_secs(301));
        let over = app.call(None, "GET", &first).send().await.expect_problem(410, "link_expired");
        assert!(!over.text.contains(&backup));
        let second = link(app, &owner, &backup).await;
        assert_ne!(first, second);
        let rest = app.call(None, "GET", &second).header("If-Range", &etag);
        let rest = rest.header("Range", &format!("bytes={}-", received.len())).bytes().await;
        assert_eq!((rest.0, rest.1, [received, rest.2].concat() == bytes), (206, etag, true));
        let head = app.call(None, "HEAD", &second).send().await.expect(200);
        assert_eq!(head.header("content-length"), bytes.len().to_string());
        let told = actions(app, &owner).await;
        assert_eq!(told.iter().filter(|action| *action == "backup.link").count(), 2);
        assert_eq!(told.iter().filter(|action| *action == "backup.download").count(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_link_dies_with_its_person_and_with_its_backup() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let tenant = app.tenant(&owner, "acme").await;
        let (backup, _) = app.backed_up(Some((&tenant, "acme"))).await;
        let opens = async |path: &str| app.call(None, "GET", path).status().await;

        let manager = app.user(&tenant, UserRole::Manager).await;
        let again = app.log_in_again(&manager, Some("acme")).await;
        let path = link(app, &again, &backup).await;
        app.post(&again, "/auth/logout", json!({})).await.expect(204);
        assert_eq!(opens(&path).await, 200, "a download is not broken by a log-out");
        let change = json!({ "current": PASSWORD, "new": "purple elephants dance quietly" });
        app.post(&manager, "/auth/password", change).await.expect(204);
        assert_eq!(opens(&path).await, 410, "another password");

        let manager = app.user(&tenant, UserRole::Manager).await;
        let path = link(app, &manager, &backup).await;
        let user = format!("/tenants/acme/users/{}", manager.id);
        app.patch(&owner, &user, json!({ "role": "member" })).await.expect(200);
        assert_eq!(opens(&path).await, 410, "a lesser role");

        let manager = app.user(&tenant, UserRole::Manager).await;
        let path = link(app, &manager, &backup).await;
        let suspended = json!({ "status": "suspended", "status_reason": "unpaid" });
        app.patch(&owner, "/tenants/acme", suspended).await.expect(200);
        assert_eq!(opens(&path).await, 410, "a suspended tenant");

        let path = link(app, &owner, &backup).await;
        assert_eq!(opens(&path).await, 200);
        app.delete(&owner, &format!("/backups/{backup}?force=true")).await.expect(204);
        assert_eq!(opens(&path).await, 410, "a backup in the trash");
    })
    .await;
}

#[tokio::test]
async fn who_may_not_download_gets_no_link_and_a_changed_link_opens_nothing() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (acme, other) = (app.tenant(&owner, "acme").await, app.tenant(&owner, "other").await);
        let (backup, _) = app.backed_up(Some((&acme, "acme"))).await;
        let (central, _) = app.backed_up(None).await;
        let ask = async |who: &Person, backup: &str| {
            app.post(who, &format!("/backups/{backup}/download-link"), json!({})).await.status
        };
        let (auditor, operator) = (app.admin(AdminRole::Auditor).await, app.admin(AdminRole::Operator).await);
        assert_eq!((ask(&auditor, &backup).await, ask(&operator, &central).await), (403, 403));
        let foreign = app.user(&other, UserRole::Manager).await;
        assert_eq!((ask(&foreign, &backup).await, ask(&foreign, &central).await), (404, 404));
        let waiting = app.post(&owner, "/backups", json!({ "scope": "central" })).await.expect(202).field("id");
        assert_eq!(ask(&owner, &waiting).await, 409);
        assert!(!actions(app, &owner).await.contains(&"backup.link".to_owned()));

        let path = link(app, &owner, &backup).await;
        for changed in [format!("{path}A"), path.replace('.', ""), path.replacen("downloads/e", "downloads/f", 1)] {
            assert_ne!(changed, path);
            app.call(None, "GET", &changed).send().await.expect_problem(410, "link_expired");
        }
    })
    .await;
}
