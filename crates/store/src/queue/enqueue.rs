//! Puts a job into the queue, inside the caller's transaction.

use std::time::Duration;

use chiliview_telemetry::{Carrier, context};
use tracing::Span;

use super::{JobId, Payload, Work, query};
use crate::{
    clock::Timestamp,
    error::Result,
    seam::{Engine, Tx},
};

const MAX_ATTEMPTS: u32 = 5;
const AHEAD: i32 = 10;
const BEHIND: i32 = -10;

/// A job to be enqueued.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What to do.
    pub work: Work,
    /// The trace that it continues.
    pub carrier: Carrier,
    /// Not before this instant; at once when `None`.
    pub run_at: Option<Timestamp>,
    /// Among all jobs, finished ones too until they are purged, only one may have this key.
    pub idempotency_key: Option<String>,
    /// Higher goes first; 0 is usual.
    pub priority: i32,
    /// How often it is tried, crashes included.
    pub max_attempts: u32,
}

impl NewJob {
    /// A job to run at once, as part of the trace of the current span.
    #[must_use]
    pub fn new(id: JobId, work: Work) -> Self {
        let carrier = context::inject_current(&Span::current());
        let (run_at, idempotency_key) = (None, None);
        Self { id, work, carrier, run_at, idempotency_key, priority: 0, max_attempts: MAX_ATTEMPTS }
    }

    /// …not before `at`. SQLite's queue counts in whole seconds: it is rounded up.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        self.run_at = Some(at);
        self
    }

    /// …once for this key.
    #[must_use]
    pub fn once(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// …before everything that is of the usual priority.
    #[must_use]
    pub fn ahead(mut self) -> Self {
        self.priority = AHEAD;
        self
    }

    /// …after everything that is of the usual priority.
    #[must_use]
    pub fn behind(mut self) -> Self {
        self.priority = BEHIND;
        self
    }

    fn stored_run_at(&self, engine: Engine) -> Option<i64> {
        let micros = self.run_at?.micros();
        Some(match engine {
            Engine::Sqlite => super::seconds(Duration::from_micros(u64::try_from(micros).unwrap_or(0))),
            Engine::Postgres => micros,
        })
    }
}

/// Enqueues `job`; it is there when the transaction commits and not otherwise. `false` when a job with its idempotency key
/// is there already: nothing is added, and the transaction is none the worse for it.
pub async fn enqueue(tx: &mut Tx, job: &NewJob) -> Result<bool> {
    let run_at = job.stored_run_at(tx.engine());
    let payload = Payload { work: job.work, subject: job.work.subject(), carrier: job.carrier.clone() };
    let added = query(
        tx,
        "INSERT INTO Jobs (id, job_type, job, status, attempts, max_attempts, run_at, priority, metadata, idempotency_key)
         VALUES ($1, $2, $3, 'Pending', 0, $4, coalesce($5, unixepoch()), $6, '{}', $7)
         ON CONFLICT (job_type, idempotency_key) DO NOTHING",
        // The metadata stays NULL: its type lives in whichever schema holds the extension.
        "INSERT INTO apalis.jobs (id, job_type, job, status, attempts, max_attempts, run_at, priority, idempotency_key)
         VALUES ($1, $2, $3, 'Pending', 0, $4,
                 coalesce(TIMESTAMPTZ 'epoch' + CAST($5 AS BIGINT) * INTERVAL '1 microsecond', now()), $6, $7)
         ON CONFLICT (job_type, idempotency_key) DO NOTHING",
    )
    .bind(job.id.stored())
    .bind(job.work.lane().as_str())
    .bind(payload.encode()?)
    .bind(i32::try_from(job.max_attempts.max(1)).unwrap_or(i32::MAX))
    .bind(run_at)
    .bind(job.priority)
    .bind(job.idempotency_key.clone())
    .execute()
    .await?;
    Ok(added == 1)
}
