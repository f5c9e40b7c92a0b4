//! What a client sends and sees of backups.

use chiliview_store::{Timestamp, backups::Backup};
use chrono::{DateTime, Utc};
use garde::Validate;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::words::{BackupOrigin, BackupScope, BackupStatus, Cause, ProofDepth};

/// What a request for backups covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum RequestScope {
    /// One tenant's database.
    Tenant,
    /// The central database.
    Central,
    /// The central database and every tenant that is not in the trash.
    All,
}

/// A request for backups.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct BackupRequest {
    #[garde(skip)]
    pub(super) scope: RequestScope,
    /// Which tenant, by id or slug; with scope `tenant`. Its own manager may leave it out.
    #[garde(inner(length(chars, min = 1, max = 63)))]
    pub(super) tenant: Option<String>,
}

impl BackupRequest {
    /// What it covers.
    #[must_use]
    pub fn scope(&self) -> RequestScope {
        self.scope
    }
}

/// A backup.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct BackupInfo {
    /// Its id.
    pub id: Uuid,
    /// What it covers.
    pub scope: BackupScope,
    /// The tenant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// The tenant's slug when the backup was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Why it was made.
    pub origin: BackupOrigin,
    /// The schedule that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<Uuid>,
    /// The run of that schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    /// Where it stands. Only `verified` counts; `verifying` with a `verified_at` is one that is proven again. `unchanged`
    /// made no snapshot, since the database is still what the backup `same_as` holds.
    pub status: BackupStatus,
    /// What is being done, in words.
    pub phase: String,
    /// Bytes of the database that this phase is through with.
    pub done_bytes: i64,
    /// Bytes of the database, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<i64>,
    /// The size of the artefact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// The size of the database in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_bytes: Option<i64>,
    /// The SHA-256 of the artefact, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether it takes a key to read it.
    pub encrypted: bool,
    /// The backup that holds the same, of one that is `unchanged`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<Uuid>,
    /// Why it failed, was cancelled, is tried again, or is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What stood in the way, as a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// How often it was begun.
    pub attempt: i64,
    /// Who asked for it.
    pub requested_by: String,
    /// The trace from the request to the last fsync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// When somebody called it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// When a worker first began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it was proven for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<DateTime<Utc>>,
    /// When it was last proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven_at: Option<DateTime<Utc>>,
    /// How it was last proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofDepth>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Since when it is kept whatever retention says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_at: Option<DateTime<Utc>>,
    /// When it was moved to the trash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime<Utc>>,
    /// When it is removed from the trash, for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purge_after: Option<DateTime<Utc>>,
    /// The number in the ETag.
    pub version: i64,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When anything of it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What was queued.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Queued {
    /// The backup's id, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Its status, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<BackupStatus>,
    /// All of them.
    pub items: Vec<BackupInfo>,
}

impl Queued {
    pub(super) fn of(items: Vec<BackupInfo>, single: bool) -> Self {
        let one = items.first().filter(|_| single);
        Self { id: one.map(|item| item.id), status: one.map(|item| item.status), items }
    }
}

/// A row as clients see it.
#[must_use]
pub fn show(row: Backup) -> BackupInfo {
    BackupInfo {
        id: row.id.uuid(),
        scope: row.scope.into(),
        tenant_id: row.tenant_id.map(chiliview_store::TenantId::uuid),
        tenant: row.tenant_slug,
        origin: row.origin.into(),
        schedule_id: row.schedule_id.map(|id| id.uuid()),
        run_id: row.run_id.map(|id| id.uuid()),
        status: row.status.into(),
        phase: row.phase,
        done_bytes: row.done_bytes,
        total_bytes: row.total_bytes,
        bytes: row.stored_bytes,
        plain_bytes: row.plain_bytes,
        sha256: row.stored_sha256,
        encrypted: row.encrypted != 0,
        same_as: row.same_as.map(|id| id.uuid()),
        error: row.error,
        cause: Cause::kept(row.cause.as_deref()),
        attempt: row.attempt,
        requested_by: row.requested_by,
        trace_id: row.trace_id,
        cancel_requested_at: row.cancel_requested_at.map(Timestamp::to_datetime),
        started_at: row.started_at.map(Timestamp::to_datetime),
        verified_at: row.verified_at.map(Timestamp::to_datetime),
        proven_at: row.proven_at.map(Timestamp::to_datetime),
        proof: row.proof.map(Into::into),
        finished_at: row.finished_at.map(Timestamp::to_datetime),
        pinned_at: row.pinned_at.map(Timestamp::to_datetime),
        deleted_at: row.deleted_at.map(Timestamp::to_datetime),
        purge_after: row.purge_after.map(Timestamp::to_datetime),
        version: row.version,
        created_at: row.created_at.to_datetime(),
        updated_at: row.updated_at.to_datetime(),
    }
}
