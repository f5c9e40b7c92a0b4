//! The trash of backups, and the pin that keeps one out of it.

use super::{Backup, select};
use crate::{clock::Timestamp, error::Result, ids::BackupId, seam::Tx};

/// Moves an ended backup to the trash. False when it is there already, has not ended, or is pinned.
pub async fn delete(tx: &mut Tx, id: BackupId, at: Timestamp, purge_after: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET deleted_at = $2, purge_after = $3, updated_at = $2, version = version + 1
             WHERE id = $1 AND deleted_at IS NULL AND pinned_at IS NULL AND status NOT IN ('queued', 'running', 'verifying')",
        )
        .bind(id)
        .bind(at)
        .bind(purge_after)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Takes a backup out of the trash. False when it is not there.
pub async fn undelete(tx: &mut Tx, id: BackupId, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET deleted_at = NULL, purge_after = NULL, updated_at = $2, version = version + 1
             WHERE id = $1 AND deleted_at IS NOT NULL",
        )
        .bind(id)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Forgets a backup in the trash, after its artefact is gone.
pub async fn purge(tx: &mut Tx, id: BackupId) -> Result<bool> {
    Ok(tx.query("DELETE FROM backups WHERE id = $1 AND deleted_at IS NOT NULL").bind(id).execute().await? == 1)
}

/// Those whose time in the trash is over.
pub async fn due_for_purge(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Backup>> {
    tx.query(select!("WHERE deleted_at IS NOT NULL AND purge_after <= $1 ORDER BY purge_after LIMIT $2"))
        .bind(now)
        .bind(limit)
        .fetch_all()
        .await
}

/// Keeps a backup until it is unpinned, whatever retention says. False when it is in the trash.
pub async fn pin(tx: &mut Tx, id: BackupId, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET pinned_at = COALESCE(pinned_at, $2), updated_at = $2, version = version + 1
             WHERE id = $1 AND deleted_at IS NULL",
        )
        .bind(id)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Leaves a backup to retention again. False when there is none.
pub async fn unpin(tx: &mut Tx, id: BackupId, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query("UPDATE backups SET pinned_at = NULL, updated_at = $2, version = version + 1 WHERE id = $1")
        .bind(id)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}
