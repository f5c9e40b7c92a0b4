//! Users that are created again and again under one Idempotency-Key until there is an answer: each is there once, whatever
//! died in between, and the audit log has them in the order in which they were acknowledged.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use rand::{SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Scene, TENANT};
use crate::support::{Answer, Client};

const CLIENTS: u64 = 3;
/// Every so many, the list is read.
const LOOK: usize = 20;

/// A user that was acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Appended {
    username: String,
    id: String,
    called: Duration,
    returned: Duration,
}

fn users() -> String {
    format!("/api/tenants/{TENANT}/users")
}

pub(super) async fn append(scene: Scene, seed: u64) -> Vec<Appended> {
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let clients = (0..CLIENTS).map(|client| tokio::spawn(one(scene.clone(), client, seed, acknowledged.clone())));
    let clients: Vec<_> = clients.collect();
    for client in clients {
        client.await.unwrap();
    }
    acknowledged.lock().unwrap().clone()
}

async fn one(scene: Scene, client: u64, seed: u64, acknowledged: Arc<Mutex<Vec<Appended>>>) {
    let mut chance = StdRng::seed_from_u64(seed ^ (client + 100));
    let mut number = 0;
    while !scene.over.is_cancelled() {
        let username = format!("a{client}-{number}");
        number += 1;
        let called = scene.now();
        let Some(id) = created(&scene, &username, &mut chance).await else { return };
        acknowledged.lock().unwrap().push(Appended { username, id, called, returned: scene.now() });
        scene.appended.fetch_add(1, Ordering::SeqCst);
        if number % LOOK == 0 {
            look(&scene, &acknowledged, &mut chance).await;
        }
    }
}

/// The same request until there is an answer. None when it is over before.
async fn created(scene: &Scene, username: &str, chance: &mut StdRng) -> Option<String> {
    loop {
        let user = json!({"username": username, "email": format!("{username}@example.com")});
        let request = scene.anywhere(chance).request(Method::POST, &users());
        match Answer::to_maybe(request.header("Idempotency-Key", username).json(&user)).await {
            Ok(answer) if answer.status != 503 => return Some(answer.expect(201)["id"].as_str().unwrap().to_owned()),
            _ if scene.over.is_cancelled() => return None,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// The list has whatever was acknowledged before it was asked for.
async fn look(scene: &Scene, acknowledged: &Mutex<Vec<Appended>>, chance: &mut StdRng) {
    let before: Vec<_> = acknowledged.lock().unwrap().iter().map(|user| user.username.clone()).collect();
    let (mut found, mut after) = (BTreeSet::new(), String::new());
    loop {
        let request = scene.anywhere(chance).request(Method::GET, &format!("{}?limit=200{after}", users()));
        // Killed meanwhile: another look will do.
        let Ok(page) = Answer::to_maybe(request).await else { return };
        let page = page.expect(200);
        found.extend(page["items"].as_array().unwrap().iter().map(|user| text(&user["username"])));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let lost: Vec<_> = before.iter().filter(|username| !found.contains(*username)).collect();
    assert!(lost.is_empty(), "acknowledged and not in the list: {lost:?}");
}

pub(super) async fn check(admin: &Client, appended: &[Appended]) {
    assert!(appended.len() > 20, "only {} were created", appended.len());
    let listed: Vec<_> = admin.all(&users()).await.iter().map(|user| text(&user["id"])).collect();
    let audit = admin.all(&format!("/api/tenants/{TENANT}/audit")).await;
    let created = |entry: &&Value| entry["action"] == "user.create";
    let lines: Vec<_> =
        audit.iter().filter(created).map(|line| (line["seq"].as_i64().unwrap(), text(&line["object_id"]))).collect();
    let mut in_order = Vec::new();
    for user in appended {
        assert_eq!(listed.iter().filter(|id| **id == user.id).count(), 1, "{user:?}");
        let places: Vec<_> = lines.iter().filter(|(_, id)| *id == user.id).map(|(seq, _)| *seq).collect();
        assert_eq!(places.len(), 1, "{user:?} is in the audit log at {places:?}");
        in_order.push((user.called, user.returned, places[0]));
    }
    // Who had an answer before another asked stands before it.
    in_order.sort_by_key(|(_, _, seq)| *seq);
    let mut latest_call = Duration::ZERO;
    for (called, returned, seq) in in_order {
        assert!(returned >= latest_call, "line {seq} was acknowledged before one that stands before it was asked for");
        latest_call = latest_call.max(called);
    }
    let verified = admin.get(&format!("/api/tenants/{TENANT}/audit/verify")).await.expect(200);
    assert_eq!(verified["intact"], json!(true), "{verified}");
    println!("{} users were appended", appended.len());
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
