//! Runs a story on every engine at hand: SQLite in a temporary directory, and PostgreSQL in a database of its own when
//! `CHILIVIEW_TEST_POSTGRES` names a server (a URL whose role may create databases). In CI it must.

use std::{io::Write, panic::AssertUnwindSafe, path::Path, str::FromStr, sync::Once};

use chiliview_store::{Clock, Ids, Settings, Store};
use futures::FutureExt;
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection, postgres::PgConnectOptions};

const SERVER: &str = "CHILIVIEW_TEST_POSTGRES";

/// The story is told once on each, with a store that is open.
pub(crate) async fn on_every_engine(story: impl AsyncFn(Store)) {
    on_every_settings(async |settings| {
        story(Store::open(&settings, Clock::system(), Ids).await.expect("a store")).await;
    })
    .await;
}

/// The story is told once on each, and opens the store by itself.
pub(crate) async fn on_every_settings(story: impl AsyncFn(Settings)) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    story(Settings::sqlite(directory.path())).await;
    on_postgres(story).await;
}

/// The story is told on PostgreSQL alone, if there is a server. Its database is removed however the story ends.
pub(crate) async fn on_postgres(story: impl AsyncFn(Settings)) {
    let Some(database) = Database::create().await else { return };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let told = AssertUnwindSafe(story(database.settings(directory.path()))).catch_unwind().await;
    database.remove().await;
    if let Err(panic) = told {
        std::panic::resume_unwind(panic);
    }
}

/// Says, once and past the capture of output, what was not tested.
pub(crate) fn skipped(why: &str) {
    static SAID: Once = Once::new();
    SAID.call_once(|| writeln!(std::io::stderr(), "skipped: {why}").expect("standard error"));
}

/// A database of the test's own.
struct Database {
    server: String,
    name: String,
}

impl Database {
    /// `None` where there is no server.
    async fn create() -> Option<Self> {
        let Ok(server) = std::env::var(SERVER) else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{SERVER} is not set, and this is CI");
            skipped("CHILIVIEW_TEST_POSTGRES is not set");
            return None;
        };
        let name = format!("chiliview_{}", Ids.next::<chiliview_store::queue::JobId>().uuid().simple());
        let database = Self { server, name };
        database.on_server("CREATE DATABASE", "").await;
        Some(database)
    }

    /// How a store is opened on it.
    fn settings(&self, directory: &Path) -> Settings {
        let (base, _) = self.server.rsplit_once('/').expect("a URL ends with a database");
        Settings { database_url: Some(format!("{base}/{}", self.name).into()), ..Settings::sqlite(directory) }
    }

    /// Removes it, whoever is still connected.
    async fn remove(self) {
        self.on_server("DROP DATABASE", "WITH (FORCE)").await;
    }

    async fn on_server(&self, verb: &str, how: &str) {
        let options = PgConnectOptions::from_str(&self.server).expect("a PostgreSQL URL");
        let mut connection = PgConnection::connect_with(&options).await.expect("the test server");
        let statement = format!("{verb} {} {how}", self.name);
        connection.execute(AssertSqlSafe(statement)).await.expect("it may manage databases");
        connection.close().await.expect("it closes");
    }
}
