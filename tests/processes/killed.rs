//! Any of the processes is killed at any moment, while schedules fall due and jobs run.

use std::{collections::BTreeMap, time::Duration};

use chiliview_store::{ScheduleId, schedules};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::cluster::Cluster;
use crate::support::{Answer, sha256, until};

const TENANTS: usize = 6;
const SCHEDULES: usize = 6;
const KILLS: usize = 10;
/// What the worker says of a job whose attempts all died with their process: it may, if the kills are many.
const DIED: &str = "attempts ended with their process";

/// `CHILIVIEW_SEED` draws the same moments again.
pub(super) async fn schedules_fire_once_and_jobs_end_once(cluster: &mut Cluster) {
    let seed: u64 = std::env::var("CHILIVIEW_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CHILIVIEW_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    for number in 0..TENANTS {
        let tenant = json!({"slug": format!("shop-{number}"), "name": format!("Reseller {number}")});
        cluster.admin.post("/api/tenants", tenant).await.expect(201);
    }
    let fired = all_due_at_once(cluster).await;
    let mut queued = Vec::new();
    for _ in 0..KILLS {
        queued.extend(some_more_jobs(cluster).await);
        // Not a wait for anything: the moment is what is tried.
        tokio::time::sleep(Duration::from_millis(chance.random_range(50..700))).await;
        let victim = chance.random_range(0..cluster.len());
        cluster.kill(victim).await;
    }
    let backups = every_backup_ends(cluster, &queued).await;
    each_schedule_fired_once(cluster, &fired).await;
    each_end_is_written_once(cluster, &backups).await;
    the_shelf_holds_what_the_catalogue_says(cluster, &backups);
}

/// Schedules for the central database, all due since yesterday.
async fn all_due_at_once(cluster: &Cluster) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..SCHEDULES {
        let schedule = json!({"name": format!("daily {number}"), "scope": "central", "cron": "0 3 * * *"});
        let schedule = cluster.admin.post("/api/schedules", schedule).await.expect(201);
        ids.push(schedule["id"].as_str().unwrap().to_owned());
    }
    let store = cluster.store().await;
    let yesterday = store.clock().now().minus(Duration::from_hours(24));
    let due: Vec<ScheduleId> = ids.iter().map(|id| id.parse::<uuid::Uuid>().unwrap().into()).collect();
    let write = store.central().write(async |tx| {
        for id in &due {
            assert!(schedules::advance(tx, *id, yesterday, None).await?);
        }
        Ok::<_, chiliview_store::Error>(())
    });
    write.await.unwrap();
    store.close().await;
    ids
}

/// A backup of everything, asked for at whichever process answers.
async fn some_more_jobs(cluster: &Cluster) -> Vec<String> {
    let request = cluster.elsewhere().request(reqwest::Method::POST, "/api/backups");
    let queued = Answer::to(request.json(&json!({"scope": "all"}))).await.expect(202);
    queued["items"].as_array().unwrap().iter().map(|backup| backup["id"].as_str().unwrap().to_owned()).collect()
}

/// Those that were acknowledged are all there.
async fn every_backup_ends(cluster: &Cluster, queued: &[String]) -> Vec<Value> {
    let open = |backup: &&Value| ["queued", "running", "verifying"].contains(&backup["status"].as_str().unwrap());
    let backups = until("every backup to end", async || {
        let backups = cluster.admin.all("/api/backups").await;
        (!backups.iter().any(|backup| open(&backup))).then_some(backups)
    })
    .await;
    for id in queued {
        assert!(backups.iter().any(|backup| backup["id"] == json!(id)), "{id} is lost");
    }
    let bad = |backup: &&Value| {
        let why = backup["error"].as_str().unwrap_or_default();
        backup["status"] != "verified" && backup["status"] != "unchanged" && !why.contains(DIED)
    };
    let bad: Vec<_> = backups.iter().filter(bad).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let again = backups.iter().filter(|backup| backup["attempt"].as_i64() > Some(1)).count();
    println!("{} backups, {again} of them begun again", backups.len());
    backups
}

async fn each_schedule_fired_once(cluster: &Cluster, schedules: &[String]) {
    for schedule in schedules {
        let path = format!("/api/schedules/{schedule}/runs");
        let runs = until("the run to end", async || {
            let runs = cluster.admin.all(&path).await;
            let ended = runs.iter().all(|run| !["queued", "running"].contains(&run["status"].as_str().unwrap()));
            (ended && !runs.is_empty()).then_some(runs)
        })
        .await;
        assert_eq!(runs.len(), 1, "{runs:#?}");
        assert_eq!((&runs[0]["total"], &runs[0]["fired_by"]), (&json!(1), &json!("time")), "{runs:#?}");
    }
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
