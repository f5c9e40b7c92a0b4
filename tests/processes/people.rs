//! Somebody who uses the platform while processes come and go: who gets no answer goes to another door.

use std::time::Duration;

use rand::seq::IndexedRandom as _;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::cluster::Doors;
use crate::support::{Answer, Client, Patience};

/// A process that stands still answers nobody: not what is tested, but the moment at which the next door is tried.
const LONG: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub(super) struct Person {
    client: Client,
    doors: Doors,
}

impl Person {
    pub(super) fn new(client: &Client, doors: &Doors) -> Self {
        Self { client: client.clone(), doors: doors.clone() }
    }

    fn at_some_door(&self) -> Client {
        self.client.at_url(self.doors.all().choose(&mut rand::rng()).unwrap())
    }

    /// One try; nothing when nobody can say what became of it, or somebody asks for another.
    pub(super) async fn once(
        &self,
        method: Method,
        path: &str,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Option<Answer> {
        let request = with(self.at_some_door().request(method, path)).timeout(LONG);
        let answer = Answer::to_maybe(request).await.ok()?;
        assert_ne!(answer.status, 500, "{path}: {}", String::from_utf8_lossy(&answer.body));
        (answer.status < 500).then_some(answer)
    }

    /// Until it is answered for good: the same key makes it the same request. While something else of the same tenant is about
    /// to end, it waits; so it does when a process was killed while it judged the password, which counts as a guess.
    pub(super) async fn insist(&self, path: &str, body: Value, key: &str) -> Answer {
        let patience = Patience::begin();
        loop {
            let with = |request: RequestBuilder| request.header("Idempotency-Key", key).json(&body);
            match self.once(Method::POST, path, with).await {
                Some(answer) if ![409, 423, 429].contains(&answer.status) => return answer,
                _ => patience.wait(path).await,
            }
        }
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let patience = Patience::begin();
        loop {
            match self.once(Method::GET, path, |request| request).await {
                Some(answer) => return answer.expect(200),
                None => patience.wait(path).await,
            }
        }
    }

    /// How a restore, or its undo, came out.
    pub(super) async fn restore_ended(&self, id: &str) -> Value {
        let patience = Patience::begin();
        loop {
            let restore = self.get(&format!("/api/restores/{id}")).await;
            if !["queued", "running"].contains(&restore["status"].as_str().unwrap()) {
                return restore;
            }
            patience.wait("the restore to end").await;
        }
    }

    /// Who is in a tenant, by name, and how he is called. They fit on a page.
    pub(super) async fn users(&self, slug: &str) -> Vec<(String, String)> {
        let page = self.get(&format!("/api/tenants/{slug}/users?limit=200")).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let users = page["items"].as_array().unwrap().iter();
        let mut users: Vec<_> = users.map(|user| (text(&user["username"]), text(&user["display_name"]))).collect();
        users.sort();
        users
    }
}
