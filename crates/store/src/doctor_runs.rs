//! The doctor's runs: asked for over HTTP, made by the worker, read by whoever asked.

use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::Result,
    ids::{DoctorRunId, words},
    json_text::JsonText,
    paging::{Direction, Page},
    seam::Tx,
};

words! {
    /// Where a run stands.
    DoctorStatus {
        /// Waiting for a worker.
        Queued = "queued",
        /// Under way.
        Running = "running",
        /// It looked at everything; the outcome says what it found.
        Done = "done",
        /// It could not look at everything.
        Failed = "failed",
    }
}

words! {
    /// What a run found.
    DoctorOutcome {
        /// All is well.
        Ok = "ok",
        /// Something is broken.
        Problems = "problems",
        /// Something was broken and is not any more.
        Repaired = "repaired",
    }
}

/// A row of `doctor_runs`.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct DoctorRun {
    pub id: DoctorRunId,
    pub status: DoctorStatus,
    pub repair: i64,
    pub outcome: Option<DoctorOutcome>,
    pub checks: JsonText<Vec<Value>>,
    pub error: Option<String>,
    pub attempt: i64,
    pub requested_by: String,
    pub trace_id: Option<String>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, status, repair, outcome, checks, error, attempt, requested_by, trace_id, started_at, finished_at, \
             created_at, updated_at FROM doctor_runs ",
            $rest
        )
    };
}

/// What a new run starts from.
#[derive(Clone, Debug)]
pub struct New {
    /// Its id.
    pub id: DoctorRunId,
    /// Whether it may mend what it finds.
    pub repair: bool,
    /// Who asked for it.
    pub requested_by: String,
    /// The trace that it is part of.
    pub trace_id: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Adds a run, queued.
pub async fn insert(tx: &mut Tx, new: &New) -> Result<()> {
    tx.query(
        "INSERT INTO doctor_runs (id, status, repair, checks, attempt, requested_by, trace_id, created_at, updated_at)
         VALUES ($1, 'queued', $2, '[]', 0, $3, $4, $5, $5)",
    )
    .bind(new.id)
    .bind(i64::from(new.repair))
    .bind(new.requested_by.clone())
    .bind(new.trace_id.clone())
    .bind(new.at)
    .execute()
    .await?;
    Ok(())
}

/// By id.
pub async fn find(tx: &mut Tx, id: DoctorRunId) -> Result<Option<DoctorRun>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// One that has not ended.
pub async fn under_way(tx: &mut Tx) -> Result<Option<DoctorRun>> {
    tx.query(select!("WHERE status IN ('queued', 'running') ORDER BY id LIMIT 1")).fetch_optional().await
}

/// A page, by when they were asked for.
pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<DoctorRun>> {
    let sql = match page.direction {
        Direction::Ascending => select!("WHERE id > $1 ORDER BY id LIMIT $2"),
        Direction::Descending => select!("WHERE id < $1 ORDER BY id DESC LIMIT $2"),
    };
    tx.query(sql).bind(page.start().1).bind(page.limit).fetch_all().await
}

/// Those that changed after `(at, id)`, oldest change first: what live views follow.
pub async fn changed_since(tx: &mut Tx, at: Timestamp, id: Option<DoctorRunId>, limit: i64) -> Result<Vec<DoctorRun>> {
    tx.query(select!("WHERE (updated_at, id) > ($1, $2) ORDER BY updated_at, id LIMIT $3"))
        .bind(at)
        .bind(id.map(|id| id.to_string()).unwrap_or_default())
        .bind(limit)
        .fetch_all()
        .await
}

/// A worker takes it: the number of the attempt, which fences its end, or nothing when the run has ended.
pub async fn start(tx: &mut Tx, id: DoctorRunId, at: Timestamp) -> Result<Option<i64>> {
    let started = tx
        .query(
            "UPDATE doctor_runs SET status = 'running', attempt = attempt + 1, started_at = COALESCE(started_at, $2),
                 updated_at = $2 WHERE id = $1 AND status IN ('queued', 'running') RETURNING attempt",
        )
        .bind(id)
        .bind(at)
        .fetch_optional::<(i64,)>()
        .await?;
    Ok(started.map(|(attempt,)| attempt))
}

/// It looked at everything. False when the attempt is not the last one any more.
pub async fn done(
    tx: &mut Tx,
    id: DoctorRunId,
    attempt: i64,
    outcome: DoctorOutcome,
    checks: Vec<Value>,
    at: Timestamp,
) -> Result<bool> {
    let done = tx
        .query(
            "UPDATE doctor_runs SET status = 'done', outcome = $3, checks = $4, finished_at = $5, updated_at = $5
             WHERE id = $1 AND attempt = $2 AND status = 'running'",
        )
        .bind(id)
        .bind(attempt)
        .bind(outcome)
        .bind(JsonText(checks))
        .bind(at);
    Ok(done.execute().await? == 1)
}

/// It never will.
pub async fn failed(tx: &mut Tx, id: DoctorRunId, reason: &str, at: Timestamp) -> Result<bool> {
    let failed = tx
        .query(
            "UPDATE doctor_runs SET status = 'failed', error = $2, finished_at = $3, updated_at = $3
             WHERE id = $1 AND status IN ('queued', 'running')",
        )
        .bind(id)
        .bind(reason.to_owned())
        .bind(at);
    Ok(failed.execute().await? == 1)
}

/// Forgets the runs that ended before `before`.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.query("DELETE FROM doctor_runs WHERE finished_at < $1").bind(before).execute().await
}
