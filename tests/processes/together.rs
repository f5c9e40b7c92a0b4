//! What one process knows, the others know.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::cluster::Cluster;
use crate::support::{Answer, Client, PASSWORD, Server, until};

const GUESSES: usize = 8;

pub(super) async fn there_is_one_first_admin(cluster: &Cluster) {
    let admins = cluster.admin.all("/api/admins").await;
    assert_eq!(admins.len(), 1, "{admins:?}");
    let schedules = cluster.admin.all("/api/schedules").await;
    assert_eq!(schedules.len(), 2, "the schedules of the first start are there once: {schedules:?}");
}

pub(super) async fn a_session_is_known_and_ended_everywhere(cluster: &Cluster) {
    let serving = cluster.serving();
    let here = Client::log_in(&serving[0].url, "admin", PASSWORD).await;
    let there = here.at(serving.last().unwrap());
    there.get("/api/auth/session").await.expect(200);
    there.post("/api/auth/logout", json!({})).await.expect(204);
    here.get("/api/auth/session").await.expect(401);
}

/// Wrong passwords at one process, and the right one is refused at the other. What the first refuses lasts a second and
/// longer each time: on a slow machine it may be over, and then it is tried again.
pub(super) async fn guessing_is_slowed_down_everywhere(cluster: &Cluster) {
    let serving = cluster.serving();
    cluster.admin.post("/api/tenants", json!({"slug": "guessed", "name": "Guessed"})).await.expect(201);
    let user = json!({"username": "guess", "email": "guess@example.com", "password": PASSWORD, "role": "manager"});
    cluster.admin.post("/api/tenants/guessed/users", user).await.expect(201);
    until("the other process to refuse the right password", async || {
        for _ in 0..GUESSES {
            let guess = log_in(serving[0], "guess after guess after guess").await;
            assert!([401, 429].contains(&guess.status), "{}", guess.status);
        }
        let right = log_in(serving.last().unwrap(), PASSWORD).await;
        (right.status == 429).then(|| assert!(!right.header("retry-after").is_empty()))
    })
    .await;
}

async fn log_in(server: &Server, password: &str) -> Answer {
    let wish = json!({"username": "guess", "password": password, "tenant": "guessed"});
    Answer::to(reqwest::Client::new().post(format!("{}/api/auth/login", server.url)).json(&wish)).await
}

pub(super) async fn a_request_that_comes_twice_is_done_once(cluster: &Cluster) {
    let (here, there) = (cluster.admin.clone(), cluster.elsewhere());
    for round in 0..10 {
        let wish = json!({"slug": format!("twice-{round}"), "name": "Twice"});
        let ask = async |client: &Client| {
            let request =
                client.request(Method::POST, "/api/tenants").header("Idempotency-Key", format!("key {round}"));
            Answer::to(request.json(&wish)).await
        };
        let (one, other) = tokio::join!(ask(&here), ask(&there));
        let (one, other) = (one.expect(201), other.expect(201));
        assert_eq!(one["id"], other["id"], "round {round}");
    }
    let tenants = here.all("/api/tenants").await;
    let twice = |tenant: &&Value| tenant["slug"].as_str().unwrap().starts_with("twice-");
    assert_eq!(tenants.iter().filter(twice).count(), 10);
}

/// From the moment it is queued until it ends: the jobs are done by processes that serve nobody.
pub(super) async fn a_change_is_told_to_who_listens_elsewhere(cluster: &Cluster) {
    let there = cluster.elsewhere();
    let mut events = there.request(Method::GET, "/api/events").send().await.unwrap();
    assert_eq!(events.status(), 200);
    let heard = chunk(&mut events).await;
    assert!(heard.contains(": connected"), "{heard}");
    let queued = cluster.admin.post("/api/backups", json!({"scope": "central"})).await.expect(202);
    told_of_the_end(&mut events, queued["id"].as_str().unwrap()).await;
}

/// Who follows events hears how a backup ended.
pub(super) async fn told_of_the_end(events: &mut reqwest::Response, id: &str) {
    let mut heard = String::new();
    let ended = |heard: &str| {
        let told = heard.split("\n\n").filter(|event| event.starts_with("event: backup") && event.contains(id));
        told.filter(|event| ["\"verified\"", "\"failed\""].iter().any(|end| event.contains(end))).count() > 0
    };
    while !ended(&heard) {
        heard.push_str(&chunk(events).await);
    }
}

async fn chunk(events: &mut reqwest::Response) -> String {
    let chunk = tokio::time::timeout(Duration::from_secs(60), events.chunk()).await.expect("an event in a minute");
    String::from_utf8(chunk.unwrap().expect("the stream goes on").to_vec()).unwrap()
}
