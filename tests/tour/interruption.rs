//! `kill -9` in the middle of a backup: it ends verified, or failed with a reason, and no half file lies about.

use std::{collections::BTreeSet, path::Path, process::Command, time::Duration};

use chiliview_store::postgres::tenant_schema;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::support::{Client, Home, Server, run, sha256, stem, until};

const KILLS: u32 = 4;

/// Kills at moments drawn by chance; `CHILIVIEW_SEED` draws the same ones again.
pub(super) async fn killed_in_the_middle_of_backups(home: &Home, server: Server, admin: &Client) {
    let seed = std::env::var("CHILIVIEW_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CHILIVIEW_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let tenant = admin.get("/api/tenants/olafsson").await.expect(200);
    assert!(server.stop().await.success());
    grow(home, tenant["id"].as_str().unwrap()).await;

    let mut server = home.serve().await;
    for kill in 0..KILLS {
        let at = admin.at(&server);
        let queued = at.post("/api/backups", json!({"scope": "all"})).await.expect(202);
        let large = of("olafsson", &queued["items"]);
        until("the large backup to begin", async || {
            let backup = at.get(&format!("/api/backups/{large}")).await.expect(200);
            (backup["status"] != "queued").then_some(())
        })
        .await;
        // Not a wait for anything: the moment is what is tried. The first one is in the middle for certain.
        let moment = if kill == 0 { 0 } else { chance.random_range(0..1500) };
        tokio::time::sleep(Duration::from_millis(moment)).await;
        server.kill();
        server = home.serve().await;
    }
    let admin = admin.at(&server);
    let backups = admin.all("/api/backups").await;
    let (mut expected, mut interrupted) = (BTreeSet::new(), 0);
    for backup in &backups {
        let backup = admin.backup_ended(backup["id"].as_str().unwrap()).await;
        interrupted += u32::from(backup["attempt"].as_i64() > Some(1));
        expected.extend(files_of(home, &backup));
    }
    assert!(interrupted > 0, "the kills came too late to interrupt anything");
    println!("{interrupted} of {} backups were interrupted", backups.len());
    assert!(server.stop().await.success());
    let mut lying = files_under(&home.path("data/backups"));
    assert!(lying.remove(".shelf"), "the note when the shelf was begun");
    assert_eq!(lying, expected, "the shelf holds what the catalogue says");
    assert_eq!(files_under(&home.path("data/temp")), BTreeSet::new());
}

/// Some 80 MB that do not compress well, so that a backup takes a while.
async fn grow(home: &Home, tenant: &str) {
    if home.is_on_postgres() {
        let schema = tenant_schema(tenant.parse().unwrap());
        let rows = format!(
            "INSERT INTO {schema}.settings SELECT 'tour.' || i, (SELECT string_agg(md5(i || ' ' || j || random()), '')
                 FROM generate_series(1, 63) AS j), 0 FROM generate_series(1, 40000) AS i"
        );
        return home.execute(&rows).await;
    }
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
                INSERT INTO settings SELECT 'tour.' || i, hex(randomblob(1000)), 0 FROM n";
    let database = home.path(format!("data/resellers/{tenant}/reseller.db"));
    run(Command::new("sqlite3").arg(database).arg(rows));
}

fn of(slug: &str, backups: &Value) -> String {
    let mut backups = backups.as_array().unwrap().iter();
    backups.find(|backup| backup["tenant"] == slug).unwrap()["id"].as_str().unwrap().to_owned()
}

/// What must lie on the shelf for a backup that has ended: both files of a verified one, whole; nothing of another.
fn files_of(home: &Home, backup: &Value) -> Vec<String> {
    if backup["status"] == "failed" {
        assert!(!backup["error"].as_str().unwrap().is_empty(), "a reason: {backup}");
        return Vec::new();
    }
    assert_eq!(backup["status"], "verified", "{backup}");
    let folder = backup["tenant_id"].as_str().unwrap_or("central");
    let stem = stem(&home.path(format!("data/backups/{folder}")), backup["id"].as_str().unwrap());
    let name = format!("{folder}/{stem}");
    let artefact = std::fs::read(home.path(format!("data/backups/{name}.db.zst"))).unwrap();
    assert_eq!(sha256(artefact), backup["sha256"].as_str().unwrap());
    vec![format!("{name}.db.zst"), format!("{name}.manifest.json")]
}

/// All files in a directory and below it, by their names relative to it.
fn files_under(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![directory.to_owned()];
    while let Some(current) = open.pop() {
        for entry in std::fs::read_dir(&current).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found
}
