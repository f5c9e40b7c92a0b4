//! Taking a job, and whether it is still one's own.

use std::{sync::Arc, time::Duration};

use apalis_core::{task::Task, worker::context::WorkerContext};

use super::{
    Connection, JobId, Lane, Lease, Payload, apart, corrupt, postgres_error, query, sqlite_error,
    workers::{held, postgres_config, sqlite_config},
};
use crate::{
    error::Result,
    seam::{Database, Tx},
};

/// A job that a worker has taken: one attempt at it. It is the fence, too: once the queue gives the job to somebody else,
/// or counts another attempt, this claim holds nothing any more ([`holds`]).
#[derive(Clone, Debug)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// Which attempt this is, from 1. More than `max_attempts` when the earlier ones died with their process.
    pub attempt: u32,
    /// How many there may be.
    pub max_attempts: u32,
    /// What to do; the reason when this version cannot read it.
    pub payload: Result<Payload, String>,
    /// The worker that has it.
    pub worker: Arc<str>,
}

/// Takes the next job of a lane that is due, for a worker that is registered there.
pub async fn claim(central: &Database, lane: Lane, worker: &Arc<str>) -> Result<Option<Claim>> {
    if let Database::Sqlite(_) = central
        && !central.read(async |tx| due(tx, lane).await).await?
    {
        return Ok(None);
    }
    let context = WorkerContext::new(worker);
    let task = apart(central, async |tx| {
        let Some(task) = fetch(tx, lane, &context).await? else { return Ok(None) };
        let id = task.task_id().map(ToString::to_string).ok_or_else(|| corrupt("it has no id"))?;
        lock(tx, &id, worker).await?;
        Ok(Some((id, task)))
    })
    .await?;
    let Some((id, task)) = task else { return Ok(None) };
    Ok(Some(Claim {
        job: JobId::from_stored(&id)?,
        attempt: u32::try_from(task.attempt()).unwrap_or(u32::MAX).saturating_add(1),
        max_attempts: task.max_attempts().and_then(|max| u32::try_from(max).ok()).unwrap_or(u32::MAX),
        payload: Payload::decode(&task.args).map_err(|error| error.to_string()),
        worker: worker.clone(),
    }))
}

/// Spares SQLite's one writer the look that finds nothing.
async fn due(tx: &mut Tx, lane: Lane) -> Result<bool> {
    let (due,): (bool,) = tx
        .query(
            "SELECT EXISTS (SELECT 1 FROM Jobs WHERE job_type = $1 AND run_at <= unixepoch() AND
                 (status = 'Pending' OR (status = 'Failed' AND attempts < max_attempts)))",
        )
        .bind(lane.as_str())
        .fetch_one()
        .await?;
    Ok(due)
}

async fn fetch(tx: &mut Tx, lane: Lane, worker: &WorkerContext) -> Result<Option<Task<Vec<u8>>>> {
    let tasks = match tx.connection() {
        Connection::Sqlite(connection) => {
            let config = sqlite_config(lane, Lease(Duration::from_secs(1)));
            apalis_sqlite::queries::fetch_next(&mut *connection, &config, worker).await.map_err(sqlite_error)?
        }
        Connection::Postgres(connection) => {
            apalis_postgres::queries::fetch_next(connection, &postgres_config(lane), worker)
                .await
                .map_err(postgres_error)?
        }
    };
    Ok(tasks.into_iter().next())
}

async fn lock(tx: &mut Tx, id: &str, worker: &str) -> Result<()> {
    let ids = [id.to_owned()];
    let locked = match tx.connection() {
        Connection::Sqlite(connection) => apalis_sqlite::queries::lock_tasks(&mut *connection, &ids, worker).await?,
        Connection::Postgres(connection) => apalis_postgres::queries::lock_tasks(connection, &ids, worker).await?,
    };
    if locked == 1 { Ok(()) } else { Err(corrupt("it was fetched and cannot be locked")) }
}

/// Whether the job is still this attempt's. Asked in the transaction that ends the work, it fences: until that commits,
/// nobody else is given the job.
pub async fn holds(tx: &mut Tx, claim: &Claim) -> Result<bool> {
    let row: Option<(i64,)> = query(
        tx,
        "SELECT 1 FROM Jobs WHERE id = $1 AND lock_by = $2 AND attempts = $3 AND status = 'Running'",
        "SELECT CAST(1 AS BIGINT) FROM apalis.jobs
         WHERE id = $1 AND lock_by = $2 AND attempts = $3 AND status = 'Running' FOR UPDATE",
    )
    .bind(claim.job.stored())
    .bind(claim.worker.to_string())
    .bind(i64::from(claim.attempt) - 1)
    .fetch_optional()
    .await?;
    Ok(row.is_some())
}

/// Puts a job back as if it had not been taken: the attempt does not count.
pub async fn release(central: &Database, claim: &Claim) -> Result<()> {
    apart(central, async |tx| {
        if holds(tx, claim).await? {
            put_back(tx, claim.job, &claim.worker).await?;
        }
        Ok(())
    })
    .await
}

/// Puts back what a worker holds without knowing: a claim whose commit succeeded though its answer was lost.
pub async fn release_strays(central: &Database, worker: &str, known: &[JobId]) -> Result<u64> {
    apart(central, async |tx| {
        let mut strays = 0;
        for job in held(tx, worker).await? {
            if !known.contains(&job) {
                put_back(tx, job, worker).await?;
                strays += 1;
            }
        }
        Ok(strays)
    })
    .await
}

pub(super) async fn put_back(tx: &mut Tx, job: JobId, worker: &str) -> Result<()> {
    query(
        tx,
        "UPDATE Jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL
         WHERE id = $1 AND lock_by = $2 AND status IN ('Queued', 'Running')",
        "UPDATE apalis.jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL
         WHERE id = $1 AND lock_by = $2 AND status IN ('Queued', 'Running')",
    )
    .bind(job.stored())
    .bind(worker.to_owned())
    .execute()
    .await?;
    Ok(())
}
