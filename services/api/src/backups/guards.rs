//! What is refused of backups, whoever asks.

use chiliview_agenda::over_quota;
use chiliview_store::{
    BackupId, Tx,
    backups::{self as rows, Backup, BackupStatus},
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

/// What was not deleted, unless it is in the trash already.
pub(super) async fn refuse_undeletable(tx: &mut Tx, id: BackupId) -> Result<(), Problem> {
    match rows::find(tx, id).await? {
        Some(row) if row.deleted_at.is_some() => Ok(()),
        Some(row) if row.pinned_at.is_some() => {
            Err(Problem::conflict("pinned", "the backup is pinned; unpin it first"))
        }
        _ => Err(Problem::conflict("not_ended", "cancel the backup first: it is still being made")),
    }
}

/// The manifest of a backup that counts.
pub(crate) fn verified(row: &Backup) -> Result<&str, Problem> {
    match (&row.manifest, row.same_as) {
        (Some(manifest), _) => Ok(manifest),
        (None, Some(same_as)) => {
            let detail = format!("nothing had changed, so nothing was stored: take the backup {same_as}");
            Err(Problem::conflict("unchanged", detail))
        }
        (None, None) => Err(Problem::conflict("not_verified", format!("the backup is {}, not verified", row.status))),
    }
}
