//! For whom a tenant's snapshots are encrypted, beside the platform's recipients.

use sqlx::FromRow;

use crate::{clock::Timestamp, error::Result, ids::TenantId, json_text::JsonText, seam::Tx};

/// A tenant's own recipients.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct TenantRecipients {
    /// The public keys, `age1…`; none when it has none of its own.
    pub backup_recipients: Option<JsonText<Vec<String>>>,
    /// The tenant's version, which a change raises.
    pub version: i64,
}

impl TenantRecipients {
    /// The public keys.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        self.backup_recipients.as_ref().map_or(&[], |list| &list.0)
    }
}

/// A tenant's; none when there is no such tenant.
pub async fn find(tx: &mut Tx, tenant: TenantId) -> Result<Option<TenantRecipients>> {
    tx.query("SELECT backup_recipients, version FROM tenants WHERE id = $1").bind(tenant).fetch_optional().await
}

/// Sets a tenant's own recipients; an empty list removes them.
pub async fn set(tx: &mut Tx, tenant: TenantId, recipients: Vec<String>, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query("UPDATE tenants SET backup_recipients = $2, updated_at = $3, version = version + 1 WHERE id = $1")
        .bind(tenant)
        .bind(Some(recipients).filter(|list| !list.is_empty()).map(JsonText))
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}
