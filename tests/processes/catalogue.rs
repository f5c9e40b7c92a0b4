//! What must be true of the backups in the end, whatever happened.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{cluster::Cluster, ways_back::DIED};
use crate::support::{sha256, until};

/// Those that were acknowledged are there and over, each ended once, and the shelf holds what is verified.
pub(super) async fn is_true(cluster: &Cluster, acknowledged: &[String]) {
    let backups = every_backup_ends(cluster, acknowledged).await;
    each_end_is_written_once(cluster, &backups).await;
    the_shelf_holds_what_the_catalogue_says(cluster, &backups);
}

async fn every_backup_ends(cluster: &Cluster, acknowledged: &[String]) -> Vec<Value> {
    let open = |backup: &&Value| ["queued", "running", "verifying"].contains(&backup["status"].as_str().unwrap());
    let backups = until("every backup to end", async || {
        let backups = cluster.admin.all("/api/backups").await;
        (!backups.iter().any(|backup| open(&backup))).then_some(backups)
    })
    .await;
    for id in acknowledged {
        assert!(backups.iter().any(|backup| backup["id"] == json!(id)), "{id} is lost");
    }
    let bad = |backup: &&Value| {
        let why = backup["error"].as_str().unwrap_or_default();
        let good = backup["status"] == "verified" || backup["status"] == "unchanged";
        // What a restore saved before it was cut off is saved anew by the next attempt.
        !good && !why.contains(DIED) && backup["origin"] != "safety"
    };
    let bad: Vec<_> = backups.iter().filter(bad).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let again = backups.iter().filter(|backup| backup["attempt"].as_i64() > Some(1)).count();
    println!("{} backups, {again} of them begun again", backups.len());
    backups
}

/// The audit log tells of one end for each.
async fn each_end_is_written_once(cluster: &Cluster, backups: &[Value]) {
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for line in cluster.admin.all("/api/audit").await {
        if ["backup.verified", "backup.failed", "backup.unchanged"].contains(&line["action"].as_str().unwrap()) {
            *ends.entry(line["object_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    for backup in backups {
        let (id, status) = (backup["id"].as_str().unwrap(), &backup["status"]);
        let times = ends.get(id).copied().unwrap_or_default();
        assert!(times == 1 || (*status == "unchanged" && times == 0), "{id} is {status} and ended {times} times");
    }
    let verified = cluster.admin.get("/api/audit/verify").await.expect(200);
    assert_eq!(verified["intact"], json!(true), "{verified}");
}

fn the_shelf_holds_what_the_catalogue_says(cluster: &Cluster, backups: &[Value]) {
    let mut artefacts = 0;
    let folders = std::fs::read_dir(cluster.shelf()).unwrap().map(|entry| entry.unwrap().path());
    for folder in folders.filter(|folder| folder.is_dir()) {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|file| file.to_str().unwrap().ends_with(".db.zst")) {
            let name = file.file_name().unwrap().to_str().unwrap();
            let backup = backups.iter().find(|backup| name.starts_with(backup["id"].as_str().unwrap()));
            let backup = backup.unwrap_or_else(|| panic!("nobody knows {name}"));
            assert_eq!(backup["sha256"], json!(sha256(std::fs::read(&file).unwrap())), "{backup}");
            artefacts += 1;
        }
    }
    let verified = backups.iter().filter(|backup| backup["status"] == "verified").count();
    assert_eq!(artefacts, verified);
}
