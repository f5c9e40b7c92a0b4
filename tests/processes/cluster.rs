//! The processes of one platform.

use chiliview_store::{Clock, Ids, Settings, Store};
use futures::future::join_all;
use tempfile::TempDir;

use crate::support::{Client, Home, PASSWORD, Server};

/// What a process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Serves,
    Works,
}

/// A process, and where it lives.
struct Member {
    role: Role,
    name: String,
    /// Which of the homes.
    home: usize,
    process: Server,
}

/// All of them.
pub(super) struct Cluster {
    homes: Vec<Home>,
    members: Vec<Member>,
    shelf: TempDir,
    settings: Settings,
    /// An admin, at the first that serves.
    pub(super) admin: Client,
}

impl Cluster {
    /// Starts them all at once, on nothing.
    pub(super) async fn start(settings: &Settings) -> Self {
        let shelf = tempfile::tempdir().unwrap();
        let on_server = settings.database_url.is_some();
        let roles: &[Role] = match on_server {
            true => &[Role::Serves, Role::Serves, Role::Works, Role::Works, Role::Works],
            false => &[Role::Serves, Role::Works, Role::Works],
        };
        let home = || Home::on(settings).with("CHILIVIEW_SHELF", shelf.path().to_str().unwrap());
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
        Self { homes, members, shelf, settings, admin }
    }

    /// Those that serve: where they are.
    pub(super) fn serving(&self) -> Vec<&Server> {
        self.members.iter().filter(|member| member.role == Role::Serves).map(|member| &member.process).collect()
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
    pub(super) fn shelf(&self) -> &std::path::Path {
        self.shelf.path()
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
