//! A tenant's settings, in its own database; among them whose database it is.

use crate::{clock::Timestamp, error::Result, ids::TenantId, seam::Tx};

const TENANT_ID: &str = "tenant_id";

/// Writes a setting.
pub async fn set(tx: &mut Tx, key: &str, value: &str, at: Timestamp) -> Result<()> {
    tx.query(
        "INSERT INTO settings (key, value, updated_at) VALUES ($1, $2, $3)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
    )
    .bind(key.to_owned())
    .bind(value.to_owned())
    .bind(at)
    .execute()
    .await?;
    Ok(())
}

/// Reads a setting.
pub async fn get(tx: &mut Tx, key: &str) -> Result<Option<String>> {
    let row = tx.query("SELECT value FROM settings WHERE key = $1").bind(key.to_owned()).fetch_optional::<(String,)>();
    Ok(row.await?.map(|(value,)| value))
}

/// Says whose database this is.
pub async fn set_owner(tx: &mut Tx, tenant: TenantId, at: Timestamp) -> Result<()> {
    set(tx, TENANT_ID, &tenant.to_string(), at).await
}

/// Whose database this is.
pub async fn owner(tx: &mut Tx) -> Result<Option<TenantId>> {
    Ok(get(tx, TENANT_ID).await?.and_then(|id| id.parse().ok()))
}
