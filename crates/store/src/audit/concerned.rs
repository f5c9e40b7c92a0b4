//! Whom the lines of the central database's log concern.

use sqlx::FromRow;

use super::{Entry, columns};
use crate::{error::Result, ids::TenantId, seam::Tx};

/// A line, and the tenant whose object it is about. What is gone cannot be asked any more.
#[derive(Clone, Debug, FromRow)]
pub struct Concerned {
    /// The line.
    #[sqlx(flatten)]
    pub entry: Entry,
    /// The tenant.
    pub tenant_id: Option<TenantId>,
    /// Its slug.
    pub tenant: Option<String>,
}

/// As [`super::since`], and whom each line concerns.
pub async fn since_concerned(tx: &mut Tx, seq: i64, limit: i64) -> Result<Vec<Concerned>> {
    tx.query(concat!(
        "SELECT ",
        columns!(),
        ", (SELECT tenants.id FROM tenants WHERE tenants.id = owner) AS tenant_id,
           (SELECT tenants.slug FROM tenants WHERE tenants.id = owner) AS tenant
         FROM (SELECT ",
        columns!(),
        ", CASE object_kind
             WHEN 'tenant' THEN object_id
             WHEN 'backup' THEN (SELECT backups.tenant_id FROM backups WHERE backups.id = object_id)
             WHEN 'restore' THEN (SELECT restores.tenant_id FROM restores WHERE restores.id = object_id)
             WHEN 'schedule' THEN (SELECT schedules.tenant_id FROM schedules WHERE schedules.id = object_id)
             WHEN 'api_key' THEN (SELECT api_keys.tenant_id FROM api_keys WHERE api_keys.id = object_id)
           END AS owner
           FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2) AS lines
         ORDER BY seq"
    ))
    .bind(seq)
    .bind(limit)
    .fetch_all()
    .await
}
