//! Looking leaves no trace, and works in company.

use std::{fs, os::unix::fs::PermissionsExt as _};

use chiliview_doctor::{Mode, Report, Status, examine_apart};
use serde_json::json;

use crate::installation::{Installation, assert_calm, bad, only};

#[tokio::test]
async fn a_healthy_installation_is_all_well_and_stays_as_it_is() {
    let installation = Installation::new().await;
    let before = installation.state();
    let report = installation.look().await;
    assert_eq!(report.summary.ok, report.checks.len(), "{:#?}", report.checks);
    assert_eq!(installation.state(), before);
    assert!(!report.locked);
}

#[tokio::test]
async fn a_repair_of_what_is_whole_changes_no_row_and_makes_no_copies() {
    let installation = Installation::new().await;
    let report = installation.repair().await;
    assert_calm(&report);
    assert_eq!(report.summary.repaired, 0);
    assert!(!installation.root.join("repairs").exists());
    assert_calm(&installation.look().await);
}

#[tokio::test]
async fn it_works_while_a_service_runs_and_does_not_hinder_it() {
    let installation = Installation::new().await;
    let store = installation.store().await;
    store.tenant(installation.acme).await.unwrap();
    assert_calm(&installation.look().await);
    store.close().await;
}

#[tokio::test]
async fn a_repair_that_needs_to_be_alone_is_refused_while_a_service_runs() {
    let installation = Installation::new().await;
    let leftover = installation.data_dir().resellers().join(format!(".new-{}", installation.acme));
    fs::create_dir(&leftover).unwrap();
    let store = installation.store().await;
    let report = installation.repair().await;
    assert!(report.locked);
    assert_eq!(only(&report).status, Status::Problem);
    assert!(leftover.exists());
    store.close().await;
    drop(store);
    let report = installation.repair().await;
    assert!(!report.locked);
    assert_eq!(only(&report).status, Status::Repaired);
}

#[tokio::test]
async fn the_report_has_the_shape_that_programs_rely_on() {
    let installation = Installation::new().await;
    fs::remove_dir(installation.root.join("temp")).unwrap();
    let json = serde_json::to_value(installation.look().await).unwrap();
    assert_eq!(json["summary"]["problems"], 1);
    assert_eq!(json["summary"]["repaired"], 0);
    let check = json["checks"].as_array().unwrap().iter().find(|check| check["status"] == "problem").unwrap();
    assert_eq!(check["name"], "directories");
    assert!(check["object"].as_str().unwrap().ends_with("temp"));
    assert_eq!(check["message"], "it is missing");
    assert!(check["advice"].as_str().unwrap().contains("--repair"));
}

#[tokio::test]
async fn each_line_carries_what_it_says_as_codes_and_parameters() {
    let installation = Installation::new().await;
    fs::remove_dir(installation.root.join("temp")).unwrap();
    fs::set_permissions(installation.root.join("resellers"), fs::Permissions::from_mode(0o755)).unwrap();
    let said = |report: &Report| {
        let lines = bad(report).into_iter().map(|line| serde_json::to_value(line).unwrap()["said"].take());
        lines.collect::<Vec<_>>()
    };
    let open = json!({ "code": "open_directory", "params": { "mode": "0755" } });
    let seen = said(&installation.look().await);
    let advice = json!([{ "code": "run_repair" }]);
    assert_eq!(
        seen,
        [json!({ "found": open, "advice": advice }), json!({ "found": { "code": "missing" }, "advice": advice })]
    );
    let mended = said(&installation.repair().await);
    let closed = json!({ "code": "set_mode", "params": { "mode": "0700" } });
    assert_eq!(
        mended,
        [
            json!({ "found": open, "repair": closed }),
            json!({ "found": { "code": "missing" }, "repair": { "code": "made_empty" } })
        ]
    );
}

#[tokio::test]
async fn a_service_can_ask_for_it_on_any_task() {
    let installation = Installation::new().await;
    let report = tokio::spawn(examine_apart(installation.context(), Mode::Look)).await.unwrap().unwrap();
    assert_calm(&report);
}
