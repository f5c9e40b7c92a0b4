//! Runs a story on every engine at hand: SQLite in a temporary directory, and PostgreSQL in a database of its own when
//! `CHILIVIEW_TEST_POSTGRES` names a server (a URL whose role may create databases). In CI it must.

use std::str::FromStr;

use chiliview_store::{Clock, Ids, Settings, Store};
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection, postgres::PgConnectOptions};

const SERVER: &str = "CHILIVIEW_TEST_POSTGRES";

/// The story is told once on each.
pub(crate) async fn on_every_engine(story: impl AsyncFn(Store)) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let settings = Settings::sqlite(directory.path());
    story(Store::open(&settings, Clock::system(), Ids).await.expect("a store on SQLite")).await;

    let Some(database) = Database::create().await else { return };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let settings = database.settings(directory.path());
    story(Store::open(&settings, Clock::system(), Ids).await.expect("a store on PostgreSQL")).await;
    database.remove().await;
}

/// A database of the test's own.
pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    /// `None`, said once, where there is no server.
    pub(crate) async fn create() -> Option<Self> {
        let Ok(server) = std::env::var(SERVER) else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{SERVER} is not set, and this is CI");
            println!("skipped: {SERVER} is not set");
            return None;
        };
        let name = format!("chiliview_{}", Ids.next::<chiliview_store::queue::JobId>().uuid().simple());
        let database = Self { server, name };
        database.on_server("CREATE DATABASE").await;
        Some(database)
    }

    /// How a store is opened on it.
    pub(crate) fn settings(&self, directory: &std::path::Path) -> Settings {
        let (base, _) = self.server.rsplit_once('/').expect("a URL ends with a database");
        Settings { database_url: Some(format!("{base}/{}", self.name).into()), ..Settings::sqlite(directory) }
    }

    /// Removes it, whoever is still connected.
    pub(crate) async fn remove(self) {
        let name = format!("{} WITH (FORCE)", self.name);
        Self { name, server: self.server }.on_server("DROP DATABASE").await;
    }

    async fn on_server(&self, verb: &str) {
        let options = PgConnectOptions::from_str(&self.server).expect("a PostgreSQL URL");
        let mut connection = PgConnection::connect_with(&options).await.expect("the test server");
        connection.execute(AssertSqlSafe(format!("{verb} {}", self.name))).await.expect("it may manage databases");
        connection.close().await.expect("it closes");
    }
}
