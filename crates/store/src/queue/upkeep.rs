//! What is done to jobs and workers from outside: cancelling, and clearing away what is over.

use super::{JobId, JobStatus, Lane, apart, jobs::find, query};
use crate::{
    clock::Timestamp,
    error::Result,
    seam::{Database, Tx},
};

/// Cancels a job that is not over. What it was is returned: a running one is stopped by its worker at the next heartbeat,
/// and its end is ignored. `None` when there is no such job, or it is over.
pub async fn cancel(tx: &mut Tx, id: JobId) -> Result<Option<JobStatus>> {
    let before = find(tx, id).await?.map(|job| job.status);
    let changed = query(
        tx,
        "UPDATE Jobs SET status = 'Killed', lock_by = NULL, done_at = unixepoch(), last_result = '{\"Err\":\"cancelled\"}'
         WHERE id = $1 AND (status IN ('Pending', 'Queued', 'Running') OR (status = 'Failed' AND attempts < max_attempts))",
        "UPDATE apalis.jobs SET status = 'Killed', lock_by = NULL, done_at = now(), last_result = '{\"Err\":\"cancelled\"}'
         WHERE id = $1 AND (status IN ('Pending', 'Queued', 'Running') OR (status = 'Failed' AND attempts < max_attempts))",
    )
    .bind(id.stored())
    .execute()
    .await?;
    Ok(before.filter(|_| changed == 1))
}

/// Ends every job that is not over, and frees its idempotency key; how many there were. For a queue that nobody works on.
pub async fn end_all(tx: &mut Tx, reason: &str) -> Result<u64> {
    let result = serde_json::json!({"Err": reason}).to_string();
    query(
        tx,
        "UPDATE Jobs SET status = 'Killed', lock_by = NULL, done_at = unixepoch(), last_result = $2, idempotency_key = NULL
         WHERE job_type IN ($1, $3)
           AND (status IN ('Pending', 'Queued', 'Running') OR (status = 'Failed' AND attempts < max_attempts))",
        "UPDATE apalis.jobs SET status = 'Killed', lock_by = NULL, done_at = now(), last_result = CAST($2 AS JSONB),
             idempotency_key = NULL
         WHERE job_type IN ($1, $3)
           AND (status IN ('Pending', 'Queued', 'Running') OR (status = 'Failed' AND attempts < max_attempts))",
    )
    .bind(Lane::Jobs.as_str())
    .bind(result)
    .bind(Lane::Deliveries.as_str())
    .execute()
    .await
}

/// Removes jobs that were over before `before`, and with them their idempotency keys.
pub async fn purge_finished(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    query(
        tx,
        "DELETE FROM Jobs WHERE job_type IN ($1, $3) AND done_at * 1000000 < $2
           AND (status IN ('Done', 'Killed') OR (status = 'Failed' AND attempts >= max_attempts))",
        "DELETE FROM apalis.jobs WHERE job_type IN ($1, $3)
           AND done_at < TIMESTAMPTZ 'epoch' + CAST($2 AS BIGINT) * INTERVAL '1 microsecond'
           AND (status IN ('Done', 'Killed') OR (status = 'Failed' AND attempts >= max_attempts))",
    )
    .bind(Lane::Jobs.as_str())
    .bind(before)
    .bind(Lane::Deliveries.as_str())
    .execute()
    .await
}

/// Removes workers that were last heard of before `before` and hold no job.
pub async fn forget_workers(central: &Database, before: Timestamp) -> Result<u64> {
    apart(central, async |tx| {
        query(
            tx,
            "UPDATE Jobs SET lock_by = NULL WHERE status NOT IN ('Queued', 'Running')
               AND lock_by IN (SELECT id FROM Workers WHERE last_seen * 1000000 < $1)",
            "UPDATE apalis.jobs SET lock_by = NULL WHERE status NOT IN ('Queued', 'Running') AND lock_by IN
               (SELECT id FROM apalis.workers WHERE extract(epoch FROM last_seen) * 1000000 < $1)",
        )
        .bind(before)
        .execute()
        .await?;
        query(
            tx,
            "DELETE FROM Workers WHERE last_seen * 1000000 < $1
               AND NOT EXISTS (SELECT 1 FROM Jobs WHERE lock_by = Workers.id)",
            "DELETE FROM apalis.workers WHERE extract(epoch FROM last_seen) * 1000000 < $1
               AND NOT EXISTS (SELECT 1 FROM apalis.jobs WHERE lock_by = workers.id)",
        )
        .bind(before)
        .execute()
        .await
    })
    .await
}
