//! What the log says was done, was done: of a backup that failed, was cancelled or is damaged, and of a restore that failed, no
//! line says anything good.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Client, Home, PASSWORD, Server, stem, until};

/// What only a success may say.
const GOOD: [&str; 6] = ["verified", "proven", "done", "restored", "succeeded", "unchanged"];

async fn tenant(admin: &Client, slug: &str) -> String {
    let tenant = admin.post("/api/tenants", json!({"slug": slug, "name": slug})).await.expect(201);
    tenant["id"].as_str().unwrap().to_owned()
}

async fn asked(admin: &Client, slug: &str) -> String {
    let backup = admin.post("/api/backups", json!({"scope": "tenant", "tenant": slug})).await.expect(202);
    backup["id"].as_str().unwrap().to_owned()
}

/// Turns a byte in the middle of the snapshot.
fn damage(home: &Home, tenant: &str, backup: &str) {
    let folder = home.path(format!("data/backups/{tenant}"));
    let snapshot = folder.join(format!("{}.db.zst", stem(&folder, backup)));
    let mut bytes = fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(snapshot, bytes).unwrap();
}

fn lines(home: &Home) -> Vec<Value> {
    let log = fs::read_to_string(home.path("data/logs/chiliview.log")).unwrap();
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The messages of the lines that name this id, of this level.
fn said(lines: &[Value], id: &str, level: &str) -> Vec<String> {
    let named = lines.iter().filter(|line| line["level"] == level && line.to_string().contains(id));
    named.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Four that did not come out well, as they are named in the log; and one that did.
async fn told(home: &Home, server: &Server) -> ([String; 4], String) {
    let admin = home.admin(server).await;
    let (acme, gone) = (tenant(&admin, "acme").await, tenant(&admin, "gone").await);
    let cancelled = asked(&admin, "acme").await;
    admin.post(&format!("/api/backups/{cancelled}/cancel"), json!({})).await;
    assert_eq!(admin.backup_ended(&cancelled).await["status"], "cancelled");
    let (failed, damaged, good) =
        (asked(&admin, "gone").await, asked(&admin, "acme").await, asked(&admin, "acme").await);
    fs::remove_dir_all(home.path(format!("data/resellers/{gone}"))).unwrap();

    let worker = home.work_as("worker").await;
    for (backup, status) in [(&failed, "failed"), (&good, "verified"), (&damaged, "verified")] {
        let ended = admin.backup_ended(backup).await;
        assert_eq!(ended["status"], status, "{ended}");
    }
    let ask = json!({"into": "same", "slug": "acme", "password": PASSWORD});
    damage(home, &acme, &damaged);
    let restore = admin.post(&format!("/api/backups/{damaged}/restore"), ask).await.expect(202);
    let restore = restore["id"].as_str().unwrap().to_owned();
    assert_eq!(admin.restore_ended(&restore).await["status"], "failed");
    admin.post(&format!("/api/backups/{damaged}/prove"), json!({})).await;
    until("the proof to find the damage", async || {
        let backup = admin.get(&format!("/api/backups/{damaged}")).await.expect(200);
        (backup["status"] == "damaged").then_some(())
    })
    .await;
    assert!(worker.stop().await.success());
    ([cancelled, failed, damaged, restore], good)
}

#[tokio::test]
async fn the_log_says_nothing_good_of_what_failed() {
    let home = Home::new().with_password(PASSWORD);
    let server = home.serve_as("serve", &["--no-worker"]).await;
    let ([cancelled, failed, damaged, restore], good) = told(&home, &server).await;
    assert!(server.stop().await.success());
    let lines = lines(&home);
    // The look is not blind: each kind of line is there to be seen.
    assert!(said(&lines, &good, "INFO").contains(&"backup.verified".to_owned()), "{good}");
    let bad = |id: &str| [said(&lines, id, "WARN"), said(&lines, id, "ERROR")].concat();
    for id in [&failed, &damaged, &restore] {
        assert!(!bad(id).is_empty(), "nothing bad is said of {id}");
    }
    for id in [&cancelled, &failed, &restore] {
        let said = said(&lines, id, "INFO");
        assert!(!said.iter().any(|message| GOOD.iter().any(|word| message.contains(word))), "of {id}: {said:?}");
    }
    // It was whole once, and that was said once.
    let said = said(&lines, &damaged, "INFO");
    let verified = said.iter().filter(|message| GOOD.iter().any(|word| message.contains(word)));
    assert_eq!(verified.collect::<Vec<_>>(), ["backup.verified"], "{said:?}");
}
