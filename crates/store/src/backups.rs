//! Backups: the record of one snapshot each, from queued to verified, failed or cancelled.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::Result,
    ids::{BackupId, TenantId, words},
    paging::{Direction, Page},
    seam::Tx,
};

words! {
    /// What a backup covers.
    BackupScope {
        /// One tenant's database.
        Tenant = "tenant",
        /// The central database.
        Central = "central",
    }
}

words! {
    /// Where a backup stands. Only `verified` is a backup that counts.
    BackupStatus {
        /// Waiting for a worker.
        Queued = "queued",
        /// Being read and written.
        Running = "running",
        /// Being read back and compared.
        Verifying = "verifying",
        /// Proven to restore.
        Verified = "verified",
        /// Ended with a reason.
        Failed = "failed",
        /// Called off.
        Cancelled = "cancelled",
    }
}

impl BackupStatus {
    /// Whether nothing will happen to it any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Verified | Self::Failed | Self::Cancelled)
    }
}

/// A row of `backups`.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Backup {
    pub id: BackupId,
    pub scope: BackupScope,
    pub tenant_id: Option<TenantId>,
    pub tenant_slug: Option<String>,
    pub status: BackupStatus,
    pub phase: String,
    pub done_bytes: i64,
    pub total_bytes: Option<i64>,
    pub plain_bytes: Option<i64>,
    pub stored_bytes: Option<i64>,
    pub stored_sha256: Option<String>,
    #[serde(skip)]
    pub manifest: Option<String>,
    pub error: Option<String>,
    pub attempt: i64,
    pub requested_by: String,
    pub trace_id: Option<String>,
    pub cancel_requested_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub verified_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    pub purge_after: Option<Timestamp>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, scope, tenant_id, tenant_slug, status, phase, done_bytes, total_bytes, plain_bytes, \
             stored_bytes, stored_sha256, manifest, error, attempt, requested_by, trace_id, cancel_requested_at, \
             started_at, verified_at, finished_at, deleted_at, purge_after, version, created_at, updated_at \
             FROM backups ",
            $rest
        )
    };
}

/// What a new backup starts from.
#[derive(Clone, Debug)]
pub struct New {
    /// Its id.
    pub id: BackupId,
    /// The tenant and its slug; none for the central database.
    pub tenant: Option<(TenantId, String)>,
    /// Who asked for it.
    pub requested_by: String,
    /// The trace that it is part of.
    pub trace_id: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Adds a backup, queued.
pub async fn insert(tx: &mut Tx, new: &New) -> Result<()> {
    let scope = if new.tenant.is_some() { BackupScope::Tenant } else { BackupScope::Central };
    let (tenant_id, slug) = new.tenant.clone().unzip();
    tx.query(
        "INSERT INTO backups (id, scope, tenant_id, tenant_slug, status, phase, done_bytes, attempt, requested_by,
             trace_id, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, 'queued', 'queued', 0, 0, $5, $6, 1, $7, $7)",
    )
    .bind(new.id)
    .bind(scope)
    .bind(tenant_id)
    .bind(slug)
    .bind(new.requested_by.clone())
    .bind(new.trace_id.clone())
    .bind(new.at)
    .execute()
    .await?;
    Ok(())
}

/// By id, in the trash too.
pub async fn find(tx: &mut Tx, id: BackupId) -> Result<Option<Backup>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// A worker takes it: the number of the attempt, which fences all that it writes, or nothing when the backup has ended.
pub async fn start(tx: &mut Tx, id: BackupId, at: Timestamp) -> Result<Option<i64>> {
    let started = tx
        .query(
            "UPDATE backups SET status = 'running', phase = 'reading', attempt = attempt + 1,
                 started_at = COALESCE(started_at, $2), done_bytes = 0, total_bytes = NULL, error = NULL,
                 updated_at = $2, version = version + 1
             WHERE id = $1 AND status IN ('queued', 'running', 'verifying') RETURNING attempt",
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
}

/// Ends an attempt as verified. False when it was overtaken or cancelled: then its artefact does not count.
pub async fn verified(tx: &mut Tx, id: BackupId, attempt: i64, proof: &Verified, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = 'verified', phase = 'verified', manifest = $3, stored_sha256 = $4,
                 stored_bytes = $5, plain_bytes = $6, done_bytes = $6, total_bytes = $6, verified_at = $7,
                 finished_at = $7, updated_at = $7, version = version + 1
             WHERE id = $1 AND attempt = $2 AND status IN ('running', 'verifying') AND cancel_requested_at IS NULL",
        )
        .bind(id)
        .bind(attempt)
        .bind(proof.manifest.clone())
        .bind(proof.stored_sha256.clone())
        .bind(proof.stored_bytes)
        .bind(proof.plain_bytes)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Ends a backup that has not ended: as failed or cancelled, with the reason. False when it has ended already.
pub async fn end(tx: &mut Tx, id: BackupId, status: BackupStatus, reason: &str, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = $2, phase = $2, error = $3, finished_at = $4, updated_at = $4,
                 version = version + 1
             WHERE id = $1 AND status IN ('queued', 'running', 'verifying')",
        )
        .bind(id)
        .bind(status)
        .bind(reason.to_owned())
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Says why an attempt failed while another one is still to come.
pub async fn retry_later(tx: &mut Tx, id: BackupId, attempt: i64, reason: &str, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET status = 'queued', phase = 'waiting to try again', error = $3, updated_at = $4,
                 version = version + 1
             WHERE id = $1 AND attempt = $2 AND status IN ('running', 'verifying')",
        )
        .bind(id)
        .bind(attempt)
        .bind(reason.to_owned())
        .bind(at)
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
                 phase = CASE WHEN status = 'queued' THEN 'cancelled' ELSE phase END,
                 status = CASE WHEN status = 'queued' THEN 'cancelled' ELSE status END,
                 version = version + 1
             WHERE id = $1 AND status IN ('queued', 'running', 'verifying')",
        )
        .bind(id)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Moves an ended backup to the trash. False when it is there already, or has not ended.
