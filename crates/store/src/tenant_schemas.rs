//! Which schema each tenant's database is known to have, and why one could not be brought to a newer one.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::Result,
    ids::TenantId,
    paging::{Direction, Page},
    seam::Tx,
};

/// A row of `tenant_schemas`, with the tenant's slug.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct TenantSchema {
    pub tenant_id: TenantId,
    pub slug: String,
    pub version: i64,
    pub error: Option<String>,
    pub checked_at: Timestamp,
}

macro_rules! failing {
    ($rest:literal) => {
        concat!(
            "SELECT s.tenant_id, t.slug, s.version, s.error, s.checked_at \
             FROM tenant_schemas AS s JOIN tenants AS t ON t.id = s.tenant_id \
             WHERE s.error IS NOT NULL AND s.tenant_id ",
            $rest
        )
    };
}

/// The database has this schema.
pub async fn reached(tx: &mut Tx, tenant: TenantId, version: i64, at: Timestamp) -> Result<()> {
    tx.query(
        "INSERT INTO tenant_schemas (tenant_id, version, error, checked_at) VALUES ($1, $2, NULL, $3)
         ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version, error = NULL, checked_at = excluded.checked_at",
    )
    .bind(tenant)
    .bind(version)
    .bind(at)
    .execute()
    .await?;
    Ok(())
}

/// The database could not be brought to a newer schema. What it has is what was last known.
pub async fn failed(tx: &mut Tx, tenant: TenantId, error: &str, at: Timestamp) -> Result<()> {
    tx.query(
        "INSERT INTO tenant_schemas (tenant_id, version, error, checked_at) VALUES ($1, 0, $2, $3)
         ON CONFLICT (tenant_id) DO UPDATE SET error = excluded.error, checked_at = excluded.checked_at",
    )
    .bind(tenant)
    .bind(error.to_owned())
    .bind(at)
    .execute()
    .await?;
    Ok(())
}

/// The tenant is gone for good.
pub async fn forget(tx: &mut Tx, tenant: TenantId) -> Result<bool> {
    Ok(tx.query("DELETE FROM tenant_schemas WHERE tenant_id = $1").bind(tenant).execute().await? == 1)
}

/// The next tenants behind `after` whose database is not known to have the schema `version`; those in the trash too.
pub async fn behind(tx: &mut Tx, version: i64, after: Option<TenantId>, limit: i64) -> Result<Vec<(TenantId, String)>> {
    tx.query(
        "SELECT t.id, t.slug FROM tenants AS t LEFT JOIN tenant_schemas AS s ON s.tenant_id = t.id
         WHERE t.id > $1 AND (s.version IS NULL OR s.version < $2 OR s.error IS NOT NULL) ORDER BY t.id LIMIT $3",
    )
    .bind(after.map(|id| id.to_string()).unwrap_or_default())
    .bind(version)
    .bind(limit)
    .fetch_all()
    .await
}

/// How many tenants there are, and for how many of them the last try failed.
pub async fn counts(tx: &mut Tx) -> Result<(i64, i64)> {
    tx.query(
        "SELECT (SELECT count(*) FROM tenants),
             (SELECT count(*) FROM tenant_schemas AS s JOIN tenants AS t ON t.id = s.tenant_id
                 WHERE s.error IS NOT NULL)",
    )
    .fetch_one()
    .await
}

/// A page of those whose last try failed, by tenant.
pub async fn failures(tx: &mut Tx, page: &Page) -> Result<Vec<TenantSchema>> {
    let sql = match page.direction {
        Direction::Ascending => failing!("> $1 ORDER BY s.tenant_id LIMIT $2"),
        Direction::Descending => failing!("< $1 ORDER BY s.tenant_id DESC LIMIT $2"),
    };
    tx.query(sql).bind(page.start().1).bind(page.limit).fetch_all().await
}
