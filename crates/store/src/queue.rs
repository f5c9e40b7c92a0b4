//! The queue: apalis' tables, and every statement that touches them. A job is enqueued in the transaction of the row that
//! it is for, so there is never one without the other.
//!
//! This is the one place with two SQL texts: the tables are apalis', and differ between the engines in name, in the types
//! of their times and in how a worker takes a job. What apalis does well is used as it is (its schema, its queries to take,
//! lock, acknowledge, keep alive and recover); the loop that drives them is `worker/src/queue.rs`, which says why.
//!
//! Times inside the queue are the engine's own clock, not [`crate::Clock`]: apalis compares `run_at` with it.

mod carry;
mod claim;
mod enqueue;
mod job_id;
mod jobs;
mod listen;
mod migrate;
mod outcome;
mod upkeep;
mod wake;
mod work;
mod workers;

use std::time::Duration;

pub use carry::{Carried, open_jobs, take_in};
pub use claim::{Claim, claim, holds, release, release_strays};
pub use enqueue::{NewJob, enqueue};
pub use job_id::JobId;
pub use jobs::{Filter, Job, JobStatus, counts, find, list, stuck};
pub(crate) use migrate::migrate;
pub use outcome::{Ending, settle};
pub use upkeep::{cancel, end_all, forget_workers, purge_finished};
pub use wake::{Changes, Wake};
pub use work::{Lane, Payload, Work};
pub use workers::{Beat, Lease, Worker, beat, now, register, sign_off, workers};

use crate::{
    error::{Error, Result},
    lent::PostgresTx,
    patience, postgres,
    seam::{Connection, Database, Engine, Query, Tx},
};

/// A statement in the dialect of the transaction's engine.
fn query<'t>(tx: &'t mut Tx, sqlite: &'static str, postgres: &'static str) -> Query<'t> {
    match tx.engine() {
        Engine::Sqlite => tx.query(sqlite),
        Engine::Postgres => tx.query(postgres),
    }
}

/// Runs `work` in a transaction of the queue's own. On SQLite it shares the group commit; on PostgreSQL it does not take
/// the lock that makes other writes wait for each other, because no rule of ours spans two jobs.
async fn apart<T, W>(central: &Database, work: W) -> Result<T>
where
    W: AsyncFnOnce(&mut Tx) -> Result<T>,
{
    let Database::Postgres(schema) = central else { return central.write(work).await };
    let done = async {
        let mut tx = Tx::Postgres(PostgresTx::begin(schema.pool(), "BEGIN").await?);
        let value = work(&mut tx).await?;
        postgres::commit(tx).await?;
        Ok(value)
    };
    // apalis' own statements have no bound.
    tokio::time::timeout(patience::STATEMENT, done).await.unwrap_or_else(|_| Err(patience::silent().into()))
}

/// Whole seconds, rounded up: nothing runs too early.
fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs() + u64::from(duration.subsec_nanos() > 0)).unwrap_or(i64::MAX)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn corrupt(reason: impl std::fmt::Display) -> Error {
    Error::Corrupt { what: "a job", reason: reason.to_string() }
}

fn sqlite_error(error: apalis_sqlite::Error) -> Error {
    match error {
        apalis_sqlite::Error::Database(error) => error.into(),
        other => corrupt(other),
    }
}

fn postgres_error(error: apalis_postgres::Error) -> Error {
    match error {
        apalis_postgres::Error::Database(error) => error.into(),
        other => corrupt(other),
    }
}
