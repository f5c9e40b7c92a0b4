//! How the service is: for people, load balancers and container engines. Nobody has to log in for it, and it tells nothing
//! that helps an attacker.

use std::time::{Duration, Instant};

use chiliview_snapshot::Error;
use chiliview_store::{Database, Error as StoreError, queue, readiness};
use poem::{Response, handler, http::StatusCode, web::Data};
use poem_openapi::{Enum, Object, OpenApi};
use serde::{Deserialize, Serialize};
use tokio::{sync::Mutex, time::timeout};

use crate::{app::App, json::Json, problem::Problem};

/// Below this, backups and writes are about to fail.
const LOW_DISK_BYTES: u64 = 256 << 20;
/// Below this, no write of more than a few pages succeeds.
const LEAST_BYTES: u64 = 1 << 20;
/// One probe serves all who ask within this time.
const PROBE_LASTS: Duration = Duration::from_secs(1);
/// One look at the shelf serves all who ask within this time.
const LOOK_LASTS: Duration = Duration::from_secs(10);
const LOOK_TAKES: Duration = Duration::from_secs(3);

/// The resource.
pub struct Health {
    app: App,
    version: &'static str,
}

/// Whether a part works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Condition {
    /// It works.
    Ok,
    /// It works, but somebody should look.
    Degraded,
    /// It does not work.
    Failed,
}

/// How the service is.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct HealthInfo {
    /// The worst of all parts.
    pub status: Condition,
    /// The program's version.
    pub version: String,
    /// Whether the central database answers.
    pub database: Condition,
    /// `sqlite` or `postgres`.
    pub engine: String,
    /// Whether a worker was heard of lately: without one, backups wait.
    pub worker: Condition,
    /// Whether there is room on the shelf, and whether it is the one that the backups lie on.
    pub disk: Condition,
    /// The room on the shelf, in bytes; absent where a shelf has no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_free_bytes: Option<u64>,
}

#[OpenApi]
impl Health {
    /// How the service is
    #[oai(path = "/health", method = "get", operation_id = "get_health")]
    async fn health(&self) -> Result<Json<HealthInfo>, Problem> {
        let database = self.database().await;
        let worker = if database == Condition::Ok { self.worker().await } else { Condition::Degraded };
        let (disk, disk_free_bytes) = self.disk().await;
        let parts = [database, worker, disk];
        let status = match (parts.contains(&Condition::Failed), parts.contains(&Condition::Degraded)) {
            (true, _) => Condition::Failed,
            (false, true) => Condition::Degraded,
            (false, false) => Condition::Ok,
        };
        let engine = self.app.store().engine().as_str().to_owned();
        let version = self.version.to_owned();
        Ok(Json(HealthInfo { status, version, database, engine, worker, disk, disk_free_bytes }))
    }
}

impl Health {
    pub(crate) fn new(app: App) -> Self {
        Self { app, version: env!("CARGO_PKG_VERSION") }
    }

    pub(crate) async fn database(&self) -> Condition {
        let answered = self.app.central().read(async |tx| tx.query("SELECT 1").fetch_one::<(i32,)>().await).await;
        if let Err(error) = &answered {
            tracing::warn!(%error, "health.database_failed");
        }
        if answered.is_ok() { Condition::Ok } else { Condition::Failed }
    }

    async fn worker(&self) -> Condition {
        let looked = self.app.central().read(async |tx| {
            let (workers, now) = (queue::workers(tx).await?, queue::now(tx).await?);
            Ok::<_, StoreError>(workers.iter().any(|worker| worker.is_alive(now)))
        });
        let alive = looked.await.unwrap_or(false);
        if alive { Condition::Ok } else { Condition::Degraded }
    }

    pub(crate) async fn disk(&self) -> (Condition, Option<u64>) {
        match self.app.room().look(&self.app).await {
            Looked::There(Some(free)) if free < LOW_DISK_BYTES => (Condition::Degraded, Some(free)),
            Looked::There(free) => (Condition::Ok, free),
            Looked::Another => (Condition::Degraded, None),
            Looked::OutOfReach => (Condition::Failed, None),
        }
    }
}

/// When the last readiness probe was, and whether it wrote.
#[derive(Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, bool)>>);

impl Readiness {
    async fn check(&self, app: &App) -> bool {
        let mut last = self.0.lock().await;
        if let Some((at, ready)) = *last
            && at.elapsed() < PROBE_LASTS
        {
            return ready;
        }
        let ready = probe(app).await;
        if let Err(error) = &ready {
            tracing::warn!(%error, "health.write_probe_failed");
        }
        *last = Some((Instant::now(), ready.is_ok()));
        ready.is_ok()
    }
}

/// A write as small as this one may find room in the log that SQLite has already, where no other does.
async fn probe(app: &App) -> Result<(), StoreError> {
    let now = app.now();
    app.central().write(async |tx| readiness::probe(tx, now).await).await?;
    match app.central() {
        Database::Sqlite(_) if app.store().data_dir().room()?.free_bytes < LEAST_BYTES => Err(StoreError::DiskFull),
        _ => Ok(()),
    }
}

/// When the shelf was last looked at, and how much room was there. A look may cost money and a moment: one serves all who
/// ask within a while.
#[derive(Default)]
pub(crate) struct Room(Mutex<Option<(Instant, Looked)>>);

/// What a look at the shelf found.
#[derive(Clone, Copy)]
pub(crate) enum Looked {
    /// The shelf, and the room on it, where it has a bound.
    There(Option<u64>),
    /// Another one, or none: a volume is not mounted, say.
    Another,
    /// Nobody can say.
    OutOfReach,
}

impl Room {
    pub(crate) async fn look(&self, app: &App) -> Looked {
        let mut last = self.0.lock().await;
        if let Some((at, room)) = *last
            && at.elapsed() < LOOK_LASTS
        {
            return room;
        }
        let room = match timeout(LOOK_TAKES, measure(app)).await {
            Ok(Ok(room)) => Looked::There(room),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "health.shelf_out_of_reach");
                if let Error::AnotherShelf { .. } = error { Looked::Another } else { Looked::OutOfReach }
            }
            Err(_) => {
                tracing::warn!("health.shelf_silent");
                Looked::OutOfReach
            }
        };
        *last = Some((Instant::now(), room));
        room
    }
}

/// The room on the shelf, if it is the one that is remembered by now.
async fn measure(app: &App) -> Result<Option<u64>, Error> {
    app.shelf().recognise(app.store()).await?;
    app.shelf().is_itself().await?;
    app.shelf().free_bytes().await
}

/// The process lives: it answers.
#[handler]
pub(crate) fn livez() -> &'static str {
    "ok\n"
}

/// A write would be committed.
#[handler]
pub(crate) async fn readyz(app: Data<&App>) -> Response {
    let ready = app.readiness().check(&app).await;
    let (status, body) =
        if ready { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") };
    Response::builder().status(status).body(body)
}
