//! How an attempt ends.

use std::time::Duration;

use apalis_core::{
    backend::TaskResult,
    task::{status::Status, task_id::TaskId},
};
use serde_json::Value;

use super::{
    Claim, Connection, apart,
    claim::{holds, put_back},
    corrupt, micros, postgres_error, query, seconds,
};
use crate::{
    clock::Timestamp,
    error::Result,
    seam::{Database, Engine, Tx},
};

/// The end of an attempt.
#[derive(Clone, Debug)]
pub enum Ending {
    /// The job is done.
    Done,
    /// It is to be tried again, unless that was the last attempt.
    Retry {
        /// Not sooner than this from now.
        after: Duration,
        /// Why.
        reason: String,
    },
    /// It is not for this worker: put back as if it had not been taken.
    PutOff {
        /// Not sooner than this from now.
        after: Duration,
        /// Why.
        reason: String,
        /// When that was found first ([`Job::put_off_since`](super::Job)).
        since: Timestamp,
    },
    /// It is not to be tried again.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Writes the end of an attempt. `false` when the job is this attempt's no more, and nothing was written.
pub async fn settle(central: &Database, claim: &Claim, ending: &Ending) -> Result<bool> {
    apart(central, async |tx| {
        if !holds(tx, claim).await? {
            return Ok(false);
        }
        match ending {
            Ending::Done => acknowledge(tx, claim, Status::Done, Ok(Value::Null)).await?,
            Ending::Retry { after, reason } => {
                acknowledge(tx, claim, Status::Failed, Err(reason.clone())).await?;
                postpone(tx, claim, *after).await?;
            }
            Ending::PutOff { after, reason, since } => {
                put_back(tx, claim.job, &claim.worker).await?;
                say(tx, claim, serde_json::json!({"Err": reason, "put_off_since": since.micros()})).await?;
                postpone(tx, claim, *after).await?;
            }
            Ending::Failed { reason } => {
                acknowledge(tx, claim, Status::Failed, Err(reason.clone())).await?;
                close(tx, claim).await?;
            }
        }
        Ok(true)
    })
    .await
}

async fn acknowledge(tx: &mut Tx, claim: &Claim, status: Status, result: Result<Value, String>) -> Result<()> {
    let task_id: TaskId = claim.job.stored().parse().map_err(corrupt)?;
    let result = TaskResult { task_id, attempt: claim.attempt as usize, status, result };
    match tx.connection() {
        Connection::Sqlite(connection) => {
            apalis_sqlite::queries::ack_tasks(&mut *connection, &[&result], &claim.worker).await?;
        }
        Connection::Postgres(connection) => {
            apalis_postgres::queries::handle_results(connection, &[&result], &claim.worker)
                .await
                .map_err(postgres_error)?;
        }
    }
    Ok(())
}

/// apalis knows no delay between attempts: it is ours to move the time. The job belongs to nobody meanwhile.
async fn postpone(tx: &mut Tx, claim: &Claim, after: Duration) -> Result<()> {
    let after = match tx.engine() {
        Engine::Sqlite => seconds(after),
        Engine::Postgres => micros(after),
    };
    query(
        tx,
        "UPDATE Jobs SET run_at = unixepoch() + $2, lock_by = NULL WHERE id = $1",
        "UPDATE apalis.jobs SET run_at = now() + CAST($2 AS BIGINT) * INTERVAL '1 microsecond', lock_by = NULL WHERE id = $1",
    )
    .bind(claim.job.stored())
    .bind(after)
    .execute()
    .await?;
    Ok(())
}

/// Beside the reason, where apalis keeps it, what only we understand; the end of an attempt that counts replaces both.
async fn say(tx: &mut Tx, claim: &Claim, result: Value) -> Result<()> {
    query(
        tx,
        "UPDATE Jobs SET last_result = $2 WHERE id = $1",
        "UPDATE apalis.jobs SET last_result = CAST($2 AS JSONB) WHERE id = $1",
    )
    .bind(claim.job.stored())
    .bind(result.to_string())
    .execute()
    .await?;
    Ok(())
}

/// A failed job with attempts left would be fetched again: take them away.
async fn close(tx: &mut Tx, claim: &Claim) -> Result<()> {
    query(
        tx,
        "UPDATE Jobs SET max_attempts = attempts WHERE id = $1",
        "UPDATE apalis.jobs SET max_attempts = attempts WHERE id = $1",
    )
    .bind(claim.job.stored())
    .execute()
    .await?;
    Ok(())
}
