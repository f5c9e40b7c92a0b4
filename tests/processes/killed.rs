//! Any of the processes is killed at any moment, while schedules fall due, jobs run and people work.

use std::time::Duration;

use chiliview_store::{ScheduleId, schedules};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;

use super::{catalogue, cluster::Cluster, imports::Imports, people::Person, ways_back::WaysBack, writers::Writers};
use crate::support::{Answer, until};

const TENANTS: usize = 6;
const SCHEDULES: usize = 6;
const KILLS: usize = 10;
/// In which restores and undos follow each other.
const TO_AND_FRO: usize = 3;

/// `CHILIVIEW_SEED` draws the same moments again.
pub(super) async fn schedules_fire_once_and_jobs_end_once(cluster: &mut Cluster) {
    let seed: u64 = std::env::var("CHILIVIEW_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CHILIVIEW_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let tenants: Vec<_> = (0..TENANTS).map(|number| format!("shop-{number}")).collect();
    for slug in &tenants {
        cluster.admin.post("/api/tenants", json!({"slug": slug, "name": "Reseller"})).await.expect(201);
    }
    let person = Person::new(&cluster.admin, &cluster.doors);
    let ways_back = WaysBack::start(&cluster.admin, &person, TO_AND_FRO).await;
    let imports = Imports::start(&cluster.admin, &person).await;
    let writers = Writers::start(&person, &tenants[..2]);
    let fired = all_due_at_once(cluster).await;
    let mut queued = Vec::new();
    for _ in 0..KILLS {
        queued.extend(some_more_jobs(cluster).await);
        // Not a wait for anything: the moment is what is tried.
        tokio::time::sleep(Duration::from_millis(chance.random_range(50..700))).await;
        let victim = chance.random_range(0..cluster.len());
        cluster.kill(victim).await;
    }
    writers.all_is_there(&cluster.admin).await;
    ways_back.all_have_ended(&cluster.admin).await;
    queued.extend(imports.stop().await);
    each_schedule_fired_once(cluster, &fired).await;
    catalogue::is_true(cluster, &queued).await;
    cluster.is_well();
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
