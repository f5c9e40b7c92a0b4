//! What is refused of backups, whoever asks.

use chiliview_agenda::over_quota;
use chiliview_store::{
    BackupId, Tx,
    backups::{self as rows, BackupStatus},
    tenants::Tenant,
};

use crate::problem::Problem;

/// A tenant that has all that it may have.
pub(crate) async fn refuse_over_quota(tx: &mut Tx, tenant: &Tenant) -> Result<(), Problem> {
    match over_quota(tx, tenant).await? {
        Some(reason) => Err(Problem::conflict("quota_exceeded", reason)),
        None => Ok(()),
    }
}

/// What a slip of the hand must not delete: the last backup that a database can be restored from, and what others refer to.
pub(super) async fn refuse_needed(tx: &mut Tx, id: BackupId) -> Result<(), Problem> {
    let Some(row) = rows::find(tx, id).await?.filter(|row| row.deleted_at.is_none()) else { return Ok(()) };
    let references = rows::references(tx, id).await?;
    if references > 0 {
        let detail = format!("{references} backups made since are the same as this one and have no snapshot but its");
        return Err(Problem::conflict("referred_to", format!("{detail}; ?force=true deletes it all the same")));
    }
    if row.status == BackupStatus::Verified && !rows::has_another_verified(tx, id, row.tenant_id).await? {
        let detail = "it is the last verified backup of its database; ?force=true deletes it all the same";
        return Err(Problem::conflict("last_verified", detail));
    }
    Ok(())
}
