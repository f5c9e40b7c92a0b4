//! What a tenant itself wants kept of its backups: it goes before what the schedules say that made them.

use serde_json::Value;
use sqlx::FromRow;

use crate::{clock::Timestamp, error::Result, ids::TenantId, json_text::JsonText, seam::Tx};

/// A tenant's own policy, or that it has none.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct TenantRetention {
    /// The policy, as JSON.
    pub retention: Option<JsonText<Value>>,
    /// When it was last set or removed.
    pub retention_changed_at: Option<Timestamp>,
    /// The tenant's version, which a change raises.
    pub version: i64,
}

/// A tenant's; none when there is no such tenant.
pub async fn find(tx: &mut Tx, tenant: TenantId) -> Result<Option<TenantRetention>> {
    tx.query("SELECT retention, retention_changed_at, version FROM tenants WHERE id = $1")
        .bind(tenant)
        .fetch_optional()
        .await
}

/// Sets or removes a tenant's own policy.
pub async fn set(tx: &mut Tx, tenant: TenantId, retention: Option<Value>, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE tenants SET retention = $2, retention_changed_at = $3, updated_at = $3, version = version + 1
             WHERE id = $1",
        )
        .bind(tenant)
        .bind(retention.map(JsonText))
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}
