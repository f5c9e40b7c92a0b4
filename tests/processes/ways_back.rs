//! Restores and undos of them, one after the other, in tenants that nobody else writes to: after each there is exactly the one
//! state or the other.

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::people::Person;
use crate::support::{Answer, Client, PASSWORD, until};

/// What the worker says of a job whose attempts all died with their process: it may, if the kills are many.
pub(super) const DIED: &str = "attempts ended with their process";

type State = Vec<(String, String)>;

/// At work until they are told to stop.
pub(super) struct WaysBack {
    stop: CancellationToken,
    at_work: Vec<JoinHandle<usize>>,
    tenants: Vec<String>,
}

/// A tenant with a backup, and what is in it.
struct Tenant {
    slug: String,
    backup: String,
    of_backup: State,
}

impl WaysBack {
    /// In so many tenants, made for it.
    pub(super) async fn start(admin: &Client, person: &Person, count: usize) -> Self {
        let stop = CancellationToken::new();
        let (mut at_work, mut tenants) = (Vec::new(), Vec::new());
        for number in 0..count {
            let tenant = made(admin, person, &format!("back-{number}")).await;
            tenants.push(tenant.slug.clone());
            at_work.push(tokio::spawn(to_and_fro(person.clone(), tenant, stop.clone())));
        }
        Self { stop, at_work, tenants }
    }

    /// They end, and everything takes writes again.
    pub(super) async fn all_have_ended(self, admin: &Client) {
        self.stop.cancel();
        let mut count = 0;
        for way in self.at_work {
            count += way.await.unwrap();
        }
        println!("{count} restores and undos, each whole or not at all");
        let open = |restore: &&Value| ["queued", "running"].contains(&restore["status"].as_str().unwrap());
        let restores = admin.all("/api/restores").await;
        assert!(!restores.iter().any(|restore| open(&restore)), "{restores:#?}");
        for slug in self.tenants {
            // The lock goes last, and who would have taken it away may have been killed.
            until("the tenant to take writes", async || {
                let answer = add(admin, &slug, "at-the-end").await;
                assert!([201, 423].contains(&answer.status), "{answer:?}");
                (answer.status == 201).then_some(())
            })
            .await;
        }
    }
}

async fn add(admin: &Client, slug: &str, username: &str) -> Answer {
    let user = json!({"username": username, "email": format!("{username}@example.com")});
    admin.post(&format!("/api/tenants/{slug}/users"), user).await
}

async fn made(admin: &Client, person: &Person, slug: &str) -> Tenant {
    admin.post("/api/tenants", json!({"slug": slug, "name": slug})).await.expect(201);
    add(admin, slug, "old").await.expect(201);
    let of_backup = person.users(slug).await;
    let queued = admin.post("/api/backups", json!({"scope": "tenant", "tenant": slug})).await.expect(202);
    let backup = admin.backup_ended(queued["id"].as_str().unwrap()).await;
    assert_eq!(backup["status"], "verified", "{backup}");
    add(admin, slug, "new").await.expect(201);
    Tenant { slug: slug.to_owned(), backup: backup["id"].as_str().unwrap().to_owned(), of_backup }
}

/// How many restores and undos there were.
async fn to_and_fro(person: Person, tenant: Tenant, stop: CancellationToken) -> usize {
    let Tenant { slug, backup, of_backup } = tenant;
    let mut present = person.users(&slug).await;
    let mut count = 0;
    while !stop.is_cancelled() {
        count += 1;
        let ask = format!("/api/backups/{backup}/restore");
        let wish = json!({"into": "same", "slug": slug, "password": PASSWORD});
        let restore = person.insist(&ask, wish, &format!("{slug} {count}")).await.expect(202);
        let id = restore["id"].as_str().unwrap();
        let restore = person.restore_ended(id).await;
        let before = present.clone();
        match restore["status"].as_str().unwrap() {
            "done" => present = of_backup.clone(),
            "failed" => died(&restore),
            _ => panic!("{restore}"),
        }
        assert_eq!(person.users(&slug).await, present, "{restore}");
        if restore["status"] == "failed" {
            continue;
        }
        count += 1;
        let undo = format!("/api/restores/{id}/undo");
        person.insist(&undo, json!({"password": PASSWORD}), &format!("{slug} {count}")).await.expect(202);
        let undone = person.restore_ended(id).await;
        match undone["status"].as_str().unwrap() {
            "undone" => present = before,
            "done" => died(&undone),
            _ => panic!("{undone}"),
        }
        assert_eq!(person.users(&slug).await, present, "{undone}");
    }
    count
}

#[track_caller]
fn died(restore: &Value) {
    assert!(restore["error"].as_str().is_some_and(|why| why.contains(DIED)), "{restore}");
}
