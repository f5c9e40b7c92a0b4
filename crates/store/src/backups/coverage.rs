//! How safe everything is: when each database was last known to be held by a backup that counts.

use sqlx::FromRow;

use super::{Backup, BackupStatus, safe, select};
use crate::{clock::Timestamp, error::Result, ids::TenantId, seam::Tx};

/// When the newest verified backup of a tenant, or of the central database, was proven.
pub async fn newest_verified(tx: &mut Tx, tenant: Option<TenantId>) -> Result<Option<Backup>> {
    tx.query(select!(
        "WHERE status IN ('verified', 'verifying') AND proof IS NOT NULL AND deleted_at IS NULL \
           AND (tenant_id = $1 OR (tenant_id IS NULL AND CAST($1 AS TEXT) IS NULL)) ORDER BY id DESC LIMIT 1"
    ))
    .bind(tenant)
    .fetch_optional()
    .await
}

/// How the last backup of the same database ended that ended before this one and was not called off.
pub async fn ended_before(tx: &mut Tx, backup: &Backup) -> Result<Option<BackupStatus>> {
    let found = tx
        .query(
            "SELECT status FROM backups
             WHERE (tenant_id = $1 OR (tenant_id IS NULL AND CAST($1 AS TEXT) IS NULL)) AND id <> $2
               AND finished_at IS NOT NULL AND status IN ('verified', 'unchanged', 'damaged', 'failed') ORDER BY finished_at DESC, id DESC LIMIT 1",
        )
        .bind(backup.tenant_id)
        .bind(backup.id)
        .fetch_optional::<(BackupStatus,)>()
        .await?;
    Ok(found.map(|(status,)| status))
}

/// How many backups that are not in the trash have each status.
pub async fn counts(tx: &mut Tx) -> Result<Vec<(BackupStatus, i64)>> {
    tx.query("SELECT status, count(*) FROM backups WHERE deleted_at IS NULL GROUP BY status ORDER BY status")
        .fetch_all()
        .await
}

/// How well everything is covered by verified backups.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct Coverage {
    /// Each tenant has a newest verified backup: when the oldest of these was proven.
    pub oldest_of_tenants: Option<Timestamp>,
    /// How many tenants have none.
    pub tenants_without: i64,
    /// When the central database's newest was proven.
    pub central: Option<Timestamp>,
}

/// Over all tenants that are not in the trash.
pub async fn coverage(tx: &mut Tx) -> Result<Coverage> {
    tx.query(concat!(
        "SELECT (SELECT min(newest) FROM (SELECT max(at) AS newest FROM ",
        safe!(),
        " WHERE tenant_id IN (SELECT id FROM tenants WHERE deleted_at IS NULL)
                 GROUP BY tenant_id) AS by_tenant) AS oldest_of_tenants,
             (SELECT count(*) FROM tenants WHERE deleted_at IS NULL AND id NOT IN (SELECT tenant_id FROM ",
        safe!(),
        " WHERE tenant_id IS NOT NULL)) AS tenants_without,
             (SELECT max(at) FROM ",
        safe!(),
        " WHERE scope = 'central') AS central"
    ))
    .fetch_one()
    .await
}

/// When a tenant's database, or the central one, was last known to be safe.
pub async fn safe_at(tx: &mut Tx, tenant: Option<TenantId>) -> Result<Option<Timestamp>> {
    let found = tx
        .query(concat!(
            "SELECT max(at) FROM ",
            safe!(),
            " WHERE tenant_id = $1 OR (tenant_id IS NULL AND CAST($1 AS TEXT) IS NULL)"
        ))
        .bind(tenant)
        .fetch_one::<(Option<Timestamp>,)>()
        .await?;
    Ok(found.0)
}
