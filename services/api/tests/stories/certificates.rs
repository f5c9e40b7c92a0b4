//! Certificates: signed, checkable with the platform's key alone, and only for what holds.

use chiliview_snapshot::certificate::{self, PublicKey};
use chiliview_store::{admins::AdminRole, users::UserRole};
use serde_json::json;

use crate::support::on_every_engine;

#[tokio::test]
async fn a_certificate_says_what_was_proven_and_is_believed_with_the_platforms_key() {
    on_every_engine(async |app| {
        let operator = app.admin(AdminRole::Operator).await;
        let tenant = app.tenant(&operator, "acme").await;
        let manager = app.user(&tenant, UserRole::Manager).await;
        let (backup, artefact) = app.backed_up(Some((&tenant, "acme"))).await;
        let key = app.get(&manager, "/certificate-key").await.expect(200);
        let trusted: PublicKey = key.field("pem").parse().unwrap();
        assert_eq!(trusted.thumbprint(), key.field("kid"));
        let path = format!("/backups/{backup}/certificate");
        for caller in [&manager, &operator] {
            let answer = app.get(caller, &path).await.expect(200);
            assert_eq!(answer.header("content-type"), "application/jose+json");
            let statement = certificate::verify(&answer.text, Some(&trusted)).unwrap().statement;
            assert_eq!(statement.manifest.backup.to_string(), backup);
            assert_eq!(statement.manifest.stored_bytes, artefact.len() as u64);
            assert_eq!(statement.checks, statement.depth.checks(&statement.manifest));
            let changed = answer.text.replacen('A', "B", 1);
            assert!(certificate::verify(&changed, Some(&trusted)).is_err());
        }
        let told = app.get(&operator, "/audit").await.expect(200).column("action");
        assert!(told.contains(&"backup.certificate".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn what_is_not_proven_or_somebody_elses_has_no_certificate() {
    on_every_engine(async |app| {
        let operator = app.admin(AdminRole::Operator).await;
        let tenant = app.tenant(&operator, "acme").await;
        let other = app.tenant(&operator, "other").await;
        let stranger = app.user(&other, UserRole::Manager).await;
        let (backup, _) = app.backed_up(Some((&tenant, "acme"))).await;
        app.get(&stranger, &format!("/backups/{backup}/certificate")).await.expect(404);
        let waiting = json!({ "scope": "tenant", "tenant": "acme" });
        let waiting = app.post(&operator, "/backups", waiting).await.expect(202).field("id");
        app.get(&operator, &format!("/backups/{waiting}/certificate")).await.expect_problem(409, "not_verified");
    })
    .await;
}
