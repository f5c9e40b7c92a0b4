//! What was proven is proven again: asked for, begun, and ended as verified, as damaged, or as it was before.
//!
//! What it was before is read from `proof`: a damaged backup has none. Until the new proof has ended it counts as what it was.

use sqlx::FromRow;

use super::ProofDepth;
use crate::{
    clock::Timestamp,
    error::Result,
    ids::{BackupId, TenantId},
    reason::Reason,
    seam::Tx,
};

/// Asks for a new proof of what was proven before. False when there is nothing to prove, or it is under way already.
pub async fn prove_again(tx: &mut Tx, id: BackupId, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = 'verifying', phase = 'waiting to be proven', done_bytes = 0, total_bytes = NULL,
                 cancel_requested_at = NULL, updated_at = $2, version = version + 1
             WHERE id = $1 AND status IN ('verified', 'damaged') AND deleted_at IS NULL",
        )
        .bind(id)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// A worker takes it to prove it again: the number of the attempt, or nothing when that has ended.
pub async fn start_proof(tx: &mut Tx, id: BackupId, at: Timestamp) -> Result<Option<i64>> {
    let started = tx
        .query(
            "UPDATE backups SET attempt = attempt + 1, phase = 'reading back', done_bytes = 0, total_bytes = NULL,
                 updated_at = $2, version = version + 1
             WHERE id = $1 AND status = 'verifying' AND manifest IS NOT NULL RETURNING attempt",
        )
        .bind(id)
        .bind(at)
        .fetch_optional::<(i64,)>()
        .await?;
    Ok(started.map(|(attempt,)| attempt))
}

/// How a new proof ended well.
#[derive(Clone, Copy, Debug)]
pub struct Proven {
    /// How deep it went.
    pub depth: ProofDepth,
    /// When.
    pub at: Timestamp,
}

/// The new proof succeeded. False when the attempt was overtaken.
pub async fn proven(tx: &mut Tx, id: BackupId, attempt: i64, proven: Proven) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = 'verified', phase = 'verified', error = NULL, cause = NULL, proof = $3, proven_at = $4,
                 done_bytes = plain_bytes, total_bytes = plain_bytes, updated_at = $4, version = version + 1
             WHERE id = $1 AND attempt = $2 AND status = 'verifying' AND manifest IS NOT NULL",
        )
        .bind(id)
        .bind(attempt)
        .bind(proven.depth)
        .bind(proven.at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// The new proof found damage. False when the attempt was overtaken.
pub async fn damaged(tx: &mut Tx, id: BackupId, attempt: i64, reason: &Reason, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = 'damaged', phase = 'damaged', error = $3, cause = $5, proof = NULL, updated_at = $4,
                 version = version + 1
             WHERE id = $1 AND attempt = $2 AND status = 'verifying' AND manifest IS NOT NULL",
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

/// The new proof could not be made, which says nothing about the snapshot: it is what it was. Of one that was verified
/// `error` says why; of one that was damaged it still says what is broken.
pub async fn prove_later(tx: &mut Tx, id: BackupId, reason: &Reason, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = CASE WHEN proof IS NULL THEN 'damaged' ELSE 'verified' END,
                 phase = CASE WHEN proof IS NULL THEN 'damaged' ELSE 'verified' END,
                 error = CASE WHEN proof IS NULL THEN error ELSE $2 END,
                 cause = CASE WHEN proof IS NULL THEN cause ELSE $4 END, updated_at = $3, version = version + 1
             WHERE id = $1 AND status = 'verifying' AND manifest IS NOT NULL",
        )
        .bind(id)
        .bind(reason.words.clone())
        .bind(at)
        .bind(reason.cause)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// An attempt at a proof could not be made, and another one is still to come. False when the attempt was overtaken.
pub async fn proof_waits(tx: &mut Tx, id: BackupId, attempt: i64, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET phase = 'waiting to try again', updated_at = $3, version = version + 1
             WHERE id = $1 AND attempt = $2 AND status = 'verifying' AND manifest IS NOT NULL",
        )
        .bind(id)
        .bind(attempt)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Calls a proof off: the backup is at once what it was, and whoever proves it is overtaken. False when none is under way.
pub async fn call_off_proof(tx: &mut Tx, id: BackupId, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = CASE WHEN proof IS NULL THEN 'damaged' ELSE 'verified' END,
                 phase = CASE WHEN proof IS NULL THEN 'damaged' ELSE 'verified' END, attempt = attempt + 1,
                 updated_at = $2, version = version + 1
             WHERE id = $1 AND status = 'verifying' AND manifest IS NOT NULL",
        )
        .bind(id)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// A verified backup, and when it was last proven.
#[derive(Clone, Debug, FromRow)]
pub struct Old {
    /// The backup.
    pub id: BackupId,
    /// Whose it is; none: the central database's.
    pub tenant_id: Option<TenantId>,
    /// The bytes of its snapshot.
    pub stored_bytes: Option<i64>,
    /// When it was proven.
    pub proven_at: Timestamp,
}

/// Verified backups that were proven before `before`, those first whose proof is oldest: behind `after`, which is the last
/// one's `proven_at` and id.
pub async fn oldest_proven(
    tx: &mut Tx,
    before: Timestamp,
    after: Option<(Timestamp, BackupId)>,
    limit: i64,
) -> Result<Vec<Old>> {
    let (at, id) = after.unzip();
    tx.query(
        "SELECT id, tenant_id, stored_bytes, proven_at FROM backups
         WHERE status = 'verified' AND deleted_at IS NULL AND proven_at < $1 AND (proven_at, id) > ($2, $3)
         ORDER BY proven_at, id LIMIT $4",
    )
    .bind(before)
    .bind(at.unwrap_or(Timestamp::from_micros(i64::MIN)))
    .bind(id.map(|id| id.to_string()).unwrap_or_default())
    .bind(limit)
    .fetch_all()
    .await
}
