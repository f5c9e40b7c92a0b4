//! Runs: each firing of a schedule, from the moment that it was due until the last of its backups has ended.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    among::{among, joined},
    backups::BackupStatus,
    clock::Timestamp,
    error::Result,
    ids::{RunId, ScheduleId, TenantId, words},
    paging::{Direction, Page},
    seam::Tx,
};

words! {
    /// What fired a run.
    FiredBy {
        /// The clock.
        Time = "time",
        /// Somebody.
        Person = "person",
    }
}

words! {
    /// Where a run stands.
    RunStatus {
        /// What it covers is being queued.
        Queued = "queued",
        /// All of it is queued, and not all has ended.
        Running = "running",
        /// All of it ended well.
        Done = "done",
        /// Some of it failed or was cancelled.
        Partial = "partial",
        /// All of it failed or was cancelled, or it could not be queued.
        Failed = "failed",
    }
}

/// A row of `schedule_runs`.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Run {
    pub id: RunId,
    pub schedule_id: ScheduleId,
    pub due_at: Timestamp,
    pub fired_by: FiredBy,
    pub requested_by: String,
    pub missed: i64,
    pub status: RunStatus,
    /// The last tenant that was queued.
    pub reached: Option<TenantId>,
    pub total: i64,
    pub asked_bytes: i64,
    pub error: Option<String>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

macro_rules! columns {
    () => {
        "id, schedule_id, due_at, fired_by, requested_by, missed, status, reached, total, asked_bytes, error, \
         started_at, finished_at, created_at, updated_at"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM schedule_runs ", $rest)
    };
}

/// What a new run starts from.
#[derive(Clone, Debug)]
pub struct New {
    /// Its id.
    pub id: RunId,
    /// Whose run it is.
    pub schedule: ScheduleId,
    /// When it was due.
    pub due_at: Timestamp,
    /// What fired it.
    pub fired_by: FiredBy,
    /// Who asked for it.
    pub requested_by: String,
    /// How many earlier ones it stands for.
    pub missed: i64,
    /// When.
    pub at: Timestamp,
}

/// Adds a run, queued. False when this firing has one.
pub async fn insert(tx: &mut Tx, new: &New) -> Result<bool> {
    let added = tx
        .query(
            "INSERT INTO schedule_runs (id, schedule_id, due_at, fired_by, requested_by, missed, status, total,
                 created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, 'queued', 0, $7, $7)
             ON CONFLICT (schedule_id, due_at, fired_by) DO NOTHING",
        )
        .bind(new.id)
        .bind(new.schedule)
        .bind(new.due_at)
        .bind(new.fired_by)
        .bind(new.requested_by.clone())
        .bind(new.missed)
        .bind(new.at)
        .execute()
        .await?;
    Ok(added == 1)
}

/// By id.
pub async fn find(tx: &mut Tx, id: RunId) -> Result<Option<Run>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// One that is not all queued yet; nothing when it is, or is gone with its schedule.
pub async fn find_open(tx: &mut Tx, id: RunId) -> Result<Option<Run>> {
    tx.query(select!("WHERE id = $1 AND status = 'queued'")).bind(id).fetch_optional().await
}

/// A page of a schedule's runs, by when they were fired.
pub async fn list(tx: &mut Tx, schedule: ScheduleId, page: &Page) -> Result<Vec<Run>> {
    let sql = match page.direction {
        Direction::Ascending => select!("WHERE schedule_id = $1 AND id > $2 ORDER BY id LIMIT $3"),
        Direction::Descending => select!("WHERE schedule_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"),
    };
    tx.query(sql).bind(schedule).bind(page.start().1).bind(page.limit).fetch_all().await
}

/// The last one of each of these schedules.
pub async fn last_of(tx: &mut Tx, schedules: &[ScheduleId]) -> Result<Vec<Run>> {
    tx.query(concat!(
        "SELECT ",
        columns!(),
        " FROM schedule_runs WHERE id IN (
            SELECT (SELECT max(run.id) FROM schedule_runs AS run WHERE run.schedule_id = schedules.id)
            FROM schedules WHERE schedules.id IN ",
        among!(),
        ")"
    ))
    .bind(joined(schedules))
    .fetch_all()
    .await
}

/// The last one of a schedule.
pub async fn last(tx: &mut Tx, schedule: ScheduleId) -> Result<Option<Run>> {
    tx.query(select!("WHERE schedule_id = $1 ORDER BY id DESC LIMIT 1")).bind(schedule).fetch_optional().await
}

/// A page is done: so many were `added`, whose snapshots have so many `bytes`, up to the tenant that was `reached`.
pub async fn reach(
    tx: &mut Tx,
    id: RunId,
    reached: Option<TenantId>,
    added: i64,
    bytes: i64,
    at: Timestamp,
) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE schedule_runs SET reached = COALESCE($2, reached), total = total + $3, asked_bytes = asked_bytes + $4,
                 started_at = COALESCE(started_at, $5), updated_at = $5
             WHERE id = $1 AND status = 'queued'",
        )
        .bind(id)
        .bind(reached)
        .bind(added)
        .bind(bytes)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// All that a run covers is queued.
pub async fn queued(tx: &mut Tx, id: RunId, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE schedule_runs SET status = 'running', started_at = COALESCE(started_at, $2), updated_at = $2
             WHERE id = $1 AND status = 'queued'",
        )
        .bind(id)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Runs that are all queued, and of whose backups none is unfinished. One that is proven again has ended.
pub async fn over(tx: &mut Tx, limit: i64) -> Result<Vec<Run>> {
    tx.query(select!(
        "WHERE status = 'running' AND NOT EXISTS (SELECT 1 FROM backups WHERE run_id = schedule_runs.id
             AND status IN ('queued', 'running', 'verifying') AND manifest IS NULL) ORDER BY id LIMIT $1"
    ))
    .bind(limit)
    .fetch_all()
    .await
}

/// How many backups of a run have each status.
pub async fn tally(tx: &mut Tx, id: RunId) -> Result<Vec<(BackupStatus, i64)>> {
    tx.query("SELECT status, count(*) FROM backups WHERE run_id = $1 GROUP BY status ORDER BY status")
        .bind(id)
        .fetch_all()
        .await
}

/// How many backups of each of these runs have each status.
pub async fn tallies(tx: &mut Tx, ids: &[RunId]) -> Result<Vec<(RunId, BackupStatus, i64)>> {
    tx.query(concat!(
        "SELECT run_id, status, count(*) FROM backups WHERE run_id IN ",
        among!(),
        " GROUP BY run_id, status ORDER BY run_id, status"
    ))
    .bind(joined(ids))
    .fetch_all()
    .await
}

/// Ends a run that has not ended. False when it has.
pub async fn end(tx: &mut Tx, id: RunId, status: RunStatus, error: Option<String>, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE schedule_runs SET status = $2, error = $3, finished_at = $4, updated_at = $4
             WHERE id = $1 AND status IN ('queued', 'running')",
        )
        .bind(id)
        .bind(status)
        .bind(error)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}
