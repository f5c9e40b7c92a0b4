//! What retention looks at: the backups of one database that have ended, without their manifests.

use sqlx::FromRow;

use super::{Backup, BackupStatus, Origin, find};
use crate::{
    clock::Timestamp,
    error::Result,
    ids::{BackupId, ScheduleId, TenantId},
    seam::Tx,
};

/// As much of a row of `backups` as decides how long it stays.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Held {
    pub id: BackupId,
    pub origin: Origin,
    pub schedule_id: Option<ScheduleId>,
    pub status: BackupStatus,
    pub same_as: Option<BackupId>,
    pub stored_bytes: Option<i64>,
    /// When it began, which is what it holds.
    pub taken_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub pinned_at: Option<Timestamp>,
    /// Of one that a restore or its undo saved: until when that can be undone.
    pub undo_until: Option<Timestamp>,
}

/// A tenant's backups, or the central database's, that have been made and are not in the trash; newest first. One that is
/// being proven again is among them.
pub async fn held(tx: &mut Tx, tenant: Option<TenantId>, limit: i64) -> Result<Vec<Held>> {
    tx.query(
        "SELECT id, origin, schedule_id, status, same_as, stored_bytes, COALESCE(started_at, created_at) AS taken_at,
             finished_at, pinned_at,
             (SELECT max(undo_until) FROM restores WHERE safety_backup_id = backups.id) AS undo_until
         FROM backups
         WHERE (tenant_id = $1 OR (tenant_id IS NULL AND CAST($1 AS TEXT) IS NULL)) AND deleted_at IS NULL
           AND (manifest IS NOT NULL OR status NOT IN ('queued', 'running', 'verifying'))
         ORDER BY id DESC LIMIT $2",
    )
    .bind(tenant)
    .bind(limit)
    .fetch_all()
    .await
}

/// The backup whose snapshot holds what this one stands for: itself, or the older one that it found unchanged.
pub async fn source(tx: &mut Tx, backup: &Backup) -> Result<Option<Backup>> {
    match backup.same_as {
        Some(id) => find(tx, id).await,
        None => Ok(Some(backup.clone())),
    }
}

/// How many backups that are not in the trash say that they are the same as this one.
pub async fn references(tx: &mut Tx, id: BackupId) -> Result<i64> {
    let (count,) =
        tx.query("SELECT count(*) FROM backups WHERE same_as = $1 AND deleted_at IS NULL").bind(id).fetch_one().await?;
    Ok(count)
}

/// Whether a backup of this database that the schedule asked for is still to be made.
pub async fn is_awaited(tx: &mut Tx, schedule: ScheduleId, tenant: Option<TenantId>) -> Result<bool> {
    let found = tx
        .query(
            "SELECT 1 FROM backups WHERE schedule_id = $1
               AND (tenant_id = $2 OR (tenant_id IS NULL AND CAST($2 AS TEXT) IS NULL))
               AND status IN ('queued', 'running', 'verifying') AND manifest IS NULL LIMIT 1",
        )
        .bind(schedule)
        .bind(tenant)
        .fetch_optional::<(i32,)>()
        .await?;
    Ok(found.is_some())
}

/// How many backups of this database are still to be made.
pub async fn awaited(tx: &mut Tx, tenant: Option<TenantId>) -> Result<i64> {
    let (count,) = tx
        .query(
            "SELECT count(*) FROM backups WHERE (tenant_id = $1 OR (tenant_id IS NULL AND CAST($1 AS TEXT) IS NULL))
               AND status IN ('queued', 'running', 'verifying') AND manifest IS NULL",
        )
        .bind(tenant)
        .fetch_one::<(i64,)>()
        .await?;
    Ok(count)
}

/// Whether the database has a verified backup beside this one, not in the trash.
pub async fn has_another_verified(tx: &mut Tx, id: BackupId, tenant: Option<TenantId>) -> Result<bool> {
    let found = tx
        .query(
            "SELECT 1 FROM backups WHERE id <> $1
               AND (tenant_id = $2 OR (tenant_id IS NULL AND CAST($2 AS TEXT) IS NULL))
               AND status = 'verified' AND deleted_at IS NULL LIMIT 1",
        )
        .bind(id)
        .bind(tenant)
        .fetch_optional::<(i32,)>()
        .await?;
    Ok(found.is_some())
}
