//! A backup's way from queued to its end. What an attempt writes is fenced by its number.

use super::{BackupStatus, ProofDepth};
use crate::{clock::Timestamp, error::Result, ids::BackupId, reason::Reason, seam::Tx};

/// A worker takes it: the number of the attempt, which fences all that it writes, or nothing when the backup has ended.
pub async fn start(tx: &mut Tx, id: BackupId, at: Timestamp) -> Result<Option<i64>> {
    let started = tx
        .query(
            "UPDATE backups SET status = 'running', phase = 'reading', attempt = attempt + 1,
                 started_at = COALESCE(started_at, $2), done_bytes = 0, total_bytes = NULL, error = NULL, cause = NULL,
                 updated_at = $2, version = version + 1
             WHERE id = $1 AND status IN ('queued', 'running', 'verifying') AND manifest IS NULL RETURNING attempt",
        )
        .bind(id)
        .bind(at)
        .fetch_optional::<(i64,)>()
        .await?;
    Ok(started.map(|(attempt,)| attempt))
}

/// How far an attempt has come.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Running or verifying.
    pub status: BackupStatus,
    /// The phase's word.
    pub phase: &'static str,
    /// Bytes done in this phase.
    pub done_bytes: i64,
    /// Bytes in this phase, once known.
    pub total_bytes: Option<i64>,
}

/// Notes how far an attempt has come, and answers whether it should go on: false when it was cancelled or overtaken.
pub async fn progress(tx: &mut Tx, id: BackupId, attempt: i64, progress: &Progress, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = $3, phase = $4, done_bytes = $5, total_bytes = $6, updated_at = $7
             WHERE id = $1 AND attempt = $2 AND status IN ('running', 'verifying') AND cancel_requested_at IS NULL",
        )
        .bind(id)
        .bind(attempt)
        .bind(progress.status)
        .bind(progress.phase)
        .bind(progress.done_bytes)
        .bind(progress.total_bytes)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Whether an attempt is still the one that counts.
pub async fn is_under_way(tx: &mut Tx, id: BackupId, attempt: i64) -> Result<bool> {
    let found = tx
        .query("SELECT 1 FROM backups WHERE id = $1 AND attempt = $2 AND status IN ('running', 'verifying')")
        .bind(id)
        .bind(attempt)
        .fetch_optional::<(i32,)>()
        .await?;
    Ok(found.is_some())
}

/// Whether somebody asked for the backup to stop.
pub async fn is_cancel_requested(tx: &mut Tx, id: BackupId) -> Result<bool> {
    let asked = tx
        .query("SELECT 1 FROM backups WHERE id = $1 AND cancel_requested_at IS NOT NULL")
        .bind(id)
        .fetch_optional::<(i32,)>()
        .await?;
    Ok(asked.is_some())
}

/// What a proven snapshot is.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The manifest, as JSON.
    pub manifest: String,
    /// The artefact's SHA-256, in hex.
    pub stored_sha256: String,
    /// The artefact's size.
    pub stored_bytes: i64,
    /// The database's size.
    pub plain_bytes: i64,
    /// Whether a key is needed to read it.
    pub encrypted: bool,
    /// How it was proven.
    pub depth: ProofDepth,
}

/// Ends an attempt as verified. False when it was overtaken or cancelled: then its artefact does not count.
pub async fn verified(tx: &mut Tx, id: BackupId, attempt: i64, proof: &Verified, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = 'verified', phase = 'verified', manifest = $3, stored_sha256 = $4,
                 stored_bytes = $5, plain_bytes = $6, done_bytes = $6, total_bytes = $6, encrypted = $8, artefact = attempt, proof = $9,
                 verified_at = $7, proven_at = $7, finished_at = $7, updated_at = $7, version = version + 1
             WHERE id = $1 AND attempt = $2 AND status IN ('running', 'verifying') AND cancel_requested_at IS NULL",
        )
        .bind(id)
        .bind(attempt)
        .bind(proof.manifest.clone())
        .bind(proof.stored_sha256.clone())
        .bind(proof.stored_bytes)
        .bind(proof.plain_bytes)
        .bind(at)
        .bind(i64::from(proof.encrypted))
        .bind(proof.depth)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Ends a backup that has not ended: as failed or cancelled, with the reason. False when it has ended already.
pub async fn end(tx: &mut Tx, id: BackupId, status: BackupStatus, reason: &Reason, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = $2, phase = $2, error = $3, cause = $5, finished_at = $4, updated_at = $4,
                 version = version + 1
             WHERE id = $1 AND status IN ('queued', 'running', 'verifying') AND manifest IS NULL",
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
pub async fn retry_later(tx: &mut Tx, id: BackupId, attempt: i64, reason: &Reason, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = 'queued', phase = 'waiting to try again', error = $3, cause = $5, updated_at = $4,
                 version = version + 1
             WHERE id = $1 AND attempt = $2 AND status IN ('running', 'verifying') AND manifest IS NULL",
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

/// Asks for a backup to stop: a queued one is cancelled at once, a running one by its worker. False when it has ended.
pub async fn request_cancel(tx: &mut Tx, id: BackupId, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET cancel_requested_at = COALESCE(cancel_requested_at, $2), updated_at = $2,
                 finished_at = CASE WHEN status = 'queued' THEN $2 ELSE finished_at END,
                 error = CASE WHEN status = 'queued' THEN 'cancelled before it began' ELSE error END,
                 cause = CASE WHEN status = 'queued' THEN 'cancelled' ELSE cause END,
                 phase = CASE WHEN status = 'queued' THEN 'cancelled' ELSE phase END,
                 status = CASE WHEN status = 'queued' THEN 'cancelled' ELSE status END,
                 version = version + 1
             WHERE id = $1 AND status IN ('queued', 'running', 'verifying') AND manifest IS NULL",
        )
        .bind(id)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Ends an attempt without a snapshot: the database is still what `same_as` holds. False when it was overtaken or cancelled.
pub async fn unchanged(tx: &mut Tx, id: BackupId, attempt: i64, same_as: BackupId, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = 'unchanged', phase = 'unchanged', same_as = $3, finished_at = $4, updated_at = $4,
                 version = version + 1
             WHERE id = $1 AND attempt = $2 AND status IN ('running', 'verifying') AND cancel_requested_at IS NULL",
        )
        .bind(id)
        .bind(attempt)
        .bind(same_as)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}
