//! A PostgreSQL server of the test's own, with its fsync on, and a standby of it.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use chiliview_store::Settings;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// What a standby calls itself.
const STANDBY: &str = "standby";

/// Dropped, it is ended and removed.
pub(crate) struct PostgresServer {
    programs: PathBuf,
    data: tempfile::TempDir,
    port: u16,
}

impl PostgresServer {
    /// `None` where PostgreSQL is not installed. In CI it must be.
    pub(crate) fn start() -> Option<Self> {
        let Some(server) = Self::new() else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "PostgreSQL is not installed, and this is CI");
            return None;
        };
        server.run("initdb", &["-U", "chiliview", "-A", "trust", "--encoding=UTF8", "--locale=C.UTF-8"]);
        server.up();
        Some(server)
    }

    fn new() -> Option<Self> {
        let programs = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut versions: Vec<_> = programs.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
        versions.sort();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { programs: versions.pop()?, data: tempfile::tempdir().unwrap(), port };
        if is_root() {
            let given = Command::new("chown").arg("postgres").arg(server.data.path()).status().unwrap();
            assert!(given.success());
        }
        Some(server)
    }

    /// Another server that follows this one; from now on, what this one acknowledges is on the disks of both.
    pub(crate) async fn standby(&self) -> Self {
        let standby = Self::new().unwrap();
        let primary =
            format!("host=127.0.0.1 port={} user=chiliview dbname=postgres application_name={STANDBY}", self.port);
        standby.run("pg_basebackup", &["-d", &primary, "-R", "-X", "stream", "--checkpoint=fast"]);
        standby.up();
        self.execute(&format!("ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'")).await;
        self.execute("SELECT pg_reload_conf()").await;
        standby
    }

    /// Begins, and waits until it takes connections.
    pub(crate) fn up(&self) {
        let (port, socket) = (self.port, self.data.path().display());
        let how = format!("-p {port} -k {socket} -c listen_addresses=127.0.0.1 -c max_connections=200");
        let log = self.data.path().join("log");
        self.run("pg_ctl", &["-w", "-l", log.to_str().unwrap(), "-o", &how, "start"]);
    }

    /// As a power cut would: nothing is written down, and what is on the disk has to do.
    pub(crate) fn crash(&self) {
        self.run("pg_ctl", &["-m", "immediate", "-w", "stop"]);
    }

    /// The standby takes the place of the one that it followed. There is none that follows it.
    pub(crate) fn promote(&self) {
        self.run("pg_ctl", &["-w", "promote"]);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub(crate) fn settings(&self, home: &Path) -> Settings {
        Settings { database_url: Some(self.url().into()), ..Settings::sqlite(home) }
    }

    fn url(&self) -> String {
        format!("postgres://chiliview@{}/postgres", self.address())
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }

    /// A statement, past everybody.
    pub(crate) async fn execute(&self, sql: &str) {
        self.connect().await.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    }

    /// A number that a statement answers.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.connect().await).await.unwrap()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = self.command(program, arguments);
        assert!(command.status().unwrap().success(), "{command:?}");
    }

    /// As the user whom PostgreSQL lets work: never root.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.arg("-D").arg(self.data.path().join("data")).args(arguments).current_dir("/");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.command("pg_ctl", &["-m", "immediate", "-w", "stop"]).status();
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
