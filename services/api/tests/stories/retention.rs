//! What goes and when, asked before it goes; and what somebody pins stays.

use std::time::Duration;

use chiliview_store::{
    BackupId, Ids, ScheduleId, TenantId,
    admins::AdminRole,
    backups::{self, New, Origin, ProofDepth, Verified},
    users::UserRole,
};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, on_every_engine};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A backup that a schedule made now, as far as the rows go.
async fn nightly(app: &TestApp, tenant: &str, schedule: &str) -> String {
    let (tenant, schedule): (TenantId, ScheduleId) = (tenant.parse().unwrap(), schedule.parse().unwrap());
    let (id, now): (BackupId, _) = (Ids.next(), app.clock.now());
    let new = New {
        id,
        tenant: Some((tenant, "acme".into())),
        origin: Origin::Schedule,
        run: Some((schedule, Ids.next())),
        requested_by: "schedule".into(),
        trace_id: None,
        at: now,
    };
    let proof = Verified {
        manifest: "{}".into(),
        stored_sha256: "ab".repeat(32),
        stored_bytes: 7,
        plain_bytes: 9,
        encrypted: false,
        depth: ProofDepth::Quick,
    };
    let made = app.app.central().write(async |tx| {
        backups::insert(tx, &new).await?;
        let number = backups::start(tx, id, now).await?.unwrap();
        backups::verified(tx, id, number, &proof, now).await
    });
    assert!(made.await.unwrap());
    id.to_string()
}

async fn preview(app: &TestApp, who: &Person, question: Value) -> Value {
    app.post(who, "/retention/preview", question).await.expect(200).json()
}

/// Why a backup stays, and whether it is said when it goes.
fn fate(preview: &Value, id: &str) -> (Vec<String>, bool) {
    let items = preview["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["id"] == id).unwrap_or_else(|| panic!("no {id} in {preview}"));
    let reasons = item["keep"].as_array().unwrap().iter();
    (reasons.map(|keep| keep["reason"].as_str().unwrap().to_owned()).collect(), item["goes_on"].is_string())
}

#[tokio::test]
async fn a_preview_says_what_goes_and_a_pin_keeps_it_until_it_is_taken_off() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let acme = app.tenant(&owner, "acme").await;
        let schedule = json!({
            "name": "Nightly", "scope": "tenant", "tenant": "acme", "cron": "0 2 * * *", "retention": { "keep_last": 2 },
        });
        let schedule = app.post(&owner, "/schedules", schedule).await.expect(201).field("id");
        let mut made = Vec::new();
        for _ in 0..3 {
            app.after(DAY);
            made.push(nightly(app, &acme, &schedule).await);
        }
        // Past the time in which an edit removes nothing.
        app.after(DAY);
        // Sessions do not last for so long.
        let owner = app.admin(AdminRole::Owner).await;
        let question = json!({ "tenant": "acme" });
        let told = preview(app, &owner, question.clone()).await;
        assert_eq!(fate(&told, &made[0]), (vec![], true));
        assert_eq!(fate(&told, &made[2]).0, ["last", "newest_verified"], "{told}");
        assert_eq!((&told["rules"][0]["schedule_id"], &told["tenant"]), (&json!(schedule), &json!("acme")));

        app.post(&owner, &format!("/backups/{}/pin", made[0]), json!({})).await.expect(200);
        let told = preview(app, &owner, question.clone()).await;
        assert_eq!(fate(&told, &made[0]), (vec!["pinned".to_owned()], false));
        app.delete(&owner, &format!("/backups/{}", made[0])).await.expect(409);
        app.post(&owner, &format!("/backups/{}/unpin", made[0]), json!({})).await.expect(200);
        assert_eq!(fate(&preview(app, &owner, question).await, &made[0]), (vec![], true));

        // Another policy is tried, and nothing is changed by trying.
        let tried = json!({ "tenant": "acme", "schedule": schedule, "policy": { "keep_last": 9 } });
        assert_eq!(fate(&preview(app, &owner, tried).await, &made[0]).0, ["last"]);
        let shown = app.get(&owner, &format!("/schedules/{schedule}")).await.expect(200).json();
        assert_eq!(shown["retention"]["keep_last"], 2, "{shown}");
        for id in &made {
            app.get(&owner, &format!("/backups/{id}")).await.expect(200);
        }
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_was_edited_removes_nothing_at_once_and_the_preview_says_from_when() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let acme = app.tenant(&owner, "acme").await;
        let schedule = json!({
            "name": "Nightly", "scope": "tenant", "tenant": "acme", "cron": "0 2 * * *", "retention": { "keep_last": 2 },
        });
        let schedule = app.post(&owner, "/schedules", schedule).await.expect(201).field("id");
        let mut made = Vec::new();
        for _ in 0..2 {
            app.after(Duration::from_secs(3600));
            made.push(nightly(app, &acme, &schedule).await);
        }
        let own = app.call(Some(&owner), "PUT", "/tenants/acme/retention").json(&json!({ "keep_last": 1 }));
        own.send().await.expect(200);
        let manager = app.user(&acme, UserRole::Manager).await;
        let told = preview(app, &manager, json!({ "tenant": "acme" })).await;
        assert_eq!(fate(&told, &made[0]), (vec!["grace".to_owned()], true));
        assert!(told["rules"][0]["applies_from"].as_str() > Some("2026-11-19T1"), "{told}");
        let other = app.tenant(&owner, "other").await;
        let stranger = app.user(&other, UserRole::Manager).await;
        app.post(&stranger, "/retention/preview", json!({ "tenant": "acme" })).await.expect(404);
        let wrong = json!({ "tenant": "acme", "policy": { "keep_last": 0 } });
        assert!(!app.post(&owner, "/retention/preview", wrong).await.expect(422).pointers().is_empty());
    })
    .await;
}
