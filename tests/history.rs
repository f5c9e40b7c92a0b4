//! Histories: what several clients saw of rows that all of them change, while the processes that serve them are killed, can
//! be told as one story in which one change follows the other; and what was appended is there once, in the order in which it
//! was acknowledged.

mod appends;
mod linear;
mod registers;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    engines::on_every_settings,
    support::{Client, Home, Server, until},
};

const KILLS: usize = 6;
const TENANT: &str = "history";

/// What the clients share: where the service is right now, the time, and when to stop.
#[derive(Clone)]
struct Scene {
    urls: Arc<Mutex<Vec<String>>>,
    admin: Client,
    begun: Instant,
    /// How much was acknowledged so far, of both kinds.
    changed: Arc<AtomicUsize>,
    appended: Arc<AtomicUsize>,
    over: CancellationToken,
}

impl Scene {
    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Until so much more was acknowledged.
    async fn progress(&self, changes: usize, appends: usize) {
        let reached = || (self.changed.load(Ordering::SeqCst), self.appended.load(Ordering::SeqCst));
        let begun = reached();
        until("the clients to get on", async || {
            let now = reached();
            (now.0 >= begun.0 + changes && now.1 >= begun.1 + appends).then_some(())
        })
        .await;
    }

    /// The session, at one of the processes.
    fn anywhere(&self, chance: &mut StdRng) -> Client {
        let urls = self.urls.lock().unwrap();
        self.admin.at_url(&urls[chance.random_range(0..urls.len())])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_linearizable_and_appends_happen_once_while_processes_are_killed() {
    let seed: u64 = std::env::var("CHILIVIEW_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CHILIVIEW_SEED={seed}");
    on_every_settings(async |settings| {
        let home = Home::on(&settings);
        // One process on a machine's own files, two on a server.
        let names = if settings.database_url.is_some() { vec!["a", "b"] } else { vec!["a"] };
        let mut servers = Vec::new();
        for name in &names {
            servers.push(home.serve_as(name, &[]).await);
        }
        let admin = home.admin(&servers[0]).await;
        admin.post("/api/tenants", json!({"slug": TENANT, "name": "History"})).await.expect(201);
        let urls = Arc::new(Mutex::new(servers.iter().map(|server| server.url.clone()).collect()));
        let (changed, appended) = (Arc::default(), Arc::default());
        let scene = Scene { urls, admin, begun: Instant::now(), changed, appended, over: CancellationToken::new() };

        let registers = registers::make(&scene).await;
        let clients = tokio::spawn(registers::change(scene.clone(), registers.clone(), seed));
        let appenders = tokio::spawn(appends::append(scene.clone(), seed));
        let servers = kill_on_and_on(&home, &names, servers, &scene, seed).await;
        let (operations, appended) = (clients.await.unwrap(), appenders.await.unwrap());

        registers::check(&registers, &operations);
        appends::check(&scene.admin.at(&servers[0]), &appended).await;
        for server in servers {
            assert!(server.stop().await.success());
        }
    })
    .await;
}

/// SIGKILL at moments drawn by chance, in the middle of whatever is under way; the clients go on meanwhile.
async fn kill_on_and_on(
    home: &Home,
    names: &[&str],
    mut servers: Vec<Server>,
    scene: &Scene,
    seed: u64,
) -> Vec<Server> {
    let mut chance = StdRng::seed_from_u64(seed);
    for _ in 0..KILLS {
        scene.progress(chance.random_range(1..60), chance.random_range(1..20)).await;
        let victim = chance.random_range(0..servers.len());
        servers.remove(victim).kill();
        let server = home.serve_as(names[victim], &[]).await;
        scene.urls.lock().unwrap()[victim].clone_from(&server.url);
        servers.insert(victim, server);
    }
    scene.progress(60, 20).await;
    scene.over.cancel();
    servers
}
