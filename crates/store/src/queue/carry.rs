//! Jobs that go with their platform to another engine: those that are not over. Whose worker died with them begins anew.

use sqlx::FromRow;

use super::{Work, query};
use crate::{error::Result, seam::Tx};

/// A job as either engine keeps it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Carried {
    id: String,
    job_type: String,
    job: Vec<u8>,
    attempts: i64,
    max_attempts: i64,
    /// Microseconds since the epoch.
    run_at: i64,
    priority: i64,
    idempotency_key: Option<String>,
}

impl Carried {
    /// What is to be done, if this version can read it.
    #[must_use]
    pub fn work(&self) -> Option<Work> {
        super::Payload::decode(&self.job).ok().map(|payload| payload.work)
    }
}

/// The next jobs that are not over, by their ids.
pub async fn open_jobs(tx: &mut Tx, after: Option<&Carried>, limit: i64) -> Result<Vec<Carried>> {
    query(
        tx,
        "SELECT id, job_type, job, attempts, max_attempts, run_at * 1000000 AS run_at, priority, idempotency_key FROM Jobs
         WHERE id > $1 AND (status IN ('Pending', 'Queued', 'Running') OR (status = 'Failed' AND attempts < max_attempts))
         ORDER BY id LIMIT $2",
        "SELECT id, job_type, job, CAST(attempts AS BIGINT) AS attempts, CAST(max_attempts AS BIGINT) AS max_attempts,
             CAST(extract(epoch FROM run_at) * 1000000 AS BIGINT) AS run_at, CAST(priority AS BIGINT) AS priority,
             idempotency_key
         FROM apalis.jobs
         WHERE id > $1 AND (status IN ('Pending', 'Queued', 'Running') OR (status = 'Failed' AND attempts < max_attempts))
         ORDER BY id COLLATE \"C\" LIMIT $2",
    )
    .bind(after.map_or("", |job| &job.id).to_owned())
    .bind(limit)
    .fetch_all()
    .await
}

/// Puts one in; one with its id that is there already stays what it is.
pub async fn take_in(tx: &mut Tx, job: &Carried) -> Result<()> {
    query(
        tx,
        "INSERT INTO Jobs (id, job_type, job, status, attempts, max_attempts, run_at, priority, metadata, idempotency_key)
         VALUES ($1, $2, $3, 'Pending', $4, $5, ($6 + 999999) / 1000000, $7, '{}', $8) ON CONFLICT DO NOTHING",
        "INSERT INTO apalis.jobs (id, job_type, job, status, attempts, max_attempts, run_at, priority, idempotency_key)
         VALUES ($1, $2, $3, 'Pending', CAST(CAST($4 AS BIGINT) AS INTEGER), CAST(CAST($5 AS BIGINT) AS INTEGER),
                 TIMESTAMPTZ 'epoch' + CAST($6 AS BIGINT) * INTERVAL '1 microsecond', CAST(CAST($7 AS BIGINT) AS INTEGER), $8)
         ON CONFLICT DO NOTHING",
    )
    .bind(job.id.clone())
    .bind(job.job_type.clone())
    .bind(job.job.clone())
    .bind(job.attempts)
    .bind(job.max_attempts)
    .bind(job.run_at)
    .bind(job.priority)
    .bind(job.idempotency_key.clone())
    .execute()
    .await?;
    Ok(())
}
