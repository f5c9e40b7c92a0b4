//! The processes of one platform.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use chiliview_store::{Clock, Ids, Settings, Store};
use futures::future::join_all;
use serde_json::Value;
use sqlx::PgConnection;
use tempfile::TempDir;

use crate::{
    bucket::{self, server::Server as S3},
    support::{Client, Home, PASSWORD, Server},
};

/// What a process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Serves,
    Works,
}

/// Where the snapshots lie.
enum Shelf {
    Directory(TempDir),
    Bucket(S3, #[expect(dead_code, reason = "it is removed with the server")] TempDir),
}

/// A process, and where it lives.
struct Member {
    role: Role,
    name: String,
    /// Which of the homes.
    home: usize,
    process: Server,
}

/// Where the platform is served just now, for whoever goes on while processes come and go.
#[derive(Clone, Default)]
pub(super) struct Doors(Arc<Mutex<Vec<String>>>);

impl Doors {
    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// All of them.
pub(super) struct Cluster {
    homes: Vec<Home>,
    members: Vec<Member>,
    shelf: Shelf,
    settings: Settings,
    pub(super) doors: Doors,
    /// An admin, at the first that serves.
    pub(super) admin: Client,
}

impl Cluster {
    /// Starts them all at once, on nothing; their shelf is a directory.
    pub(super) async fn start(settings: &Settings) -> Self {
        Self::with(settings, Shelf::Directory(tempfile::tempdir().unwrap())).await
    }

    /// …or a bucket of a server that speaks S3.
    pub(super) async fn with_bucket(settings: &Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = S3::start(directory.path().to_owned()).await;
        Self::with(settings, Shelf::Bucket(server, directory)).await
    }

    async fn with(settings: &Settings, shelf: Shelf) -> Self {
        let on_server = settings.database_url.is_some();
        let roles: &[Role] = match on_server {
            true => &[Role::Serves, Role::Serves, Role::Works, Role::Works, Role::Works],
            false => &[Role::Serves, Role::Works, Role::Works],
        };
        let home = || match &shelf {
            Shelf::Directory(place) => {
                Home::on(settings).with("CHILIVIEW_SHELF", place.path().join("shelf").to_str().unwrap())
            }
            Shelf::Bucket(server, _) => bucket::on(Home::on(settings), server),
        };
        let homes: Vec<_> = (0..if on_server { roles.len() } else { 1 }).map(|_| home()).collect();
        let starting = roles.iter().enumerate().map(async |(number, role)| {
            let (name, home) = (format!("{role:?}{number}"), if on_server { number } else { 0 });
            Member { role: *role, process: launch(&homes[home], *role, &name).await, name, home }
        });
        let members: Vec<_> = join_all(starting).await;
        let admin = Client::log_in(&members[0].process.url, "admin", PASSWORD).await;
        let settings = match on_server {
            true => settings.clone(),
            false => Settings::sqlite(homes[0].path("data")),
        };
        let cluster = Self { homes, members, shelf, settings, doors: Doors::default(), admin };
        cluster.open_doors();
        cluster
    }

    fn open_doors(&self) {
        *self.doors.0.lock().unwrap() = self.serving().iter().map(|server| server.url.clone()).collect();
    }

    fn of(&self, role: Role) -> Vec<&Server> {
        self.members.iter().filter(|member| member.role == role).map(|member| &member.process).collect()
    }

    /// Those that serve.
    pub(super) fn serving(&self) -> Vec<&Server> {
        self.of(Role::Serves)
    }

    /// Those that work.
    pub(super) fn working(&self) -> Vec<&Server> {
        self.of(Role::Works)
    }

    /// The number of the process that is at a job of this kind.
    pub(super) async fn who_does(&self, kind: &str) -> Option<i32> {
        let running = self.elsewhere().get(&format!("/api/jobs?status=running&kind={kind}")).await.expect(200);
        // A worker's name begins so: `machine-123 …`.
        let (name, _) = running["items"].as_array()?.first()?["worker"].as_str()?.split_once(' ')?;
        name.rsplit_once('-')?.1.parse().ok()
    }

    /// The admin at the last one that serves: another process than the first, where there are two.
    pub(super) fn elsewhere(&self) -> Client {
        self.admin.at(self.serving().last().unwrap())
    }

    /// The same database, opened by this process too.
    pub(super) async fn store(&self) -> Store {
        Store::open(&self.settings, Clock::system(), Ids).await.unwrap()
    }

    /// What lies on the shelf.
    pub(super) fn shelf(&self) -> PathBuf {
        match &self.shelf {
            Shelf::Directory(place) => place.path().join("shelf"),
            Shelf::Bucket(server, _) => server.objects(),
        }
    }

    /// The doctor finds nothing.
    pub(super) fn is_well(&self) {
        let (code, report) = tokio::task::block_in_place(|| self.homes[0].doctor(&[]));
        let lines = report["checks"].as_array().unwrap().iter();
        let found: Vec<&Value> = lines.filter(|line| line["status"] != "ok").collect();
        assert!(code == 0 && found.is_empty(), "{code}: {found:#?}");
    }

    /// A connection to its PostgreSQL database, past everybody.
    pub(super) async fn connect(&self) -> PgConnection {
        self.homes[0].connect().await
    }

    /// A number that a statement answers there.
    pub(super) async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.connect().await).await.unwrap()
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// SIGKILL, and a new one in its place. The admin stays logged in.
    pub(super) async fn kill(&mut self, number: usize) {
        let Member { role, name, home, process } = self.members.remove(number);
        process.kill();
        let process = launch(&self.homes[home], role, &name).await;
        self.members.insert(number, Member { role, name, home, process });
        self.admin = self.admin.at(self.serving()[0]);
        self.open_doors();
    }

    /// They all end when they are asked to.
    pub(super) async fn stop(self) {
        let ended = join_all(self.members.into_iter().map(|member| member.process.stop())).await;
        assert!(ended.iter().all(|status| status.success()), "{ended:?}");
    }
}

async fn launch(home: &Home, role: Role, name: &str) -> Server {
    match role {
        Role::Serves => home.serve_as(name, &["--no-worker"]).await,
        Role::Works => home.work_as(name).await,
    }
}
