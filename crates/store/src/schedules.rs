//! Schedules: what is backed up or proven again, when, and what is kept of it. What they fired is in `schedule_runs.rs`.

use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;

mod list;

pub use self::list::{Filter, ScheduleSort, list};
use crate::{
    clock::Timestamp,
    error::{Error, Result},
    ids::{ScheduleId, TenantId, words},
    json_text::JsonText,
    seam::{Query, Tx},
};

words! {
    /// What a schedule does.
    ScheduleAction {
        /// Makes backups.
        BackUp = "back_up",
        /// Proves backups again that there are.
        Prove = "prove",
    }
}

words! {
    /// Whose databases a schedule is about.
    ScheduleScope {
        /// One tenant's.
        Tenant = "tenant",
        /// Those of every tenant that has a tag when the schedule fires.
        Tag = "tag",
        /// The central one and every tenant's.
        All = "all",
        /// The central one.
        Central = "central",
    }
}

/// A row of `schedules`; it serialises to what the audit log compares.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Schedule {
    pub id: ScheduleId,
    pub name: String,
    pub action: ScheduleAction,
    pub scope: ScheduleScope,
    pub tenant_id: Option<TenantId>,
    pub tag: Option<String>,
    pub cron: String,
    pub time_zone: String,
    pub jitter_seconds: i64,
    pub retention: Option<JsonText<Value>>,
    #[serde(skip)]
    pub retention_changed_at: Timestamp,
    pub prove_bytes: Option<i64>,
    pub paused_at: Option<Timestamp>,
    /// The next firing; none until the first tick has found it.
    #[serde(skip)]
    pub next_at: Option<Timestamp>,
    #[serde(skip)]
    pub last_due_at: Option<Timestamp>,
    #[serde(skip)]
    pub version: i64,
    #[serde(skip)]
    pub created_at: Timestamp,
    #[serde(skip)]
    pub updated_at: Timestamp,
}

macro_rules! columns {
    () => {
        "id, name, action, scope, tenant_id, tag, cron, time_zone, jitter_seconds, retention, \
         retention_changed_at, prove_bytes, paused_at, next_at, last_due_at, version, created_at, updated_at"
    };
}
use columns;

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM schedules ", $rest)
    };
}

/// Adds a schedule. A name that exists, in whatever case, is [`Error::Duplicate`] of `schedules.name_key`.
pub async fn insert(tx: &mut Tx, schedule: &Schedule) -> Result<()> {
    tx.query(
        "INSERT INTO schedules (id, version, name, name_key, action, scope, tenant_id, tag, cron, time_zone,
             jitter_seconds, retention, retention_changed_at, prove_bytes, paused_at, next_at, updated_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .bind_schedule(schedule)
    .bind(schedule.created_at)
    .execute()
    .await?;
    Ok(())
}

/// Writes every column that people can change, if the row still has `schedule.version`; the row's version goes up by one.
pub async fn update(tx: &mut Tx, schedule: &Schedule) -> Result<()> {
    let changed = tx
        .query(
            "UPDATE schedules SET name = $3, name_key = $4, action = $5, scope = $6, tenant_id = $7, tag = $8, cron = $9,
                 time_zone = $10, jitter_seconds = $11, retention = $12, retention_changed_at = $13, prove_bytes = $14,
                 paused_at = $15, next_at = $16, updated_at = $17, version = version + 1
             WHERE id = $1 AND version = $2",
        )
        .bind_schedule(schedule)
        .execute()
        .await?;
    if changed == 0 { Err(Error::VersionMismatch) } else { Ok(()) }
}

impl Query<'_> {
    /// `$1` to `$17` of both statements above.
    fn bind_schedule(self, schedule: &Schedule) -> Self {
        self.bind(schedule.id)
            .bind(schedule.version)
            .bind(schedule.name.clone())
            .bind(name_key(schedule))
            .bind(schedule.action)
            .bind(schedule.scope)
            .bind(schedule.tenant_id)
            .bind(schedule.tag.clone())
            .bind(schedule.cron.clone())
            .bind(schedule.time_zone.clone())
            .bind(schedule.jitter_seconds)
            .bind(schedule.retention.clone())
            .bind(schedule.retention_changed_at)
            .bind(schedule.prove_bytes)
            .bind(schedule.paused_at)
            .bind(schedule.next_at)
            .bind(schedule.updated_at)
    }
}

/// Names are told apart without their case, and each tenant's own for themselves: none learns from a clash what another has.
fn name_key(schedule: &Schedule) -> String {
    let name = schedule.name.to_lowercase();
    schedule.tenant_id.map_or(name.clone(), |tenant| format!("{tenant} {name}"))
}

/// By id.
pub async fn find(tx: &mut Tx, id: ScheduleId) -> Result<Option<Schedule>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// Removes a schedule and its runs; the backups that it made stay.
pub async fn delete(tx: &mut Tx, id: ScheduleId) -> Result<bool> {
    Ok(tx.query("DELETE FROM schedules WHERE id = $1").bind(id).execute().await? == 1)
}

/// How many are a tenant's own.
pub async fn count_of_tenant(tx: &mut Tx, tenant: TenantId) -> Result<i64> {
    let (count,) = tx.query("SELECT count(*) FROM schedules WHERE tenant_id = $1").bind(tenant).fetch_one().await?;
    Ok(count)
}

/// Those that are due, and those of which nobody has found out yet when they are.
pub async fn due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Schedule>> {
    tx.query(select!("WHERE paused_at IS NULL AND (next_at IS NULL OR next_at <= $1) ORDER BY next_at, id LIMIT $2"))
        .bind(now)
        .bind(limit)
        .fetch_all()
        .await
}

/// Moves on to the next firing, and notes the one that was, if any. It is no change of the schedule: its version stays.
pub async fn advance(tx: &mut Tx, id: ScheduleId, next_at: Timestamp, due_at: Option<Timestamp>) -> Result<bool> {
    let changed = tx
        .query("UPDATE schedules SET next_at = $2, last_due_at = COALESCE($3, last_due_at) WHERE id = $1")
        .bind(id)
        .bind(next_at)
        .bind(due_at)
        .execute()
        .await?;
    Ok(changed == 1)
}
