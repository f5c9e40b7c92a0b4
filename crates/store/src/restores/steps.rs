//! A restore's way from queued to its end. What an attempt writes is fenced by its number.

use super::RestoreStatus;
use crate::{
    clock::Timestamp,
    error::Result,
    ids::{BackupId, RestoreId},
    reason::Reason,
    seam::Tx,
};

/// The phase from which a restore is not called off any more.
const SWAPPING: &str = "swapping";

/// A worker takes it: the number of the attempt, which fences all that it writes, or nothing when the restore has ended.
pub async fn start(tx: &mut Tx, id: RestoreId, at: Timestamp) -> Result<Option<i64>> {
    let started = tx
        .query(
            "UPDATE restores SET status = 'running', phase = CASE WHEN phase = 'swapping' THEN phase ELSE 'checking' END,
                 attempt = attempt + 1, started_at = COALESCE(started_at, $2), done_bytes = 0, total_bytes = NULL,
                 error = NULL, cause = NULL, updated_at = $2, version = version + 1
             WHERE id = $1 AND status IN ('queued', 'running') AND undo_requested_at IS NULL RETURNING attempt",
        )
        .bind(id)
        .bind(at)
        .fetch_optional::<(i64,)>()
        .await?;
    Ok(started.map(|(attempt,)| attempt))
}

/// How far an attempt has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The phase's word.
    pub phase: &'static str,
    /// Bytes done in this phase.
    pub done_bytes: i64,
    /// Bytes in this phase, once known.
    pub total_bytes: Option<i64>,
}

impl Progress {
    /// The beginning of a phase that has nothing to count.
    #[must_use]
    pub const fn phase(phase: &'static str) -> Self {
        Self { phase, done_bytes: 0, total_bytes: None }
    }
}

/// Notes how far an attempt has come, and answers whether it should go on: false when it was cancelled or overtaken.
pub async fn progress(tx: &mut Tx, id: RestoreId, attempt: i64, progress: Progress, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE restores SET phase = $3, done_bytes = $4, total_bytes = $5, updated_at = $6
             WHERE id = $1 AND attempt = $2 AND status = 'running' AND cancel_requested_at IS NULL",
        )
        .bind(id)
        .bind(attempt)
        .bind(progress.phase)
        .bind(progress.done_bytes)
        .bind(progress.total_bytes)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// The last moment at which it can be called off is over. False when it was, or the attempt was overtaken.
pub async fn passes_the_point(tx: &mut Tx, id: RestoreId, attempt: i64, at: Timestamp) -> Result<bool> {
    progress(tx, id, attempt, Progress::phase(SWAPPING), at).await
}

/// Whether somebody asked for the restore to stop.
pub async fn is_cancel_requested(tx: &mut Tx, id: RestoreId) -> Result<bool> {
    let asked = tx
        .query("SELECT 1 FROM restores WHERE id = $1 AND cancel_requested_at IS NOT NULL")
        .bind(id)
        .fetch_optional::<(i32,)>()
        .await?;
    Ok(asked.is_some())
}

/// Whether this attempt is the one that counts, and has not ended.
pub async fn is_under_way(tx: &mut Tx, id: RestoreId, attempt: i64) -> Result<bool> {
    let found = tx
        .query("SELECT 1 FROM restores WHERE id = $1 AND attempt = $2 AND status = 'running'")
        .bind(id)
        .bind(attempt)
        .fetch_optional::<(i32,)>()
        .await?;
    Ok(found.is_some())
}

/// Names the backup of the database that is about to be replaced.
pub async fn note_safety(tx: &mut Tx, id: RestoreId, attempt: i64, backup: BackupId, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE restores SET safety_backup_id = $3, updated_at = $4, version = version + 1
             WHERE id = $1 AND attempt = $2 AND status = 'running'",
        )
        .bind(id)
        .bind(attempt)
        .bind(backup)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Ends an attempt well. False when it was overtaken.
pub async fn done(
    tx: &mut Tx,
    id: RestoreId,
    attempt: i64,
    undo_until: Option<Timestamp>,
    at: Timestamp,
) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE restores SET status = 'done', phase = 'done', error = NULL, cause = NULL, undo_until = $3, finished_at = $4,
                 updated_at = $4, version = version + 1
             WHERE id = $1 AND attempt = $2 AND status = 'running' AND undo_requested_at IS NULL",
        )
        .bind(id)
        .bind(attempt)
        .bind(undo_until)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Ends a restore that has not ended: as failed or cancelled, with the reason. False when it has ended already.
pub async fn end(tx: &mut Tx, id: RestoreId, status: RestoreStatus, reason: &Reason, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE restores SET status = $2, phase = $2, error = $3, cause = $5, finished_at = $4, updated_at = $4,
                 version = version + 1
             WHERE id = $1 AND status IN ('queued', 'running') AND undo_requested_at IS NULL",
        )
        .bind(id)
        .bind(status)
        .bind(reason.words.clone())
        .bind(at)
        .bind(reason.cause)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Says why an attempt failed while another one is still to come.
pub async fn retry_later(tx: &mut Tx, id: RestoreId, attempt: i64, reason: &Reason, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE restores SET phase = 'waiting to try again', error = $3, cause = $5, updated_at = $4,
                 version = version + 1
             WHERE id = $1 AND attempt = $2 AND status = 'running' AND phase <> 'swapping'",
        )
        .bind(id)
        .bind(attempt)
        .bind(reason.words.clone())
        .bind(at)
        .bind(reason.cause)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Asks for a restore to stop: a queued one is cancelled at once, a running one by its worker, until it swaps. False when
/// that is too late, or it is an undo.
pub async fn request_cancel(tx: &mut Tx, id: RestoreId, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE restores SET cancel_requested_at = COALESCE(cancel_requested_at, $2), updated_at = $2,
                 finished_at = CASE WHEN status = 'queued' THEN $2 ELSE finished_at END,
                 error = CASE WHEN status = 'queued' THEN 'cancelled before it began' ELSE error END,
                 cause = CASE WHEN status = 'queued' THEN 'cancelled' ELSE cause END,
                 phase = CASE WHEN status = 'queued' THEN 'cancelled' ELSE phase END,
                 status = CASE WHEN status = 'queued' THEN 'cancelled' ELSE status END,
                 version = version + 1
             WHERE id = $1 AND status IN ('queued', 'running') AND phase <> 'swapping' AND undo_requested_at IS NULL",
        )
        .bind(id)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}
