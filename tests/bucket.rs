//! Snapshots in a bucket, by the binary as operators run it: made, proven, downloaded, restored; a server that is away for a
//! while; everything lost but the bucket.

use std::fs;

use serde_json::{Value, json};

use self::server::{ACCESS_KEY, BUCKET, Fault, SECRET_KEY, Server as Store};
use crate::support::{Client, Home, missing, run, sha256, until};

#[path = "../crates/snapshot/tests/snapshot/server.rs"]
#[expect(dead_code, reason = "the stories of the shelf itself use the rest")]
pub(crate) mod server;

pub(crate) fn shelf() -> String {
    format!("s3://{BUCKET}/chili/view")
}

/// Whose shelf is the bucket.
pub(crate) fn on(home: Home, store: &Store) -> Home {
    home.with("CHILIVIEW_SHELF", shelf())
        .with("CHILIVIEW_S3_ENDPOINT", store.endpoint())
        .with("CHILIVIEW_S3_ACCESS_KEY", ACCESS_KEY)
        .with("CHILIVIEW_S3_SECRET_KEY", SECRET_KEY)
}

pub(crate) async fn backed_up(admin: &Client) -> Vec<Value> {
    let queued = admin.post("/api/backups", json!({"scope": "all"})).await.expect(202);
    let mut backups = Vec::new();
    for queued in queued["items"].as_array().unwrap() {
        let backup = admin.backup_ended(queued["id"].as_str().unwrap()).await;
        assert_eq!(backup["status"], "verified", "{backup}");
        backups.push(backup);
    }
    backups
}

pub(crate) fn of<'a>(slug: &str, backups: &'a [Value]) -> &'a Value {
    backups.iter().find(|backup| backup["tenant"] == slug).unwrap()
}

// The server must answer while the test waits for a command.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_lives_on_a_bucket_and_comes_back_from_it() {
    if missing(&["curl"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let store = Store::start(directory.path().to_owned()).await;
    let home = on(Home::new(), &store);
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    admin.post("/api/tenants", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
    let user = json!({"username": "zoe", "email": "zoe@acme.example"});
    admin.post("/api/tenants/acme/users", user.clone()).await.expect(201);

    let backups = backed_up(&admin).await;
    let acme = of("acme", &backups);
    downloaded(&home, &admin, acme);
    restored(&home, &admin, acme).await;
    proven_again_once_the_server_is_back(&store, &admin, acme).await;
    assert_eq!(home.doctor(&[]).0, 0, "{:#}", home.doctor(&[]).1);

    // The newest snapshot is what comes back; so far that is the one of the moment before the restore, without the user.
    backed_up(&admin).await;
    assert!(server.stop().await.success());
    let made = fs::read_dir(home.path("data/backups")).unwrap().count();
    assert_eq!(made, 0, "nothing of it lies on the disk");
    fs::rename(home.path("data"), home.path("lost")).unwrap();
    let output = home.chiliview(&["restore", "--from-shelf", "--yes"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    let users = admin.all("/api/tenants/acme/users").await;
    assert!(users.iter().any(|user| user["username"] == "zoe"), "{users:?}");
    assert!(server.stop().await.success());
    assert_eq!(home.doctor(&[]).0, 0, "{:#}", home.doctor(&[]).1);
}

/// `curl` as it resumes, from a server that breaks off in the middle of what it still sends.
pub(crate) fn downloaded(home: &Home, admin: &Client, backup: &Value) {
    let (file, headers) = (home.path("acme.db.zst"), home.path("headers"));
    let url = admin.address(&format!("/api/backups/{}/content", backup["id"].as_str().unwrap()));
    let curl = |range: &[&str]| {
        let mut curl = std::process::Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "-D"])
            .arg(&headers)
            .args(range)
            .arg("-o")
            .arg(&file)
            .arg(&url);
        curl.args(["--header", &format!("Authorization: Bearer {}", admin.token)]);
        run(&mut curl);
        fs::read_to_string(&headers).unwrap().to_lowercase()
    };
    let bytes = backup["bytes"].as_u64().unwrap();
    let told = curl(&["-r", "0-999"]);
    assert!(told.contains(&format!("content-range: bytes 0-999/{bytes}")), "{told}");
    let told = curl(&["-C", "-"]);
    assert!(told.contains(&format!("content-length: {}", bytes - 1000)), "{told}");
    assert!(told.contains(&format!("etag: \"{}\"", backup["sha256"].as_str().unwrap())), "{told}");
    assert_eq!(sha256(fs::read(&file).unwrap()), backup["sha256"].as_str().unwrap());
}

pub(crate) async fn restored(home: &Home, admin: &Client, backup: &Value) {
    let users = admin.all("/api/tenants/acme/users").await;
    for user in &users {
        admin.delete(&format!("/api/tenants/acme/users/{}", user["id"].as_str().unwrap())).await.expect(204);
    }
    let wish = json!({"into": "same", "slug": "acme", "password": home.password()});
    let ask = format!("/api/backups/{}/restore", backup["id"].as_str().unwrap());
    let restore = admin.post(&ask, wish).await.expect(202);
    let restore = admin.restore_ended(restore["id"].as_str().unwrap()).await;
    assert_eq!(restore["status"], "done", "{restore}");
    assert_eq!(admin.all("/api/tenants/acme/users").await.len(), users.len());
}

/// While the server fails nothing is damaged: the proof waits, and a download says that it cannot be had just now.
async fn proven_again_once_the_server_is_back(store: &Store, admin: &Client, backup: &Value) {
    let path = format!("/api/backups/{}", backup["id"].as_str().unwrap());
    store.trap("HEAD", ".db.zst", Fault::Status(503, "SlowDown"), 20);
    let refused = admin.get(&format!("{path}/content")).await.expect(503);
    assert_eq!(refused["code"], "shelf_unavailable", "{refused}");
    store.sprung();
    let proven = backup["proven_at"].clone();
    store.trap("GET", ".manifest.json", Fault::Status(503, "SlowDown"), 9);
    admin.post(&format!("{path}/prove"), json!({})).await.expect(202);
    let again = until("the proof to be made", async || {
        let backup = admin.get(&path).await.expect(200);
        assert_ne!(backup["status"], "damaged");
        (backup["status"] == "verified" && backup["proven_at"] != proven).then_some(backup)
    });
    assert_eq!(again.await["proof"], "full");
    assert!(store.sprung());
}

// The server must answer while the test waits for a command.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_shelf_makes_nobody_take_backups_for_lost() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::start(directory.path().to_owned()).await;
    let home = Home::new();
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    admin.post("/api/tenants", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
    let before = of("acme", &backed_up(&admin).await).clone();
    assert!(server.stop().await.success());

    let home = on(home, &store);
    let server = home.serve().await;
    let admin = admin.at(&server);
    let after = of("acme", &backed_up(&admin).await).clone();
    let content = |backup: &Value| format!("/api/backups/{}/content", backup["id"].as_str().unwrap());
    let answer = admin.get(&content(&before)).await.expect(409);
    assert_eq!(answer["code"], "elsewhere", "{answer}");
    let (code, report) = home.doctor(&[]);
    assert_eq!(code, 0, "{report:#}");
    let told = |line: &Value| line["message"].as_str().unwrap().contains("older than this shelf");
    assert!(report["checks"].as_array().unwrap().iter().any(told), "{report:#}");
    assert!(home.path("data/backups").join(before["tenant_id"].as_str().unwrap()).is_dir(), "it is untouched");
    assert_eq!(after["status"], "verified");
}
