//! The undo of a restore: asked for within its window, done by a worker, and the end of the window.

use crate::{clock::Timestamp, error::Result, ids::RestoreId, reason::Reason, seam::Tx};

/// Asks for the database from before; `without_safety` lets the restored one go without a backup. False when the restore
/// is not the last one that is done, made a new tenant, or its window is over. While another of the tenant is under way it
/// is [`crate::Error::Duplicate`].
pub async fn request_undo(tx: &mut Tx, id: RestoreId, without_safety: bool, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE restores SET status = 'running', phase = 'waiting to be undone', done_bytes = 0, total_bytes = NULL,
                 undo_requested_at = $2, without_safety = $3, error = NULL, cause = NULL, updated_at = $2, version = version + 1
             WHERE id = $1 AND status = 'done' AND target = 'same' AND undo_until > $2
               AND NOT EXISTS (SELECT 1 FROM restores AS later
                   WHERE later.tenant_id = restores.tenant_id AND later.id > restores.id AND later.status = 'done')",
        )
        .bind(id)
        .bind(at)
        .bind(i64::from(without_safety))
        .execute()
        .await?;
    Ok(changed == 1)
}

/// A worker takes the undo: the number of the attempt, or nothing when it has ended.
pub async fn start_undo(tx: &mut Tx, id: RestoreId, at: Timestamp) -> Result<Option<i64>> {
    let started = tx
        .query(
            "UPDATE restores SET attempt = attempt + 1, phase = 'undoing', updated_at = $2, version = version + 1
             WHERE id = $1 AND status = 'running' AND undo_requested_at IS NOT NULL RETURNING attempt",
        )
        .bind(id)
        .bind(at)
        .fetch_optional::<(i64,)>()
        .await?;
    Ok(started.map(|(attempt,)| attempt))
}

/// The database from before serves again. False when the attempt was overtaken.
pub async fn undone(tx: &mut Tx, id: RestoreId, attempt: i64, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE restores SET status = 'undone', phase = 'undone', error = NULL, cause = NULL, undo_until = NULL, finished_at = $3,
                 updated_at = $3, version = version + 1
             WHERE id = $1 AND attempt = $2 AND status = 'running' AND undo_requested_at IS NOT NULL",
        )
        .bind(id)
        .bind(attempt)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// The undo failed: the restore is done as before, and `error` says why. It can be asked for again.
pub async fn undo_failed(tx: &mut Tx, id: RestoreId, reason: &Reason, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE restores SET status = 'done', phase = 'done', error = $2, cause = $4, undo_requested_at = NULL, updated_at = $3,
                 version = version + 1
             WHERE id = $1 AND status = 'running' AND undo_requested_at IS NOT NULL",
        )
        .bind(id)
        .bind(reason.words.clone())
        .bind(at)
        .bind(reason.cause)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Nothing is kept any more: the restore cannot be undone. False when it is not done, or its window is open.
pub async fn forget(tx: &mut Tx, id: RestoreId, now: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE restores SET undo_until = NULL, updated_at = $2, version = version + 1
             WHERE id = $1 AND status = 'done' AND undo_until <= $2",
        )
        .bind(id)
        .bind(now)
        .execute()
        .await?;
    Ok(changed == 1)
}
