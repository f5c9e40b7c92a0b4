//! Reading jobs, for the API and the doctor.

use std::time::Duration;

use chiliview_telemetry::Carrier;
use serde_json::Value;
use uuid::Uuid;

use super::{JobId, Payload, Work, query};
use crate::{clock::Timestamp, error::Result, ids::words, seam::Tx};

/// A worker that has not been seen for this long is gone; its jobs should have been taken over long before.
const GONE: Duration = Duration::from_secs(60);
/// A job that could have started this long ago should have.
const OVERDUE: Duration = Duration::from_mins(15);
const STUCK_LIMIT: i64 = 1000;

words! {
    /// Where a job stands.
    JobStatus {
        /// It waits for a worker, for its time, or for its next attempt.
        Queued = "queued",
        /// A worker is at it.
        Running = "running",
        /// It succeeded.
        Done = "done",
        /// It was given up, or tried as often as it may be.
        Failed = "failed",
        /// Somebody cancelled it.
        Cancelled = "cancelled",
    }
}

/// A job, as it stands.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The word for what it does.
    pub kind: String,
    /// The row that it is for.
    pub subject: Option<Uuid>,
    /// What it does; `None` when only a newer version knows.
    pub work: Option<Work>,
    /// The trace that it belongs to.
    pub carrier: Carrier,
    /// Where it stands.
    pub status: JobStatus,
    /// How many attempts have ended.
    pub attempts: u32,
    /// How many there may be.
    pub max_attempts: u32,
    /// Higher goes first.
    pub priority: i32,
    /// Only one job may have this key.
    pub idempotency_key: Option<String>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// Before this it does not run.
    pub run_at: Timestamp,
    /// When the last attempt began.
    pub started_at: Option<Timestamp>,
    /// When the last attempt ended.
    pub ended_at: Option<Timestamp>,
    /// The worker that has it.
    pub worker: Option<String>,
    /// Why the last attempt failed, or was put off.
    pub reason: Option<String>,
    /// Since when it has been put off, uncounted, from one worker to the next.
    pub put_off_since: Option<Timestamp>,
}

/// Which jobs to list: every field narrows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only with this status.
    pub status: Option<JobStatus>,
    /// Only of this kind ([`Work::kind`]).
    pub kind: Option<String>,
    /// Only for this row.
    pub subject: Option<Uuid>,
    /// Only older than this one: the last of the page before.
    pub after: Option<JobId>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    payload: Vec<u8>,
    status: JobStatus,
    attempts: i64,
    max_attempts: i64,
    priority: i64,
    idempotency_key: Option<String>,
    run_at: Timestamp,
    lock_at: Option<Timestamp>,
    done_at: Option<Timestamp>,
    lock_by: Option<String>,
    last_result: Option<String>,
}

impl Row {
    fn job(self) -> Result<Job> {
        let payload: Option<Payload> = Payload::decode(&self.payload).ok();
        let json: Value = serde_json::from_slice(&self.payload).unwrap_or_default();
        let id = JobId::from_stored(&self.id)?;
        let result = self.last_result.as_deref().map(serde_json::from_str).and_then(Result::ok).unwrap_or(Value::Null);
        Ok(Job {
            id,
            kind: json["work"]["kind"].as_str().unwrap_or("unknown").to_owned(),
            subject: json["subject"].as_str().and_then(|text| text.parse().ok()),
            work: payload.as_ref().map(|payload| payload.work),
            carrier: payload.map(|payload| payload.carrier).unwrap_or_default(),
            status: self.status,
            attempts: u32::try_from(self.attempts).unwrap_or(0),
            max_attempts: u32::try_from(self.max_attempts).unwrap_or(0),
            priority: i32::try_from(self.priority).unwrap_or(0),
            idempotency_key: self.idempotency_key,
            created_at: id.created_at(),
            run_at: self.run_at,
            started_at: self.lock_at,
            ended_at: self.done_at,
            worker: self.lock_by,
            // As apalis keeps results: `{"Ok": …}` or `{"Err": "…"}`.
            reason: result["Err"].as_str().map(str::to_owned),
            put_off_since: result["put_off_since"].as_i64().map(Timestamp::from_micros),
        })
    }
}

/// apalis' words in ours: its `Failed` covers both "will be tried again" and "will not".
macro_rules! status {
    () => {
        "CASE WHEN jobs.status = 'Done' THEN 'done' WHEN jobs.status = 'Killed' THEN 'cancelled'
              WHEN jobs.status = 'Failed' AND jobs.attempts >= jobs.max_attempts THEN 'failed'
              WHEN jobs.status IN ('Queued', 'Running') THEN 'running' ELSE 'queued' END"
    };
}

