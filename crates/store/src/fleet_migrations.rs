//! Migrations of the fleet: the way of all tenants' databases to a newer schema, one job each, from tenant to tenant.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::Result,
    ids::{FleetMigrationId, TenantId, words},
    paging::{Direction, Page},
    seam::Tx,
};

words! {
    /// Where a migration of the fleet stands.
    FleetMigrationStatus {
        /// Waiting for a worker.
        Queued = "queued",
        /// From tenant to tenant.
        Running = "running",
        /// Every database has the schema.
        Done = "done",
        /// Some could not be brought to it.
        Partial = "partial",
        /// None could, or it was given up.
        Failed = "failed",
    }
}

/// A row of `fleet_migrations`.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct FleetMigration {
    pub id: FleetMigrationId,
    pub to_version: i64,
    pub status: FleetMigrationStatus,
    pub total: i64,
    pub done: i64,
    pub failed: i64,
    /// The last tenant that was visited.
    pub reached: Option<TenantId>,
    pub error: Option<String>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, to_version, status, total, done, failed, reached, error, started_at, finished_at, created_at, \
             updated_at FROM fleet_migrations ",
            $rest
        )
    };
}

/// Adds one, queued. While another to the same version is under way it is [`crate::Error::Duplicate`].
pub async fn insert(tx: &mut Tx, id: FleetMigrationId, to_version: i64, at: Timestamp) -> Result<()> {
    tx.query(
        "INSERT INTO fleet_migrations (id, to_version, status, total, done, failed, created_at, updated_at)
         VALUES ($1, $2, 'queued', (SELECT count(*) FROM tenants), 0, 0, $3, $3)",
    )
    .bind(id)
    .bind(to_version)
    .bind(at)
    .execute()
    .await?;
    Ok(())
}

/// By id.
pub async fn find(tx: &mut Tx, id: FleetMigrationId) -> Result<Option<FleetMigration>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// The last one.
pub async fn last(tx: &mut Tx) -> Result<Option<FleetMigration>> {
    tx.query(select!("ORDER BY id DESC LIMIT 1")).fetch_optional().await
}

/// Whether one to this version, or beyond it, was ever begun.
pub async fn is_known(tx: &mut Tx, version: i64) -> Result<bool> {
    let found = tx.query("SELECT 1 FROM fleet_migrations WHERE to_version >= $1 LIMIT 1").bind(version);
    Ok(found.fetch_optional::<(i32,)>().await?.is_some())
}

/// A page, by when they began.
pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<FleetMigration>> {
    let sql = match page.direction {
        Direction::Ascending => select!("WHERE id > $1 ORDER BY id LIMIT $2"),
        Direction::Descending => select!("WHERE id < $1 ORDER BY id DESC LIMIT $2"),
    };
    tx.query(sql).bind(page.start().1).bind(page.limit).fetch_all().await
}

/// Those that changed after `(at, id)`, in the order of their changes. They are few: one for each schema, and the tries.
pub async fn changed_since(
    tx: &mut Tx,
    at: Timestamp,
    id: Option<FleetMigrationId>,
    limit: i64,
) -> Result<Vec<FleetMigration>> {
    tx.query(select!("WHERE (updated_at, id) > ($1, $2) ORDER BY updated_at, id LIMIT $3"))
        .bind(at)
        .bind(id.map(|id| id.to_string()).unwrap_or_default())
        .bind(limit)
        .fetch_all()
        .await
}

/// Notes how far it has come, and counts anew how many have the schema and how many failed: a page that a crash cut off is
/// not counted twice.
pub async fn reach(tx: &mut Tx, id: FleetMigrationId, reached: Option<TenantId>, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE fleet_migrations SET status = 'running', reached = COALESCE($2, reached),
                 total = (SELECT count(*) FROM tenants),
                 done = (SELECT count(*) FROM tenants AS t JOIN tenant_schemas AS s ON s.tenant_id = t.id
                     WHERE s.version >= fleet_migrations.to_version AND s.error IS NULL),
                 failed = (SELECT count(*) FROM tenants AS t JOIN tenant_schemas AS s ON s.tenant_id = t.id
                     WHERE s.error IS NOT NULL),
                 started_at = COALESCE(started_at, $3), updated_at = $3
             WHERE id = $1 AND status IN ('queued', 'running')",
        )
        .bind(id)
        .bind(reached)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Ends one that has not ended. False when it has.
pub async fn end(
    tx: &mut Tx,
    id: FleetMigrationId,
    status: FleetMigrationStatus,
    error: Option<String>,
    at: Timestamp,
) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE fleet_migrations SET status = $2, error = $3, finished_at = $4, updated_at = $4
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
