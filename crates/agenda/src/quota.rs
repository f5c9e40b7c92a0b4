//! Whether a tenant may have another backup.

use chiliview_store::{Result, Tx, backups, tenants::Tenant};

/// Why it may not, in words; none when it may.
///
/// # Errors
/// Whatever the store says.
pub async fn over_quota(tx: &mut Tx, tenant: &Tenant) -> Result<Option<&'static str>> {
    if tenant.quota_backups.is_none() && tenant.quota_bytes.is_none() {
        return Ok(None);
    }
    let (count, bytes) = backups::usage(tx, tenant.id).await?;
    if tenant.quota_backups.is_some_and(|quota| count >= quota) {
        return Ok(Some("the tenant has as many backups as it may; delete some first"));
    }
    if tenant.quota_bytes.is_some_and(|quota| bytes >= quota) {
        return Ok(Some("the tenant's backups take as much room as they may; delete some first"));
    }
    Ok(None)
}
