//! Which schedules are late: a database in their scope was not known to be safe since they were last due.

use std::time::Duration;

use sqlx::FromRow;

use super::safe;
use crate::{
    clock::Timestamp,
    error::Result,
    ids::{ScheduleId, TenantId},
    seam::Tx,
};

/// More schedules than anybody has.
const MOST: i64 = 10_000;

/// A schedule that makes backups, and when it was last due so long ago that all of them should be there.
#[derive(Clone, Debug, FromRow)]
struct Due {
    id: ScheduleId,
    name: String,
    scope: String,
    tenant_id: Option<TenantId>,
    tag: Option<String>,
    due_at: Option<Timestamp>,
}

/// A schedule that is late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    /// The schedule.
    pub schedule: ScheduleId,
    /// Its name.
    pub name: String,
    /// The instant that is not covered.
    pub due_at: Timestamp,
    /// How many databases it is late for.
    pub databases: i64,
    /// When the one that is worst off was last known to be safe.
    pub safe_at: Option<Timestamp>,
}

/// How the schedules do that make backups and are not paused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Punctuality {
    /// How many there are.
    pub schedules: usize,
    /// Those that are late.
    pub late: Vec<Late>,
}

/// What each schedule owes at `now`, if a backup may take `grace` after it was due.
///
/// A due instant counts when the schedule fired then, or should have fired and did not; so it is the schedule as it was
/// then that counts, and an edit makes nothing late.
pub async fn punctuality(tx: &mut Tx, now: Timestamp, grace: Duration) -> Result<Punctuality> {
    let owed = now.minus(grace);
    let schedules = due(tx, owed).await?;
    let mut late = Vec::new();
    for schedule in &schedules {
        let Some(due_at) = schedule.due_at else { continue };
        let (tenants, mut safe_at) = uncovered(tx, schedule, due_at).await?;
        let mut databases = tenants;
        if matches!(schedule.scope.as_str(), "all" | "central") {
            let central = super::safe_at(tx, None).await?;
            if central.is_none_or(|at| at < due_at) {
                databases += 1;
                safe_at = if tenants == 0 { central } else { safe_at.min(central) };
            }
        }
        if databases > 0 {
            late.push(Late { schedule: schedule.id, name: schedule.name.clone(), due_at, databases, safe_at });
        }
    }
    Ok(Punctuality { schedules: schedules.len(), late })
}

async fn due(tx: &mut Tx, owed: Timestamp) -> Result<Vec<Due>> {
    tx.query(
        "SELECT id, name, scope, tenant_id, tag,
             CASE WHEN next_at <= $1 - jitter_seconds * 1000000 THEN next_at
                  ELSE (SELECT max(due_at) FROM schedule_runs WHERE schedule_id = schedules.id AND fired_by = 'time'
                          AND due_at <= $1 - schedules.jitter_seconds * 1000000) END AS due_at
         FROM schedules WHERE action = 'back_up' AND paused_at IS NULL ORDER BY id LIMIT $2",
    )
    .bind(owed)
    .bind(MOST)
    .fetch_all()
    .await
}

/// How many tenants that there were at `due_at` are not known to be safe since, and when the oldest of them was.
async fn uncovered(tx: &mut Tx, schedule: &Due, due_at: Timestamp) -> Result<(i64, Option<Timestamp>)> {
    if schedule.scope == "central" {
        return Ok((0, None));
    }
    tx.query(concat!(
        "SELECT count(*), min(COALESCE(newest.at, 0)) FROM tenants LEFT JOIN (SELECT tenant_id, max(at) AS at FROM ",
        safe!(),
        " WHERE tenant_id IS NOT NULL GROUP BY tenant_id) AS newest ON newest.tenant_id = tenants.id
         WHERE tenants.deleted_at IS NULL AND tenants.created_at <= $1 AND COALESCE(newest.at, 0) < $1
           AND (CAST($2 AS TEXT) IS NULL OR tenants.id = $2)
           AND (CAST($3 AS TEXT) IS NULL OR replace(tenants.tags, $3, '') <> tenants.tags)"
    ))
    .bind(due_at)
    .bind(schedule.tenant_id)
    .bind(schedule.tag.as_deref().map(|tag| serde_json::Value::from(tag).to_string()))
    .fetch_one::<(i64, Option<Timestamp>)>()
    .await
    .map(|(count, at)| (count, at.filter(|at| at.micros() > 0)))
}
