//! What a client sends and sees of restores.

use std::collections::BTreeMap;

use chiliview_store::{Timestamp, restores::Restore};
use chrono::{DateTime, Utc};
use garde::Validate;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    auth::known_length,
    fields,
    secret::Secret,
    words::{Cause, RestoreStatus, RestoreTarget},
};

/// A request to restore a backup.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct RestoreRequest {
    /// Into the tenant that the backup is of, or as a new tenant.
    pub(super) into: RestoreTarget,
    /// With `same` the tenant's slug, typed as a confirmation; with `new` the new tenant's. A dry run with `same` goes
    /// without.
    #[garde(inner(length(chars, min = 1, max = 63)))]
    pub(super) slug: Option<String>,
    /// With `new`: the new tenant's name; its slug without.
    #[garde(inner(custom(fields::line), length(chars, min = 1, max = 200)))]
    pub(super) name: Option<String>,
    /// The caller's own, once more. A dry run goes without.
    #[garde(inner(custom(known_length)))]
    pub(super) password: Option<Secret>,
    /// Only say what would be done.
    #[serde(default)]
    #[oai(default)]
    pub(super) dry_run: bool,
    /// Replace the present database even if it cannot be backed up, and without trying.
    #[serde(default)]
    #[oai(default)]
    pub(super) without_safety_backup: bool,
}

impl RestoreRequest {
    /// Into the tenant that the backup is of.
    #[must_use]
    pub const fn same(without_safety_backup: bool) -> Self {
        let into = RestoreTarget::Same;
        Self { into, slug: None, name: None, password: None, dry_run: true, without_safety_backup }
    }

    /// As a new tenant.
    #[must_use]
    pub const fn new_tenant(slug: String, name: Option<String>) -> Self {
        let into = RestoreTarget::New;
        Self { into, slug: Some(slug), name, password: None, dry_run: true, without_safety_backup: false }
    }
}

/// A request to undo a restore.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct UndoRequest {
    /// The caller's own, once more.
    #[garde(custom(known_length))]
    pub(super) password: Secret,
    /// Let the restored database go even if it cannot be backed up, and without trying.
    #[serde(default)]
    #[oai(default)]
    pub(super) without_safety_backup: bool,
}

/// What a restore would do.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RestorePlan {
    /// Where it leads.
    pub into: RestoreTarget,
    /// The tenant's id; absent as long as a new one has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// The tenant's slug.
    pub tenant: String,
    /// The tenant's name.
    pub name: String,
    /// The backup.
    pub backup_id: Uuid,
    /// The older backup whose snapshot is taken, of one that found nothing changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<Uuid>,
    /// Everything committed before this instant comes back; with `same`, everything after it goes.
    pub taken_at: DateTime<Utc>,
    /// What is there now and will be replaced; absent for a new tenant, and when it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replaced>,
    /// The size of the database that comes.
    pub bytes: i64,
    /// Its rows in each table.
    pub rows: BTreeMap<String, u64>,
    /// The version of its schema.
    pub schema_from: i64,
    /// The version that it is migrated to.
    pub schema_to: i64,
    /// Whether these differ.
    pub migrates: bool,
    /// How many sessions of the tenant's users end.
    pub sessions_ended: i64,
    /// Whether the present database is backed up first.
    pub safety_backup: bool,
    /// For how many seconds it can be undone; absent for a new tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo_seconds: Option<u64>,
    /// How much room it takes at most while it is under way.
    pub room_needed: u64,
    /// How much room there is.
    pub room_free: u64,
    /// What else to know before.
    pub warnings: Vec<String>,
}

/// A database that is to be replaced.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, Object)]
pub struct Replaced {
    /// Its size.
    pub bytes: u64,
    /// How many users are in it.
    pub users: i64,
}

/// What came of a request: a plan, and a restore unless it was a dry run.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RestoreAnswer {
    /// The restore's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<RestoreStatus>,
    /// What is going to be done.
    pub plan: RestorePlan,
    /// All of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreInfo>,
}

/// A restore.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RestoreInfo {
    /// Its id.
    pub id: Uuid,
    /// Where it leads.
    pub into: RestoreTarget,
    /// The tenant's id.
    pub tenant_id: Uuid,
    /// The tenant's slug when the restore was asked for.
    pub tenant: String,
    /// The backup that is restored.
    pub backup_id: Uuid,
    /// The backup of what is replaced, last by the restore or by its undo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety_backup_id: Option<Uuid>,
    /// Where it stands. An undo, too, is `running`, and `undone` after it.
    pub status: RestoreStatus,
    /// What is being done, in words.
    pub phase: String,
    /// Bytes of the database that this phase is through with.
    pub done_bytes: i64,
    /// Bytes of the database, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<i64>,
    /// What was to be done when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<RestorePlan>,
    /// Why it failed, was cancelled or is tried again, or why its undo failed.
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
    /// When somebody asked for its undo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo_requested_at: Option<DateTime<Utc>>,
    /// Until when it can be undone; absent when it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo_until: Option<DateTime<Utc>>,
    /// When a worker first began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// The number in the ETag.
    pub version: i64,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When anything of it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A row as clients see it.
#[must_use]
pub fn show(row: Restore) -> RestoreInfo {
    RestoreInfo {
        id: row.id.uuid(),
        into: row.target.into(),
        tenant_id: row.tenant_id.uuid(),
        tenant: row.tenant_slug,
        backup_id: row.backup_id.uuid(),
        safety_backup_id: row.safety_backup_id.map(|id| id.uuid()),
        status: row.status.into(),
        phase: row.phase,
        done_bytes: row.done_bytes,
        total_bytes: row.total_bytes,
        // A plan of another version may have other fields.
        plan: serde_json::from_str(&row.plan).ok(),
        error: row.error,
        cause: Cause::kept(row.cause.as_deref()),
        attempt: row.attempt,
        requested_by: row.requested_by,
        trace_id: row.trace_id,
        cancel_requested_at: row.cancel_requested_at.map(Timestamp::to_datetime),
        undo_requested_at: row.undo_requested_at.map(Timestamp::to_datetime),
        undo_until: row.undo_until.map(Timestamp::to_datetime),
        started_at: row.started_at.map(Timestamp::to_datetime),
        finished_at: row.finished_at.map(Timestamp::to_datetime),
        version: row.version,
        created_at: row.created_at.to_datetime(),
        updated_at: row.updated_at.to_datetime(),
    }
}
