//! A PostgreSQL server that crashes and comes back, again and again, in the middle of writes and backups: nothing that was
//! acknowledged is lost, every backup ends, and no process has to be started anew.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chiliview_store::{Clock, Error, Settings, TenantId, backups::BackupStatus, users};
use chiliview_worker::{queue::Options, supervise::Backoff};

use crate::{
    engines::skipped,
    shop::{Shop, make_heavy, user},
    workshop::{options, until},
};

const CRASHES: usize = 3;

/// A server of the test's own. Dropped, it is ended and removed.
struct Server {
    programs: PathBuf,
    data: tempfile::TempDir,
    port: u16,
}

impl Server {
    fn start() -> Option<Self> {
        let programs = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut versions: Vec<_> = programs.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
        versions.sort();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { programs: versions.pop()?, data: tempfile::tempdir().unwrap(), port };
        if rustix::process::geteuid().is_root() {
            let given = Command::new("chown").arg("postgres").arg(server.data.path()).status().ok()?;
            assert!(given.success());
        }
        server.run("initdb", &["-U", "chiliview", "-A", "trust", "--encoding=UTF8", "--locale=C.UTF-8"]);
        server.up();
        Some(server)
    }

    fn up(&self) {
        let (port, socket) = (self.port, self.data.path().display());
        let how = format!("-p {port} -k {socket} -c listen_addresses=127.0.0.1");
        let log = self.data.path().join("log");
        self.run("pg_ctl", &["-w", "-l", log.to_str().unwrap(), "-o", &how, "start"]);
    }

    /// As a power cut would: nothing is written down, and what is on the disk has to do.
    fn crash(&self) {
        self.run("pg_ctl", &["-m", "immediate", "-w", "stop"]);
    }

    /// As the user whom PostgreSQL lets work: never root.
    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.arg("-D").arg(self.data.path().join("data")).args(arguments).current_dir("/");
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        assert!(command.status().unwrap().success(), "{command:?}");
    }

    fn settings(&self, home: &Path) -> Settings {
        let url = format!("postgres://chiliview@127.0.0.1:{}/postgres", self.port);
        Settings { database_url: Some(url.into()), ..Settings::sqlite(home) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.crash();
    }
}

/// Users, one after the other; those that were acknowledged. What could not be acknowledged is tried under another name.
async fn write_on(
    shop: Arc<Shop>,
    tenant: TenantId,
    writer: usize,
    stop: Arc<AtomicBool>,
    noted: Arc<Mutex<Vec<String>>>,
) {
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let name = format!("w{writer}-{number:06}");
        let database = shop.context.store.tenant(tenant).await;
        let written = match database {
            Ok(database) => database.write(async |tx| users::insert(tx, &user(&name)).await).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => noted.lock().unwrap().push(name),
            Err(Error::Unreachable(_) | Error::Busy(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_and_comes_back_costs_nothing_that_was_acknowledged() {
    let Some(server) = Server::start() else { return skipped("PostgreSQL is not installed") };
    let home = tempfile::tempdir().unwrap();
    let shop = Arc::new(Shop::open(&server.settings(home.path()), Clock::system()).await);
    let (tenant, database) = shop.tenant().await;
    make_heavy(&database, 60).await;
    drop(database);
    let retry = Backoff { first: Duration::from_millis(200), most: Duration::from_secs(1) };
    let worker = shop.start(Options { retry, missed: 8, ..options() });
    let (stop, noted) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let writers: Vec<_> = (0..3)
        .map(|writer| tokio::spawn(write_on(shop.clone(), tenant, writer, stop.clone(), noted.clone())))
        .collect();
    for crash in 0..CRASHES {
        let before = noted.lock().unwrap().len();
        until("they write", async || noted.lock().unwrap().len() > before + 20).await;
        let backup = shop.ask_for_attempts(Some(tenant), 50).await;
        until("it runs", async || shop.status(backup).await != BackupStatus::Queued).await;
        server.crash();
        server.up();
        let ended = async || matches!(shop.try_find(backup).await, Some(found) if found.status.is_terminal());
        until("the backup has ended", ended).await;
        let found = shop.find(backup).await.unwrap();
        assert_eq!((found.status, found.error.as_deref()), (BackupStatus::Verified, None), "crash {crash}");
        shop.restored(&found).await;
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    let there = shop.names_in(tenant).await;
    let lost: Vec<_> =
        noted.lock().unwrap().iter().filter(|name| there.binary_search(name).is_err()).cloned().collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    shop.idle().await;
    worker.stop().await;
}
