//! A day in the life of an installation, with everything that it does to its files on record.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::PathBuf,
    process::Command,
    sync::Mutex,
};

use serde_json::{Value, json};

use super::journal::{self, Record};
use crate::support::{Client, Home, PASSWORD, project, run};

/// Enough to make SQLite move its log into the database in between.
const BULK: usize = 260;

/// Something that was answered with a 2xx, and how long the journal was when the answer was there.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) known_at: u64,
    pub(super) what: What,
}

/// What was promised.
#[derive(Clone, Debug)]
pub(super) enum What {
    Tenant { slug: String },
    User { tenant: String, username: String },
    Renamed { tenant: String, username: String, version: i64 },
    Gone { tenant: String, username: String },
    Verified { backup: String },
}

/// A tenant's users, before and after a restore.
#[derive(Clone, Debug)]
pub(super) struct Restored {
    pub(super) tenant: String,
    /// Nobody had asked for it yet.
    pub(super) asked_at: u64,
    /// It was known to be done.
    pub(super) done_at: u64,
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
}

/// The whole of it.
pub(super) struct Recording {
    pub(super) root: u64,
    pub(super) records: Vec<Record>,
    pub(super) facts: Vec<Fact>,
    pub(super) restores: Vec<Restored>,
    /// The session that it all was done in.
    pub(super) client: Client,
}

/// Who asks, and notes what is promised.
pub(super) struct Scribe {
    journal: PathBuf,
    pub(super) client: Client,
    facts: Mutex<Vec<Fact>>,
}

/// A home whose service is recorded: where its journal is, and which directory it is about.
pub(super) fn recorded() -> (Home, PathBuf, u64) {
    let home = Home::new().with_password(PASSWORD);
    let (library, journal) = (home.path("recorder.so"), home.path("journal"));
    let source = project().join("tests/power/recorder.c");
    run(Command::new("cc").args(["-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(&library).arg(source));
    let home =
        home.with("LD_PRELOAD", library.to_str().unwrap()).with("RECORD_FILE_CHANGES", journal.to_str().unwrap());
    fs::DirBuilder::new().mode(0o700).create(home.path("data")).unwrap();
    let root = fs::metadata(home.path("data")).unwrap().ino();
    (home, journal, root)
}

/// Runs the service under the recorder.
pub(super) async fn record() -> Recording {
    let (home, journal, root) = recorded();
    let server = home.serve().await;
    let client = home.admin(&server).await;
    let scribe = Scribe::new(journal.clone(), client.clone());
    for slug in ["alder", "birch", "cedar"] {
        scribe.tenant(slug).await;
    }
    tokio::join!(scribe.users("alder", "a", 12), scribe.users("birch", "b", 12), scribe.users("cedar", "c", 12));
    let backups = scribe.back_up().await;
    tokio::join!(scribe.users("alder", "later", 6), scribe.changes("birch"), scribe.users("cedar", "bulk", BULK));
    let restored = scribe.restore("alder", &backups).await;
    tokio::join!(scribe.users("alder", "after", 6), scribe.tenant("dogwood"), scribe.users("birch", "more", 12));
    scribe.back_up().await;
    assert!(server.stop().await.success());
    let facts = scribe.into_facts();
    Recording { root, records: journal::read(&journal), facts, restores: vec![restored], client }
}

impl Scribe {
    pub(super) fn new(journal: PathBuf, client: Client) -> Self {
        Self { journal, client, facts: Mutex::default() }
    }

    /// All that was promised.
    pub(super) fn into_facts(self) -> Vec<Fact> {
        self.facts.into_inner().unwrap()
    }

    fn length(&self) -> u64 {
        fs::metadata(&self.journal).unwrap().len()
    }

    pub(super) fn note(&self, what: What) {
        let known_at = self.length();
        self.facts.lock().unwrap().push(Fact { known_at, what });
    }

    pub(super) async fn tenant(&self, slug: &str) {
        self.client.post("/api/tenants", json!({"slug": slug, "name": format!("Reseller {slug}")})).await.expect(201);
        self.note(What::Tenant { slug: slug.to_owned() });
    }

    async fn users(&self, tenant: &str, prefix: &str, count: usize) {
        for number in 0..count {
            let username = format!("{prefix}{number}");
            let user = json!({"username": username, "email": format!("{username}@example.com")});
            self.client.post(&format!("/api/tenants/{tenant}/users"), user).await.expect(201);
            self.note(What::User { tenant: tenant.to_owned(), username });
        }
    }

    /// Every user is renamed, every third goes.
    async fn changes(&self, tenant: &str) {
        let path = format!("/api/tenants/{tenant}/users");
        for (number, user) in self.client.all(&path).await.iter().enumerate() {
            let (id, username) = (user["id"].as_str().unwrap(), user["username"].as_str().unwrap().to_owned());
            let tenant = tenant.to_owned();
            if number % 3 == 0 {
                self.client.delete(&format!("{path}/{id}")).await.expect(204);
                self.note(What::Gone { tenant, username });
            } else {
                let patch = json!({"family_name": "Married"});
                let user = self.client.patch(&format!("{path}/{id}"), &user["version"], patch).await.expect(200);
                self.note(What::Renamed { tenant, username, version: user["version"].as_i64().unwrap() });
            }
        }
    }

    /// Everything, each followed to its end.
    pub(super) async fn back_up(&self) -> Vec<Value> {
        let queued = self.client.post("/api/backups", json!({"scope": "all"})).await.expect(202);
        let mut backups = Vec::new();
        for queued in queued["items"].as_array().unwrap() {
            let backup = self.client.backup_ended(queued["id"].as_str().unwrap()).await;
            assert_eq!(backup["status"], "verified", "{backup}");
            self.note(What::Verified { backup: backup["id"].as_str().unwrap().to_owned() });
            backups.push(backup);
        }
        backups
    }

    async fn restore(&self, tenant: &str, backups: &[Value]) -> Restored {
        let backup = backups.iter().find(|backup| backup["tenant"] == tenant).unwrap();
        let before = self.usernames(tenant).await;
        let asked_at = self.length();
        let wish = json!({"into": "same", "slug": tenant, "password": PASSWORD});
        let path = format!("/api/backups/{}/restore", backup["id"].as_str().unwrap());
        let restore = self.client.post(&path, wish).await.expect(202);
        let restore = self.client.restore_ended(restore["id"].as_str().unwrap()).await;
        assert_eq!(restore["status"], "done", "{restore}");
        let done_at = self.length();
        let after = self.usernames(tenant).await;
        assert_ne!(before, after);
        Restored { tenant: tenant.to_owned(), asked_at, done_at, before, after }
    }

    async fn usernames(&self, tenant: &str) -> Vec<String> {
        let users = self.client.all(&format!("/api/tenants/{tenant}/users")).await;
        let mut names: Vec<_> = users.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }
}
