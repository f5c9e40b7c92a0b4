//! Migrations of the fleet, as far as the API goes: they are looked at, and tried again for who was left behind.

use chiliview_store::{TenantId, admins::AdminRole, tenant_schemas};
use serde_json::json;

use crate::support::on_every_engine;

#[tokio::test]
async fn who_was_left_behind_is_seen_with_the_reason_and_tried_again_one_at_a_time() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let ours = app.tenant(&owner, "ours").await;
        app.tenant(&owner, "theirs").await;
        let (tenant, now): (TenantId, _) = (ours.parse().unwrap(), app.clock.now());
        let central = app.app.central();
        central.write(async |tx| tenant_schemas::failed(tx, tenant, "no room", now).await).await.unwrap();
        let failures = app.get(&owner, "/fleet-failures").await.expect(200).json();
        assert_eq!(failures["items"].as_array().unwrap().len(), 1, "{failures}");
        assert_eq!(
            (&failures["items"][0]["tenant"], &failures["items"][0]["error"]),
            (&json!("ours"), &json!("no room"))
        );

        let asked = app.call(Some(&owner), "POST", "/fleet-migrations").header("Idempotency-Key", "once");
        let answer = asked.send().await.expect(202);
        let id = answer.field("id");
        assert_eq!(answer.header("location"), format!("/api/fleet-migrations/{id}"));
        let again = app.call(Some(&owner), "POST", "/fleet-migrations").header("Idempotency-Key", "once");
        assert_eq!(again.send().await.expect(202).field("id"), id);
        app.post(&owner, "/fleet-migrations", json!({})).await.expect_problem(409, "migration_under_way");
        let shown = app.get(&owner, &format!("/fleet-migrations/{id}")).await.expect(200).json();
        assert_eq!((&shown["status"], &shown["total"]), (&json!("queued"), &json!(2)), "{shown}");
        assert_eq!(app.get(&owner, "/fleet-migrations").await.expect(200).column("id"), [id]);
        let job = app.get(&owner, "/jobs?kind=migrate_fleet").await.expect(200).json();
        assert_eq!(job["items"].as_array().unwrap().len(), 1, "{job}");
    })
    .await;
}
