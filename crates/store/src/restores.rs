//! Restores: the record of one backup's way into a tenant's place, or to a new tenant, and of the undo that may follow.

use serde::Serialize;
use sqlx::FromRow;

mod steps;
mod undo;

pub use self::{
    steps::{
        Progress, done, end, is_cancel_requested, is_under_way, note_safety, passes_the_point, progress,
        request_cancel, retry_later, start,
    },
    undo::{forget, request_undo, start_undo, undo_failed, undone},
};
use crate::{
    clock::Timestamp,
    error::Result,
    ids::{BackupId, RestoreId, TenantId, words},
    paging::{Direction, Page, search_pattern},
    seam::Tx,
};

words! {
    /// Where a restore leads.
    Target {
        /// Into the tenant that the backup is of.
        Same = "same",
        /// To a new tenant.
        New = "new",
    }
}

words! {
    /// Where a restore stands.
    RestoreStatus {
        /// Waiting for a worker.
        Queued = "queued",
        /// Under way; an undo, too, is under way.
        Running = "running",
        /// The restored database serves.
        Done = "done",
        /// Ended with a reason; the database is what it was.
        Failed = "failed",
        /// Called off; the database is what it was.
        Cancelled = "cancelled",
        /// It was done, and the database from before serves again.
        Undone = "undone",
    }
}

impl RestoreStatus {
    /// Whether it is over; one that is done can still be undone.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A row of `restores`.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Restore {
    pub id: RestoreId,
    pub backup_id: BackupId,
    pub target: Target,
    pub tenant_id: TenantId,
    pub tenant_slug: String,
    pub tenant_name: Option<String>,
    pub status: RestoreStatus,
    pub phase: String,
    pub done_bytes: i64,
    pub total_bytes: Option<i64>,
    #[serde(skip)]
    pub plan: String,
    pub without_safety: i64,
    pub safety_backup_id: Option<BackupId>,
    pub error: Option<String>,
    pub cause: Option<String>,
    pub attempt: i64,
    pub requested_by: String,
    pub trace_id: Option<String>,
    pub cancel_requested_at: Option<Timestamp>,
    pub undo_requested_at: Option<Timestamp>,
    pub undo_until: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

macro_rules! columns {
    () => {
        "id, backup_id, target, tenant_id, tenant_slug, tenant_name, status, phase, done_bytes, total_bytes, plan, \
         without_safety, safety_backup_id, error, cause, attempt, requested_by, trace_id, cancel_requested_at, \
         undo_requested_at, undo_until, started_at, finished_at, version, created_at, updated_at"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM restores ", $rest)
    };
}

/// What a new restore starts from.
#[derive(Clone, Debug)]
pub struct New {
    /// Its id.
    pub id: RestoreId,
    /// What is restored.
    pub backup: BackupId,
    /// Where to.
    pub target: Target,
    /// The tenant; of [`Target::New`] the one to be made.
    pub tenant: TenantId,
    /// Its slug.
    pub slug: String,
    /// The name of a new tenant.
    pub name: Option<String>,
    /// What was to be done, as JSON.
    pub plan: String,
    /// Whether the database that is replaced may go without a backup.
    pub without_safety: bool,
    /// Who asked for it.
    pub requested_by: String,
    /// The trace that it is part of.
    pub trace_id: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Adds a restore, queued. While another of the tenant is under way it is [`crate::Error::Duplicate`].
pub async fn insert(tx: &mut Tx, new: &New) -> Result<()> {
    tx.query(
        "INSERT INTO restores (id, backup_id, target, tenant_id, tenant_slug, tenant_name, status, phase, done_bytes, plan,
             without_safety, attempt, requested_by, trace_id, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'queued', 'queued', 0, $7, $8, 0, $9, $10, 1, $11, $11)",
    )
    .bind(new.id)
    .bind(new.backup)
    .bind(new.target)
    .bind(new.tenant)
    .bind(new.slug.clone())
    .bind(new.name.clone())
    .bind(new.plan.clone())
    .bind(i64::from(new.without_safety))
    .bind(new.requested_by.clone())
    .bind(new.trace_id.clone())
    .bind(new.at)
    .execute()
    .await?;
    Ok(())
}

/// By id.
pub async fn find(tx: &mut Tx, id: RestoreId) -> Result<Option<Restore>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// The one of this tenant that is under way, if any.
pub async fn under_way(tx: &mut Tx, tenant: TenantId) -> Result<Option<Restore>> {
    tx.query(select!("WHERE tenant_id = $1 AND status IN ('queued', 'running')")).bind(tenant).fetch_optional().await
}

/// What to list; an absent part does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this tenant's.
    pub tenant: Option<TenantId>,
    /// Only this status.
    pub status: Option<RestoreStatus>,
    /// What was typed into the search: slug, who asked, the error, the id, the backup's id.
    pub q: Option<String>,
}

macro_rules! page {
    ($beyond:literal, $order:literal) => {
        concat!(
            "SELECT ", columns!(), " FROM restores \
             WHERE (CAST($1 AS TEXT) IS NULL OR tenant_id = $1) AND (CAST($2 AS TEXT) IS NULL OR status = $2) \
               AND (CAST($3 AS TEXT) IS NULL OR lower(tenant_slug || ' ' || requested_by || ' ' || COALESCE(error, '') \
                    || ' ' || id || ' ' || backup_id) LIKE $3 ESCAPE '\\') \
               AND id ", $beyond, " $4 ORDER BY id", $order, " LIMIT $5"
        )
    };
}

/// A page, by when they were asked for (which is the order of their ids).
pub async fn list(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<Restore>> {
    let sql = match page.direction {
        Direction::Ascending => page!(">", " ASC"),
        Direction::Descending => page!("<", " DESC"),
    };
    tx.query(sql)
        .bind(filter.tenant)
        .bind(filter.status)
        .bind(search_pattern(filter.q.as_deref()))
        .bind(page.start().1)
        .bind(page.limit)
        .fetch_all()
        .await
}

/// Those that changed after `(at, id)`, oldest change first: what live views follow.
pub async fn changed_since(tx: &mut Tx, at: Timestamp, id: Option<RestoreId>, limit: i64) -> Result<Vec<Restore>> {
    tx.query(select!("WHERE (updated_at, id) > ($1, $2) ORDER BY updated_at, id LIMIT $3"))
        .bind(at)
        .bind(id.map(|id| id.to_string()).unwrap_or_default())
        .bind(limit)
        .fetch_all()
        .await
}
