//! Rows made to agree with the shelf: a snapshot without a row gets one, a row without its snapshot says so.

use super::{BackupScope, BackupStatus, Verified};
use crate::{
    clock::Timestamp,
    error::Result,
    ids::{BackupId, TenantId},
    reason::Reason,
    seam::Tx,
};

/// A snapshot that was found on the shelf.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The backup that its name speaks of.
    pub id: BackupId,
    /// The tenant, and its slug when the manifest told it; none for the central database.
    pub tenant: Option<(TenantId, Option<String>)>,
    /// Which attempt at the backup made it.
    pub attempt: i64,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// What its proof told, or why it counts for nothing.
    pub proof: Result<Verified, Reason>,
    /// Who brings it back.
    pub requested_by: String,
    /// Now.
    pub at: Timestamp,
}

/// Adds the row, or ends one that has not ended and never knew its snapshot. False when another backup has the id.
pub async fn recover(tx: &mut Tx, found: &Recovered) -> Result<bool> {
    let (proof, fault) = (found.proof.as_ref().ok(), found.proof.as_ref().err());
    let status = if proof.is_some() { BackupStatus::Verified } else { BackupStatus::Failed };
    let scope = if found.tenant.is_some() { BackupScope::Tenant } else { BackupScope::Central };
    let (tenant, slug) = found.tenant.clone().unzip();
    let changed = tx
        .query(
            "INSERT INTO backups (id, scope, tenant_id, tenant_slug, origin, status, phase, done_bytes, total_bytes,
                 plain_bytes, stored_bytes, stored_sha256, manifest, encrypted, error, attempt, requested_by, verified_at,
                 proven_at, proof, finished_at, version, created_at, updated_at, cause, artefact)
             VALUES ($1, $2, $3, $4, 'recovered', $5, $5, COALESCE($6, 0), $6, $6, $7, $8, $9, $10, $11, 0, $12, $13, $14,
                 $15, $16, 1, $17, $16, $18, $19)
             ON CONFLICT (id) DO UPDATE SET status = excluded.status, phase = excluded.phase,
                 done_bytes = excluded.done_bytes, total_bytes = excluded.total_bytes, plain_bytes = excluded.plain_bytes,
                 stored_bytes = excluded.stored_bytes, stored_sha256 = excluded.stored_sha256,
                 manifest = excluded.manifest, encrypted = excluded.encrypted, error = excluded.error,
                 cause = excluded.cause, artefact = excluded.artefact,
                 verified_at = excluded.verified_at, proven_at = excluded.proven_at, proof = excluded.proof,
                 finished_at = excluded.finished_at, version = backups.version + 1, updated_at = excluded.updated_at
             WHERE backups.manifest IS NULL AND backups.status IN ('queued', 'running', 'verifying')
               AND COALESCE(backups.tenant_id, '') = COALESCE(excluded.tenant_id, '')",
        )
        .bind(found.id)
        .bind(scope)
        .bind(tenant)
        .bind(slug.flatten())
        .bind(status)
        .bind(proof.map(|proof| proof.plain_bytes))
        .bind(proof.map(|proof| proof.stored_bytes))
        .bind(proof.map(|proof| proof.stored_sha256.clone()))
        .bind(proof.map(|proof| proof.manifest.clone()))
        .bind(i64::from(proof.is_some_and(|proof| proof.encrypted)))
        .bind(fault.map(|reason| reason.words.clone()))
        .bind(found.requested_by.clone())
        .bind(proof.map(|_| found.taken_at))
        .bind(proof.map(|_| found.at))
        .bind(proof.map(|proof| proof.depth))
        .bind(found.at)
        .bind(found.taken_at)
        .bind(fault.map(|reason| reason.cause))
        .bind(found.attempt)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Its snapshot is gone or is another one: it counts no more. False when it did not count.
pub async fn lost(tx: &mut Tx, id: BackupId, reason: &Reason, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = 'damaged', phase = 'damaged', error = $2, cause = $4, updated_at = $3,
                 version = version + 1
             WHERE id = $1 AND status IN ('verified', 'verifying') AND manifest IS NOT NULL",
        )
        .bind(id)
        .bind(reason.words.clone())
        .bind(at)
        .bind(reason.cause)
        .execute()
        .await?;
    Ok(changed == 1)
}
