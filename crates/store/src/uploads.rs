//! Uploads: files that arrive piece by piece, to become backups. Their bytes lie on the shelf, encrypted for a key that only
//! the row knows; which of them are there is told by `upload_pieces`.

use std::fmt;

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::Result,
    ids::{BackupId, TenantId, UploadId},
    json_text::JsonText,
    seam::Tx,
};

/// What opens the pieces of one upload, as text. Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(String);

impl Identity {
    /// The one that is written so.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// How it is written.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

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
    /// None when a version before this one began it.
    pub identity: Option<JsonText<Identity>>,
}

impl Upload {
    /// Whether pieces are still taken.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.backup_id.is_none() && self.expires_at > now
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, file_name, total_bytes, sha256, adopt, backup_id, requested_by, expires_at, created_at, \
             identity FROM uploads ",
            $rest
        )
    };
}

/// Adds an upload.
pub async fn insert(tx: &mut Tx, upload: &Upload) -> Result<()> {
    tx.query(
        "INSERT INTO uploads (id, tenant_id, file_name, total_bytes, sha256, adopt, backup_id, requested_by, expires_at,
             created_at, identity)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
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
    .bind(upload.identity.clone())
    .execute()
    .await?;
    Ok(())
}

/// By id.
pub async fn find(tx: &mut Tx, id: UploadId) -> Result<Option<Upload>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// The key of an upload; `fresh` becomes it when there is none yet. None of an upload that is gone.
pub async fn identity(tx: &mut Tx, id: UploadId, fresh: &Identity) -> Result<Option<Identity>> {
    tx.query("UPDATE uploads SET identity = $2 WHERE id = $1 AND identity IS NULL")
        .bind(id)
        .bind(JsonText(fresh.clone()))
        .execute()
        .await?;
    Ok(find(tx, id).await?.and_then(|upload| upload.identity).map(|identity| identity.0))
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

/// The upload becomes `backup`. False when it is one already, or closed, or gone.
pub async fn complete(tx: &mut Tx, id: UploadId, backup: BackupId, now: Timestamp) -> Result<bool> {
    let changed = tx
        .query("UPDATE uploads SET backup_id = $2 WHERE id = $1 AND backup_id IS NULL AND expires_at > $3")
        .bind(id)
        .bind(backup)
        .bind(now)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// From now on no piece of it is taken, and it becomes no backup. False when it is one already, or gone.
pub async fn close(tx: &mut Tx, id: UploadId, now: Timestamp) -> Result<bool> {
    let changed = tx
        .query("UPDATE uploads SET expires_at = $2 WHERE id = $1 AND backup_id IS NULL")
        .bind(id)
        .bind(now)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// As [`close`], all of a tenant's.
pub async fn close_of(tx: &mut Tx, tenant: TenantId, now: Timestamp) -> Result<u64> {
    tx.query("UPDATE uploads SET expires_at = $2 WHERE tenant_id = $1 AND backup_id IS NULL AND expires_at > $2")
        .bind(tenant)
        .bind(now)
        .execute()
        .await
}

/// Those of a tenant, whatever became of them.
pub async fn of_tenant(tx: &mut Tx, tenant: TenantId, limit: i64) -> Result<Vec<Upload>> {
    tx.query(select!("WHERE tenant_id = $1 ORDER BY id LIMIT $2")).bind(tenant).bind(limit).fetch_all().await
}

/// Forgets an upload, whose pieces are gone from the shelf.
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
