//! One installation: a fresh directory, the settings it is started with, and the password that its first start printed.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use chiliview_store::Settings;
use secrecy::ExposeSecret;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

use super::{Client, Server, binary};

/// The admin's, where the test chooses it.
pub(crate) const PASSWORD: &str = "seven herons over the weir";

const DATABASE_URL: &str = "CHILIVIEW_DATABASE_URL";

/// A fresh directory with everything in it.
pub(crate) struct Home {
    directory: TempDir,
    settings: Vec<(&'static str, String)>,
    pub(super) password: OnceLock<String>,
}

impl Home {
    /// Nothing is there yet.
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), settings: Vec::new(), password: OnceLock::new() }
    }

    /// With a setting, as an environment variable.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    /// With a first admin whose password is this one, so that none is printed.
    pub(crate) fn with_password(self, password: &str) -> Self {
        let home = self.with("CHILIVIEW_ADMIN_PASSWORD", password);
        home.password.set(password.to_owned()).unwrap();
        home
    }

    /// With the admin's [`PASSWORD`], and on PostgreSQL if these settings are.
    pub(crate) fn on(settings: &Settings) -> Self {
        let home = Self::new().with_password(PASSWORD);
        match &settings.database_url {
            Some(url) => home.with(DATABASE_URL, url.expose_secret()),
            None => home,
        }
    }

    pub(crate) fn is_on_postgres(&self) -> bool {
        self.database_url().is_some()
    }

    fn database_url(&self) -> Option<&str> {
        let mut settings = self.settings.iter();
        settings.find(|(name, _)| *name == DATABASE_URL).map(|(_, value)| value.as_str())
    }

    /// A statement in its PostgreSQL database, past ChiliView.
    pub(crate) async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await;
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        connection.close().await.unwrap();
    }

    /// A connection to its PostgreSQL database, past ChiliView.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(self.database_url().unwrap()).await.unwrap()
    }

    /// A place in it.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `chiliview serve`, until it listens.
    pub(crate) async fn serve(&self) -> Server {
        self.serve_as("serve", &[]).await
    }

    /// One of several.
    pub(crate) async fn serve_as(&self, name: &str, arguments: &[&str]) -> Server {
        Server::serve(self, name, arguments).await
    }

    /// `chiliview worker`, one of several.
    pub(crate) async fn work_as(&self, name: &str) -> Server {
        Server::work(self, name).await
    }

    /// An admin's client, logged in with the printed password.
    pub(crate) async fn admin(&self, server: &Server) -> Client {
        Client::log_in(&server.url, "admin", self.password()).await
    }

    /// A place for the files of somebody whose service runs elsewhere, and his client, when the environment names them:
    /// `CHILIVIEW_TEST_URL`, and a file with the admin's password by `CHILIVIEW_TEST_PASSWORD_FILE`.
    pub(crate) async fn elsewhere() -> Option<(Self, Client)> {
        let url = std::env::var("CHILIVIEW_TEST_URL").ok()?;
        let file = std::env::var("CHILIVIEW_TEST_PASSWORD_FILE").expect("CHILIVIEW_TEST_PASSWORD_FILE names a file");
        let password = std::fs::read_to_string(file).unwrap().trim_end().to_owned();
        let admin = Client::log_in(&url, "admin", &password).await;
        Some((Self { password: OnceLock::from(password), ..Self::new() }, admin))
    }

    /// The password that the first start printed.
    pub(crate) fn password(&self) -> &str {
        self.password.get().expect("the first start prints a password")
    }

    /// Any command of `chiliview`, to its end.
    pub(crate) fn chiliview(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// `chiliview doctor --json …`: its exit code and its report.
    pub(crate) fn doctor(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.chiliview(&[&["doctor", "--json"], arguments].concat());
        let report = serde_json::from_slice(&output.stdout);
        let report = report.unwrap_or_else(|_| panic!("the doctor said: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), report)
    }

    pub(super) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(binary());
        let inherited = std::env::vars_os().map(|(name, _)| name);
        for name in inherited.filter(|name| name.to_string_lossy().starts_with("CHILIVIEW_")) {
            command.env_remove(name);
        }
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }
}
