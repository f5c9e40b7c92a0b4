//! Uploads: files that arrive piece by piece, to become backups. Their bytes lie in the data directory; the length of the
//! file there is how far an upload has come.

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::Result,
    ids::{BackupId, TenantId, UploadId},
    seam::Tx,
};

/// A row of `uploads`.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Upload {
    pub id: UploadId,
    pub tenant_id: TenantId,
    pub file_name: Option<String>,
    pub total_bytes: i64,
    pub sha256: Option<String>,
    /// Whether a database that belonged to another tenant is taken.
    pub adopt: i64,
    /// The backup that it becomes, once it is complete.
    pub backup_id: Option<BackupId>,
    pub requested_by: String,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, file_name, total_bytes, sha256, adopt, backup_id, requested_by, expires_at, created_at \
             FROM uploads ",
            $rest
        )
    };
}

/// Adds an upload.
pub async fn insert(tx: &mut Tx, upload: &Upload) -> Result<()> {
    tx.query(
        "INSERT INTO uploads (id, tenant_id, file_name, total_bytes, sha256, adopt, backup_id, requested_by, expires_at,
             created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(upload.id)
    .bind(upload.tenant_id)
    .bind(upload.file_name.clone())
    .bind(upload.total_bytes)
    .bind(upload.sha256.clone())
    .bind(upload.adopt)
    .bind(upload.backup_id)
    .bind(upload.requested_by.clone())
    .bind(upload.expires_at)
    .bind(upload.created_at)
    .execute()
    .await?;
    Ok(())
}

/// By id.
pub async fn find(tx: &mut Tx, id: UploadId) -> Result<Option<Upload>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// A tenant's uploads that did not become backups yet.
#[derive(Clone, Copy, Debug, FromRow, PartialEq, Eq)]
pub struct Open {
    /// How many.
    pub uploads: i64,
    /// What they announced, in bytes.
    pub bytes: i64,
}

/// What a tenant has under way.
pub async fn open(tx: &mut Tx, tenant: TenantId) -> Result<Open> {
    tx.query(
        "SELECT count(*) AS uploads, CAST(COALESCE(sum(total_bytes), 0) AS BIGINT) AS bytes
         FROM uploads WHERE tenant_id = $1 AND backup_id IS NULL",
    )
    .bind(tenant)
    .fetch_one()
    .await
}

/// The upload becomes `backup`. False when it is one already, or gone.
pub async fn complete(tx: &mut Tx, id: UploadId, backup: BackupId) -> Result<bool> {
    let changed = tx
        .query("UPDATE uploads SET backup_id = $2 WHERE id = $1 AND backup_id IS NULL")
        .bind(id)
        .bind(backup)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Forgets an upload, whose file is gone.
pub async fn delete(tx: &mut Tx, id: UploadId) -> Result<bool> {
    Ok(tx.query("DELETE FROM uploads WHERE id = $1").bind(id).execute().await? == 1)
}

/// Those that nobody went on with in time.
pub async fn expired(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Upload>> {
    tx.query(select!("WHERE backup_id IS NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2"))
        .bind(now)
        .bind(limit)
        .fetch_all()
        .await
}

/// Those whose backup has ended, one way or the other.
pub async fn used(tx: &mut Tx, limit: i64) -> Result<Vec<Upload>> {
    tx.query(select!(
        "WHERE backup_id IS NOT NULL AND backup_id NOT IN \
           (SELECT id FROM backups WHERE status IN ('queued', 'running', 'verifying')) ORDER BY id LIMIT $1"
    ))
    .bind(limit)
    .fetch_all()
    .await
}

/// Goes on expecting pieces until `expires_at`.
pub async fn extend(tx: &mut Tx, id: UploadId, expires_at: Timestamp) -> Result<bool> {
    let changed =
        tx.query("UPDATE uploads SET expires_at = $2 WHERE id = $1").bind(id).bind(expires_at).execute().await?;
    Ok(changed == 1)
}
