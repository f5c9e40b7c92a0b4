//! A backup is proven again on demand: asked for once, called off, refused where there is nothing to prove.

use chiliview_store::{
    admins::AdminRole,
    queue::{self, Filter, Work},
};
use serde_json::json;

use crate::support::{TestApp, on_every_engine};

async fn proofs_queued(app: &TestApp, backup: &str) -> usize {
    let jobs = app.app.central().read(async |tx| queue::list(tx, &Filter::default(), 99).await).await.unwrap();
    let is_ours = |work: Work| matches!(work, Work::Prove { backup: asked } if asked.to_string() == backup);
    jobs.iter().filter(|job| job.work.is_some_and(is_ours)).count()
}

#[tokio::test]
async fn a_backup_is_proven_again_on_demand_and_the_proof_can_be_called_off() {
    on_every_engine(async |app| {
        let operator = app.admin(AdminRole::Operator).await;
        let tenant = app.tenant(&operator, "acme").await;
        let (backup, _) = app.backed_up(Some((&tenant, "acme"))).await;
        let path = format!("/backups/{backup}");
        let asked = app.post(&operator, &format!("{path}/prove"), json!({})).await.expect(202);
        assert_eq!(
            (asked.header("location"), asked.field("status")),
            (&*format!("/api{path}"), "verifying".to_owned())
        );
        assert_eq!(proofs_queued(app, &backup).await, 1);
        app.post(&operator, &format!("{path}/prove"), json!({})).await.expect_problem(409, "not_provable");
        app.delete(&operator, &path).await.expect_problem(409, "not_ended");
        assert_eq!(proofs_queued(app, &backup).await, 1);
        let called_off = app.post(&operator, &format!("{path}/cancel"), json!({})).await.expect(202);
        assert_eq!(
            (called_off.field("status"), called_off.field("proof")),
            ("verified".to_owned(), "quick".to_owned())
        );
        app.post(&operator, &format!("{path}/cancel"), json!({})).await.expect_problem(409, "already_ended");
        let told = app.get(&operator, "/audit").await.expect(200).column("action");
        assert!(told.contains(&"backup.prove".to_owned()) && told.contains(&"backup.cancel".to_owned()), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn what_was_never_proven_or_lies_in_the_trash_is_not_proven_again() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let waiting = app.post(&owner, "/backups", json!({ "scope": "central" })).await.expect(202).field("id");
        let prove = async |id: &str| app.post(&owner, &format!("/backups/{id}/prove"), json!({})).await;
        prove(&waiting).await.expect_problem(409, "not_verified");
        let (backup, _) = app.backed_up(None).await;
        app.delete(&owner, &format!("/backups/{backup}?force=true")).await.expect(204);
        prove(&backup).await.expect_problem(409, "not_provable");
        assert_eq!(proofs_queued(app, &backup).await, 0);
    })
    .await;
}
