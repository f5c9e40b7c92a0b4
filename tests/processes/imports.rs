//! Imports of a downloaded snapshot, one after the other.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::people::Person;
use crate::support::Client;

/// At work until it is told to stop.
pub(super) struct Imports {
    stop: CancellationToken,
    at_work: JoinHandle<Vec<String>>,
}

impl Imports {
    /// Of a backup of a tenant made for it, into that tenant.
    pub(super) async fn start(admin: &Client, person: &Person) -> Self {
        admin.post("/api/tenants", json!({"slug": "imports", "name": "Imports"})).await.expect(201);
        let queued = admin.post("/api/backups", json!({"scope": "tenant", "tenant": "imports"})).await.expect(202);
        let backup = admin.backup_ended(queued["id"].as_str().unwrap()).await;
        assert_eq!(backup["status"], "verified", "{backup}");
        let file = admin.get(&format!("/api/backups/{}/content", backup["id"].as_str().unwrap())).await.body;
        let stop = CancellationToken::new();
        let at_work = tokio::spawn(import_on(person.clone(), file, stop.clone()));
        Self { stop, at_work }
    }

    /// The backups that were acknowledged.
    pub(super) async fn stop(self) -> Vec<String> {
        self.stop.cancel();
        let imported = self.at_work.await.unwrap();
        println!("{} imports were acknowledged", imported.len());
        imported
    }
}

async fn import_on(person: Person, file: Vec<u8>, stop: CancellationToken) -> Vec<String> {
    let mut imported = Vec::new();
    while !stop.is_cancelled() {
        let body = |request: RequestBuilder| request.body(file.clone());
        let answer = person.once(Method::POST, "/api/backups/import?tenant=imports", body).await;
        // One that was cut off counts as open until it is swept up, and there may not be many.
        if let Some(answer) = answer.filter(|answer| answer.status != 409) {
            imported.push(answer.expect(202)["id"].as_str().unwrap().to_owned());
        }
        // There is no hurry.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    imported
}