pub async fn delete(tx: &mut Tx, id: BackupId, at: Timestamp, purge_after: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE backups SET deleted_at = $2, purge_after = $3, updated_at = $2, version = version + 1
             WHERE id = $1 AND deleted_at IS NULL AND status IN ('verified', 'failed', 'cancelled')",
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

/// What to list; an absent part does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this tenant's.
    pub tenant: Option<TenantId>,
    /// Only this status.
    pub status: Option<BackupStatus>,
    /// Only this scope.
    pub scope: Option<BackupScope>,
    /// The trash instead of the living.
    pub deleted: bool,
}

/// A page, by when they were asked for (which is the order of their ids).
pub async fn list(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<Backup>> {
    let sql = match page.direction {
        Direction::Ascending => select!(
            "WHERE (CAST($1 AS TEXT) IS NULL OR tenant_id = $1) AND (CAST($2 AS TEXT) IS NULL OR status = $2)
               AND (CAST($3 AS TEXT) IS NULL OR scope = $3) AND (deleted_at IS NOT NULL) = ($4 <> 0)
               AND id > $5 ORDER BY id LIMIT $6"
        ),
        Direction::Descending => select!(
            "WHERE (CAST($1 AS TEXT) IS NULL OR tenant_id = $1) AND (CAST($2 AS TEXT) IS NULL OR status = $2)
               AND (CAST($3 AS TEXT) IS NULL OR scope = $3) AND (deleted_at IS NOT NULL) = ($4 <> 0)
               AND id < $5 ORDER BY id DESC LIMIT $6"
        ),
    };
    tx.query(sql)
        .bind(filter.tenant)
        .bind(filter.status)
        .bind(filter.scope)
        .bind(i64::from(filter.deleted))
        .bind(page.start().1)
        .bind(page.limit)
        .fetch_all()
        .await
}

/// Those that changed after `(at, id)`, oldest change first: what live views follow.
pub async fn changed_since(tx: &mut Tx, at: Timestamp, id: Option<BackupId>, limit: i64) -> Result<Vec<Backup>> {
    tx.query(select!("WHERE (updated_at, id) > ($1, $2) ORDER BY updated_at, id LIMIT $3"))
        .bind(at)
        .bind(id.map(|id| id.to_string()).unwrap_or_default())
        .bind(limit)
        .fetch_all()
        .await
}

/// Those that have not ended, oldest first.
pub async fn unfinished(tx: &mut Tx, limit: i64) -> Result<Vec<Backup>> {
    tx.query(select!("WHERE status IN ('queued', 'running', 'verifying') ORDER BY id LIMIT $1"))
        .bind(limit)
        .fetch_all()
        .await
}

/// A tenant's living backups: how many, and their stored bytes.
pub async fn usage(tx: &mut Tx, tenant: TenantId) -> Result<(i64, i64)> {
    tx.query(
        "SELECT count(*), CAST(COALESCE(sum(stored_bytes), 0) AS BIGINT) FROM backups
         WHERE tenant_id = $1 AND deleted_at IS NULL AND status NOT IN ('failed', 'cancelled')",
    )
    .bind(tenant)
    .fetch_one()
    .await
}

/// When the newest verified backup of a tenant, or of the central database, was proven.
pub async fn newest_verified(tx: &mut Tx, tenant: Option<TenantId>) -> Result<Option<Backup>> {
    tx.query(select!(
        "WHERE status = 'verified' AND deleted_at IS NULL AND COALESCE(tenant_id, '') = $1 ORDER BY id DESC LIMIT 1"
    ))
    .bind(tenant.map(|id| id.to_string()).unwrap_or_default())
    .fetch_optional()
    .await
}

/// How many backups that are not in the trash have each status.
pub async fn counts(tx: &mut Tx) -> Result<Vec<(BackupStatus, i64)>> {
    tx.query("SELECT status, count(*) FROM backups WHERE deleted_at IS NULL GROUP BY status ORDER BY status")
        .fetch_all()
        .await
}

/// How well everything is covered by verified backups.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct Coverage {
    /// Each tenant has a newest verified backup: when the oldest of these was proven.
    pub oldest_of_tenants: Option<Timestamp>,
    /// How many tenants have none.
    pub tenants_without: i64,
    /// When the central database's newest was proven.
    pub central: Option<Timestamp>,
}

/// Over all tenants that are not in the trash.
pub async fn coverage(tx: &mut Tx) -> Result<Coverage> {
    tx.query(
        "SELECT (SELECT min(newest) FROM (SELECT max(verified_at) AS newest FROM backups
                 WHERE status = 'verified' AND deleted_at IS NULL
                   AND tenant_id IN (SELECT id FROM tenants WHERE deleted_at IS NULL)
                 GROUP BY tenant_id) AS by_tenant) AS oldest_of_tenants,
             (SELECT count(*) FROM tenants WHERE deleted_at IS NULL AND id NOT IN
                 (SELECT tenant_id FROM backups WHERE status = 'verified' AND deleted_at IS NULL
                    AND tenant_id IS NOT NULL)) AS tenants_without,
             (SELECT max(verified_at) FROM backups WHERE status = 'verified' AND deleted_at IS NULL
                AND scope = 'central') AS central",
    )
    .fetch_one()
    .await
}
