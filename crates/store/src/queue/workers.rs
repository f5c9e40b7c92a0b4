//! Workers as the queue knows them: a name, and when it was last heard of. One that falls silent for as long as its lease
//! loses its jobs to the others.

use std::time::Duration;

use apalis_core::{backend::WorkerFilter, worker::context::WorkerContext};

use super::{Connection, JobId, Lane, apart, postgres_error, query};
use crate::{
    clock::Timestamp,
    error::{Error, Result},
    seam::{Database, Tx},
};

/// Longer than any worker is silent that lives.
const SILENT: Duration = Duration::from_secs(15);

/// How long a silent worker keeps its jobs: whole seconds, counted by the database.
#[derive(Clone, Copy, Debug)]
pub struct Lease(pub Duration);

impl Lease {
    fn seconds(self) -> i64 {
        super::seconds(self.0)
    }
}

/// A worker, as last heard of.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Its name, a new one each time that it starts.
    pub name: String,
    /// When it was last heard of.
    pub last_seen: Timestamp,
}

impl Worker {
    /// Whether it was heard of lately, by the queue's clock ([`now`]): one that was not does nothing.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now.since(self.last_seen) <= SILENT
    }
}

/// What a worker learns from its heartbeat.
#[derive(Clone, Debug)]
pub struct Beat {
    /// The jobs that are its own. Any other that it still works on was taken from it, or cancelled.
    pub held: Vec<JobId>,
    /// How many jobs of silent workers were put back into the queue.
    pub recovered: u64,
}

/// What time it is by the clock that leases are counted by: the database's own.
pub async fn now(tx: &mut Tx) -> Result<Timestamp> {
    let (now,): (Timestamp,) = query(
        tx,
        "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
        "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
    )
    .fetch_one()
    .await?;
    Ok(now)
}

/// Every worker that does jobs and has not signed off, the last heard of first.
pub async fn workers(tx: &mut Tx) -> Result<Vec<Worker>> {
    let rows: Vec<(String, Timestamp)> = query(
        tx,
        "SELECT id, last_seen * 1000000 FROM Workers WHERE worker_type = $1 ORDER BY last_seen DESC, id LIMIT 1000",
        "SELECT id, CAST(extract(epoch FROM last_seen) * 1000000 AS BIGINT) FROM apalis.workers
         WHERE worker_type = $1 ORDER BY last_seen DESC, id LIMIT 1000",
    )
    .bind(Lane::Jobs.as_str())
    .fetch_all()
    .await?;
    Ok(rows.into_iter().map(|(name, last_seen)| Worker { name, last_seen }).collect())
}

/// Registers a worker under a name that was never used before.
pub async fn register(central: &Database, lane: Lane, name: &str, lease: Lease, now: Timestamp) -> Result<()> {
    let worker = WorkerContext::new(name);
    apart(central, async |tx| {
        match tx.connection() {
            Connection::Sqlite(connection) => {
                let config = sqlite_config(lane, lease);
                apalis_sqlite::queries::register_worker(&mut *connection, &config, &worker, "SqliteStorage").await?;
            }
            Connection::Postgres(connection) => {
                let last_seen = (now.micros() / 1_000_000).into();
                apalis_postgres::queries::register_worker(connection, lane.as_str(), &worker, &last_seen, "PgStorage")
                    .await
                    .map_err(postgres_error)?;
            }
        }
        keep_alive(tx, lane, &worker).await
    })
    .await
}

/// Says that the worker is alive, and puts the jobs of those who are not back into the queue. `None` when the queue does
/// not know the worker any more.
pub async fn beat(central: &Database, lane: Lane, name: &str, lease: Lease) -> Result<Option<Beat>> {
    let worker = WorkerContext::new(name);
    let beaten = apart(central, async |tx| {
        keep_alive(tx, lane, &worker).await?;
        let recovered = recover(tx, lane, name, lease).await?;
        Ok(Beat { held: held(tx, name).await?, recovered })
    })
    .await;
    match beaten {
        Ok(beat) => Ok(Some(beat)),
        Err(Error::Database(sqlx::Error::RowNotFound)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn keep_alive(tx: &mut Tx, lane: Lane, worker: &WorkerContext) -> Result<()> {
    match tx.connection() {
        Connection::Sqlite(connection) => {
            let config = sqlite_config(lane, Lease(Duration::from_secs(1)));
            match apalis_sqlite::queries::keep_alive(&mut *connection, &config, worker).await {
                Err(sqlx::Error::Io(_)) => Err(Error::Database(sqlx::Error::RowNotFound)),
                other => Ok(other?),
            }
        }
        Connection::Postgres(connection) => {
            match apalis_postgres::queries::keep_alive(connection, lane.as_str(), worker).await {
                Err(apalis_postgres::Error::WorkerOutOfSync) => Err(Error::Database(sqlx::Error::RowNotFound)),
                other => other.map_err(postgres_error),
            }
        }
    }
}

async fn recover(tx: &mut Tx, lane: Lane, name: &str, lease: Lease) -> Result<u64> {
    match tx.connection() {
        Connection::Sqlite(connection) => {
            let others = WorkerFilter::AllExcept(name.to_owned());
            Ok(apalis_sqlite::queries::reenqueue_orphaned(&mut *connection, lease.seconds(), lane.as_str(), &others)
                .await?)
        }
        Connection::Postgres(connection) => {
            let silent = lease.seconds().unsigned_abs();
            apalis_postgres::queries::reenqueue_orphaned(connection, lane.as_str(), silent)
                .await
                .map_err(postgres_error)
        }
    }
}

/// The jobs that are a worker's own.
pub(super) async fn held(tx: &mut Tx, name: &str) -> Result<Vec<JobId>> {
    let rows: Vec<(String,)> = query(
        tx,
        "SELECT id FROM Jobs WHERE lock_by = $1 AND status IN ('Queued', 'Running')",
        "SELECT id FROM apalis.jobs WHERE lock_by = $1 AND status IN ('Queued', 'Running')",
    )
    .bind(name.to_owned())
    .fetch_all()
    .await?;
    rows.iter().map(|(id,)| JobId::from_stored(id)).collect()
}

/// Removes a worker that has ended. Jobs that it still holds keep its row, and are recovered after its lease.
pub async fn sign_off(central: &Database, name: &str) -> Result<()> {
    apart(central, async |tx| {
        query(
            tx,
            "UPDATE Jobs SET lock_by = NULL WHERE lock_by = $1 AND status NOT IN ('Queued', 'Running')",
            "UPDATE apalis.jobs SET lock_by = NULL WHERE lock_by = $1 AND status NOT IN ('Queued', 'Running')",
        )
        .bind(name.to_owned())
        .execute()
        .await?;
        query(
            tx,
            "DELETE FROM Workers WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM Jobs WHERE lock_by = $1)",
            "DELETE FROM apalis.workers WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM apalis.jobs WHERE lock_by = $1)",
        )
        .bind(name.to_owned())
        .execute()
        .await?;
        Ok(())
    })
    .await
}

pub(super) fn sqlite_config(lane: Lane, lease: Lease) -> apalis_sqlite::Config {
    apalis_sqlite::Config::default().queue(lane.as_str()).batch_size(1).heartbeat_interval(lease.0)
}

pub(super) fn postgres_config(lane: Lane) -> apalis_postgres::Config {
    apalis_postgres::Config::default().queue(lane.as_str()).batch_size(1)
}
