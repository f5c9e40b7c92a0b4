//! A process that has no descriptor left: what it cannot do it says, and once there are some again it goes on.

use std::{fs, path::Path};

use reqwest::StatusCode;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::json;

use crate::support::{Home, until};

#[tokio::test]
async fn a_full_descriptor_table_is_waited_out_and_loses_nothing() {
    let home = Home::new();
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    admin.post("/api/tenants", json!({"slug": "acme", "name": "Acme"})).await.expect(201);

    limit(server.pid(), Some(free(server.pid())));
    let stranger = tokio::spawn(reqwest::get(admin.address("/livez")));
    until("the service to run out of descriptors", async || {
        let log = fs::read_to_string(home.path("data/logs/chiliview.log")).unwrap();
        log.contains("cannot accept connections for a moment").then_some(())
    })
    .await;
    let acme = admin.post("/api/backups", json!({"scope": "tenant", "tenant": "acme"})).await;
    let central = admin.post("/api/backups", json!({"scope": "central"})).await;
    for queued in [&acme, &central] {
        assert!(queued.status == 202 || queued.status >= 500, "{queued:?}");
    }

    limit(server.pid(), getrlimit(Resource::Nofile).current);
    assert_eq!(stranger.await.unwrap().unwrap().status(), StatusCode::OK);
    for queued in [acme, central].into_iter().filter(|queued| queued.status == 202) {
        let ended = admin.backup_ended(queued.expect(202)["id"].as_str().unwrap()).await;
        assert!(ended["status"] == "verified" || ended["error"].is_string(), "{ended}");
    }
    let again = admin.post("/api/backups", json!({"scope": "tenant", "tenant": "acme"})).await.expect(202);
    assert_eq!(admin.backup_ended(again["id"].as_str().unwrap()).await["status"], "verified");
    assert!(server.stop().await.success());
}

/// The lowest descriptor that it does not hold, which the next file or connection would get.
fn free(process: Pid) -> u64 {
    // A link, which leads nowhere for a socket.
    let held = |number: &u64| Path::new(&format!("/proc/{}/fd/{number}", process.as_raw_nonzero())).is_symlink();
    (0..).find(|number| !held(number)).unwrap()
}

/// Bounds the numbers of the descriptors that it gets, as `ulimit -n` does.
fn limit(process: Pid, descriptors: Option<u64>) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    prlimit(Some(process), Resource::Nofile, Rlimit { current: descriptors, maximum }).unwrap();
}