macro_rules! sqlite {
    ($rest:literal) => {
        concat!(
            "SELECT * FROM (SELECT jobs.id, jobs.job AS payload, ", status!(), " AS status, jobs.attempts,
                 jobs.max_attempts, jobs.priority, jobs.idempotency_key, jobs.run_at * 1000000 AS run_at,
                 jobs.lock_at * 1000000 AS lock_at, jobs.done_at * 1000000 AS done_at, jobs.lock_by, jobs.last_result,
                 json_extract(CAST(jobs.job AS TEXT), '$.work.kind') AS kind,
                 json_extract(CAST(jobs.job AS TEXT), '$.subject') AS subject,
                 workers.last_seen * 1000000 AS last_seen
             FROM Jobs AS jobs LEFT JOIN Workers AS workers ON workers.id = jobs.lock_by) AS jobs ",
            $rest
        )
    };
}

macro_rules! postgres {
    ($rest:literal) => {
        concat!(
            "SELECT id, payload, status, attempts, max_attempts, priority, idempotency_key, run_at, lock_at, done_at, lock_by,
                    last_result FROM (SELECT jobs.id, jobs.job AS payload, ", status!(), " AS status,
                 CAST(jobs.attempts AS BIGINT) AS attempts, CAST(jobs.max_attempts AS BIGINT) AS max_attempts,
                 CAST(coalesce(jobs.priority, 0) AS BIGINT) AS priority, jobs.idempotency_key,
                 CAST(extract(epoch FROM jobs.run_at) * 1000000 AS BIGINT) AS run_at,
                 CAST(extract(epoch FROM jobs.lock_at) * 1000000 AS BIGINT) AS lock_at,
                 CAST(extract(epoch FROM jobs.done_at) * 1000000 AS BIGINT) AS done_at,
                 jobs.lock_by, CAST(jobs.last_result AS TEXT) AS last_result,
                 CAST(convert_from(jobs.job, 'UTF8') AS JSONB) #>> '{work,kind}' AS kind,
                 CAST(convert_from(jobs.job, 'UTF8') AS JSONB) #>> '{subject}' AS subject,
                 CAST(extract(epoch FROM workers.last_seen) * 1000000 AS BIGINT) AS last_seen
             FROM apalis.jobs AS jobs LEFT JOIN apalis.workers AS workers ON workers.id = jobs.lock_by) AS jobs ",
            $rest
        )
    };
}

macro_rules! both {
    ($tx:expr, $rest:literal) => {
        query($tx, sqlite!($rest), postgres!($rest))
    };
}

/// The job with this id.
pub async fn find(tx: &mut Tx, id: JobId) -> Result<Option<Job>> {
    let row: Option<Row> = both!(tx, "WHERE id = $1").bind(id.stored()).fetch_optional().await?;
    row.map(Row::job).transpose()
}

/// At most `limit` jobs, the newest first.
pub async fn list(tx: &mut Tx, filter: &Filter, limit: u32) -> Result<Vec<Job>> {
    let rows: Vec<Row> = both!(
        tx,
        "WHERE (CAST($1 AS TEXT) IS NULL OR status = $1) AND (CAST($2 AS TEXT) IS NULL OR kind = $2)
           AND (CAST($3 AS TEXT) IS NULL OR subject = $3) AND (CAST($4 AS TEXT) IS NULL OR id < $4)
         ORDER BY id DESC LIMIT $5"
    )
    .bind(filter.status)
    .bind(filter.kind.clone())
    .bind(filter.subject.map(|subject| subject.to_string()))
    .bind(filter.after.map(JobId::stored))
    .bind(i64::from(limit))
    .fetch_all()
    .await?;
    rows.into_iter().map(Row::job).collect()
}

/// Jobs that do not move: running though their worker is gone, or queued long past their time. The status tells which.
pub async fn stuck(tx: &mut Tx, now: Timestamp) -> Result<Vec<Job>> {
    let rows: Vec<Row> = both!(
        tx,
        "WHERE (status = 'running' AND coalesce(last_seen, 0) < $1) OR (status = 'queued' AND run_at < $2)
         ORDER BY id LIMIT $3"
    )
    .bind(now.minus(GONE))
    .bind(now.minus(OVERDUE))
    .bind(STUCK_LIMIT)
    .fetch_all()
    .await?;
    rows.into_iter().map(Row::job).collect()
}

/// How many jobs there are of each status; those without any are left out.
pub async fn counts(tx: &mut Tx) -> Result<Vec<(JobStatus, u64)>> {
    let rows: Vec<(JobStatus, i64)> = query(
        tx,
        concat!("SELECT ", status!(), " AS status, count(*) FROM Jobs AS jobs GROUP BY 1 ORDER BY 1"),
        concat!("SELECT ", status!(), " AS status, count(*) FROM apalis.jobs AS jobs GROUP BY 1 ORDER BY 1"),
    )
    .fetch_all()
    .await?;
    Ok(rows.into_iter().map(|(status, count)| (status, u64::try_from(count).unwrap_or(0))).collect())
}
