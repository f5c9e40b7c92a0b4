//! A real PgBouncer between the store and PostgreSQL.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use chiliview_store::{Clock, Error, Ids, Settings, Store, postgres};
use tempfile::TempDir;

use crate::{
    common::{make_probe, names, open, put, tenant_database, until, write},
    engines::{on_postgres, skipped},
};

/// Ends with its test.
struct Pooler {
    process: Child,
    port: u16,
    _directory: TempDir,
}

impl Pooler {
    async fn start(program: &str, server: &Settings, mode: &str) -> Self {
        let options = postgres::options(server.database_url.as_ref().unwrap()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        // Started by root, it becomes somebody else, who must be able to read this.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "[databases]\n* = host={} port={} user=chiliview\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = {mode}\n",
            options.get_host(),
            options.get_port(),
        );
        let file = directory.path().join("pgbouncer.ini");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(program);
        if rustix::process::getuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        let process = command.arg(file).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pooler = Self { process, port, _directory: directory };
        until("the pooler to listen", async || TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
        pooler
    }

    /// The same database by way of it.
    fn before(&self, server: &Settings) -> Settings {
        let options = postgres::options(server.database_url.as_ref().unwrap()).unwrap();
        let url = format!("postgres://chiliview@127.0.0.1:{}/{}", self.port, options.get_database().unwrap());
        Settings { database_url: Some(url.into()), ..server.clone() }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn behind(mode: &str, story: impl AsyncFn(Settings)) {
    let Some(program) = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].into_iter().find(|path| Path::new(path).exists())
    else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "PgBouncer is not installed, and this is CI");
        return skipped("stories with a pooler: PgBouncer is not installed (Debian: apt-get install pgbouncer)");
    };
    on_postgres(async |settings| {
        let pooler = Pooler::start(program, &settings, mode).await;
        story(pooler.before(&settings)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_lends_sessions_is_refused_with_what_to_do() {
    behind("transaction", async |settings| {
        let Err(Error::Unsafe(words)) = Store::open(&settings, Clock::system(), Ids).await else {
            panic!("it was not refused")
        };
        assert!(words.contains("pool_mode = session"), "{words}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_that_keeps_sessions_everything_works() {
    behind("session", async |settings| {
        let store = open(&settings).await;
        make_probe(store.central()).await;
        write(store.central(), async |tx| put(tx, "kept").await).await;
        let (id, _) = tenant_database(&store).await;
        drop(store);
        let store = open(&settings).await;
        assert_eq!(names(store.central()).await, ["kept"]);
        assert!(store.tenant_database_exists(id).await.unwrap());
    })
    .await;
}
