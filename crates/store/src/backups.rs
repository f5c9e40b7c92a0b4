//! Backups: the record of one snapshot each, from queued to verified, failed or cancelled.

use serde::Serialize;
use sqlx::FromRow;

mod coverage;
mod held;
mod late;
mod list;
mod overview;
mod proofs;
mod recovered;
mod steps;
mod trash;

pub use self::{
    coverage::{Coverage, counts, coverage, ended_before, newest_verified, safe_at},
    held::{Held, awaited, has_another_verified, held, is_awaited, references, source},
    late::{Late, Punctuality, punctuality},
    list::{BackupSort, Filter, list, list_sorted},
    overview::{Cover, CoverCount, CoverFilter, Covered, Day, by_day, count_covers, covers, on_shelf},
    proofs::{
        Old, Proven, call_off_proof, damaged, oldest_proven, proof_waits, prove_again, prove_later, proven, start_proof,
    },
    recovered::{Recovered, lost, recover},
    steps::{
        Progress, Verified, end, is_cancel_requested, is_under_way, progress, request_cancel, retry_later, start,
        unchanged, verified,
    },
    trash::{delete, due_for_purge, pin, purge, undelete, unpin},
};
use crate::{
    among::{among, joined},
    clock::Timestamp,
    error::Result,
    ids::{BackupId, RunId, ScheduleId, TenantId, words},
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
    /// Why a backup is made.
    Origin {
        /// Somebody asked for it.
        Request = "request",
        /// A schedule.
        Schedule = "schedule",
        /// A restore, before it replaces a database.
        Safety = "safety",
        /// Somebody brought it from elsewhere.
        Import = "import",
        /// Its snapshot was found on the shelf, without a row.
        Recovered = "recovered",
    }
}

words! {
    /// How a backup was last proven. A damaged one is not.
    ProofDepth {
        /// Read back, unpacked, opened, `quick_check`, rows counted.
        Quick = "quick",
        /// That, and `integrity_check` and `foreign_key_check`.
        Full = "full",
        /// The hash of the stored bytes only: nobody has the key to read them.
        Stored = "stored",
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
        /// Not made: the database is still what an older backup holds.
        Unchanged = "unchanged",
        /// It was verified, and is not any more: a later proof failed.
        Damaged = "damaged",
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
        !matches!(self, Self::Queued | Self::Running | Self::Verifying)
    }

    /// Whether one that has a manifest can be restored: one that is proven again still counts meanwhile.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::Verified | Self::Verifying)
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
    pub origin: Origin,
    pub schedule_id: Option<ScheduleId>,
    pub run_id: Option<RunId>,
    pub status: BackupStatus,
    pub phase: String,
    pub done_bytes: i64,
    pub total_bytes: Option<i64>,
    pub plain_bytes: Option<i64>,
    pub stored_bytes: Option<i64>,
    pub stored_sha256: Option<String>,
    #[serde(skip)]
    pub manifest: Option<String>,
    pub encrypted: i64,
    #[serde(skip)]
    pub artefact: i64,
    pub same_as: Option<BackupId>,
    pub error: Option<String>,
    pub cause: Option<String>,
    pub attempt: i64,
    pub requested_by: String,
    pub trace_id: Option<String>,
    pub cancel_requested_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub verified_at: Option<Timestamp>,
    pub proven_at: Option<Timestamp>,
    pub proof: Option<ProofDepth>,
    pub finished_at: Option<Timestamp>,
    pub pinned_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    pub purge_after: Option<Timestamp>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

macro_rules! columns {
    () => {
        "id, scope, tenant_id, tenant_slug, origin, schedule_id, run_id, status, phase, done_bytes, \
             total_bytes, plain_bytes, stored_bytes, stored_sha256, manifest, encrypted, artefact, same_as, error, cause, attempt, \
             requested_by, trace_id, cancel_requested_at, started_at, verified_at, proven_at, proof, finished_at, \
             pinned_at, deleted_at, purge_after, version, created_at, updated_at"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", $crate::backups::columns!(), " FROM backups ", $rest)
    };
}
pub(crate) use {columns, select};

/// What a new backup starts from.
#[derive(Clone, Debug)]
pub struct New {
    /// Its id.
    pub id: BackupId,
    /// The tenant and its slug; none for the central database.
    pub tenant: Option<(TenantId, String)>,
    /// Why it is made.
    pub origin: Origin,
    /// The run of a schedule that it belongs to.
    pub run: Option<(ScheduleId, RunId)>,
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
    let (schedule, run) = new.run.unzip();
    tx.query(
        "INSERT INTO backups (id, scope, tenant_id, tenant_slug, origin, schedule_id, run_id, status, phase, done_bytes,
             encrypted, attempt, requested_by, trace_id, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', 'queued', 0, 0, 0, $8, $9, 1, $10, $10)",
    )
    .bind(new.id)
    .bind(scope)
    .bind(tenant_id)
    .bind(slug)
    .bind(new.origin)
    .bind(schedule)
    .bind(run)
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

/// Those of them that there are, in no order, in the trash too.
pub async fn find_all(tx: &mut Tx, ids: &[BackupId]) -> Result<Vec<Backup>> {
    tx.query(concat!("SELECT ", columns!(), " FROM backups WHERE id IN ", among!())).bind(joined(ids)).fetch_all().await
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
         WHERE tenant_id = $1 AND deleted_at IS NULL AND status NOT IN ('failed', 'cancelled', 'unchanged')",
    )
    .bind(tenant)
    .fetch_one()
    .await
}

/// Backups that count, and when each database was last known to be safe: by its own proof, or because nothing had changed
/// since one that still counts.
macro_rules! safe {
    () => {
        "(SELECT tenant_id, scope, verified_at AS at FROM backups
           WHERE status IN ('verified', 'verifying') AND proof IS NOT NULL AND deleted_at IS NULL
         UNION ALL
         SELECT same.tenant_id, same.scope, same.finished_at AS at FROM backups AS same
           JOIN backups AS source ON source.id = same.same_as
           WHERE source.status IN ('verified', 'verifying') AND source.proof IS NOT NULL AND source.deleted_at IS NULL AND same.deleted_at IS NULL) AS safe"
    };
}

pub(crate) use safe;
