//! The overview: how everything is, the worst first.

use std::time::Duration;

use chiliview_store::{admins::AdminRole, users::UserRole};
use serde_json::{Value, json};

use crate::support::{Answer, on_every_engine};

fn states(answer: &Answer) -> Vec<(String, String)> {
    let json = answer.json();
    let text = |value: &Value| value.as_str().unwrap_or("central").to_owned();
    let items = json["items"].as_array().unwrap().iter();
    items.map(|item| (text(&item["tenant"]["slug"]), text(&item["state"]))).collect()
}

#[tokio::test]
async fn the_platform_sees_all_databases_the_worst_first_and_a_manager_his_own() {
    on_every_engine(async |app| {
        let (owner, auditor) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Auditor).await);
        let ours = app.tenant(&owner, "ours").await;
        app.tenant(&owner, "theirs").await;
        let manager = app.user(&ours, UserRole::Manager).await;
        let (verified, artefact) = app.backed_up(Some((&ours, "ours"))).await;
        app.after(Duration::from_secs(60));

        let all = app.get(&auditor, "/overview/databases").await.expect(200);
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(slug, state)| ((*slug).to_owned(), (*state).to_owned())).collect()
        };
        assert_eq!(states(&all), pairs(&[("central", "never"), ("theirs", "never"), ("ours", "protected")]));
        let best = &all.json()["items"][2];
        assert_eq!((&best["newest_verified_backup"], &best["last_status"]), (&json!(verified), &json!("verified")));
        assert_eq!((&best["stored_bytes"], &best["scope"]), (&json!(artefact.len()), &json!("tenant")));
        let first = app.get(&auditor, "/overview/databases?limit=2").await.expect(200);
        let rest = app.get(&auditor, &format!("/overview/databases?limit=2&after={}", first.field("next"))).await;
        assert_eq!(states(&rest.expect(200)), pairs(&[("ours", "protected")]));
        let searched = app.get(&auditor, "/overview/databases?q=OUR&state=protected").await.expect(200);
        assert_eq!(states(&searched), pairs(&[("ours", "protected")]));
        assert_eq!(
            states(&app.get(&manager, "/overview/databases").await.expect(200)),
            pairs(&[("ours", "protected")])
        );
        app.get(&auditor, "/overview/databases?state=nonsense").await.expect_problem(400, "invalid_parameter");

        let overview = app.get(&auditor, "/overview?days=7").await.expect(200).json();
        let counts = json!({ "tenants": 2, "suspended": 0, "protected": 1, "late": 0, "failed": 0, "never": 1 });
        assert_eq!(overview["counts"], counts);
        let series = overview["series"].as_array().unwrap();
        let today =
            json!({ "day": "2026-11-18", "verified": 1, "unchanged": 0, "failed": 0, "stored_bytes": artefact.len() });
        assert_eq!((series.len(), &series[0]["day"], &series[6]), (7, &json!("2026-11-12"), &today));
        assert_eq!((&overview["shelf"]["backups"], &overview["worker"]["status"]), (&json!(1), &json!("degraded")));
        assert!(overview["disk"]["free_bytes"].as_u64().is_some_and(|free| free > 0));

        let own = app.get(&manager, "/overview").await.expect(200).json();
        assert_eq!((&own["counts"]["tenants"], own["series"].as_array().unwrap().len()), (&json!(1), 30));
        assert_eq!((own["disk"].get("free_bytes"), own["worker"].get("workers")), (None, None));
        for days in ["0", "367", "x"] {
            app.get(&auditor, &format!("/overview?days={days}")).await.expect_problem(400, "invalid_parameter");
        }
    })
    .await;
}
