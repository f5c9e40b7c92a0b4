//! Lists of backups: what narrows them, and by what they are sorted.

use super::{Backup, BackupScope, BackupStatus, Origin};
use crate::{
    clock::Timestamp,
    error::Result,
    ids::{TenantId, words},
    paging::{Direction, Page, search_pattern},
    seam::Tx,
};

words! {
    /// By what a list of backups is sorted.
    BackupSort {
        /// By when they were asked for.
        Created = "created",
        /// By when they ended; those that have not, as if it was long ago.
        Finished = "finished",
        /// By the size of the artefact.
        Bytes = "bytes",
        /// By the tenant's slug.
        Tenant = "tenant",
    }
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
    /// Only made for this reason.
    pub origin: Option<Origin>,
    /// Only asked for at or after this instant…
    pub since: Option<Timestamp>,
    /// …and before this one.
    pub until: Option<Timestamp>,
    /// What was typed into the search: slug, who asked, the error, the id.
    pub q: Option<String>,
    /// The trash instead of the living.
    pub deleted: bool,
}

macro_rules! page {
    ($column:literal, $key:literal, $beyond:literal, $order:literal) => {
        concat!(
            "SELECT id, scope, tenant_id, tenant_slug, origin, schedule_id, run_id, status, phase, done_bytes, \
             total_bytes, plain_bytes, stored_bytes, stored_sha256, manifest, encrypted, same_as, error, attempt, \
             requested_by, trace_id, cancel_requested_at, started_at, verified_at, proven_at, proof, finished_at, \
             pinned_at, deleted_at, purge_after, version, created_at, updated_at FROM backups \
             WHERE (CAST($1 AS TEXT) IS NULL OR tenant_id = $1) AND (CAST($2 AS TEXT) IS NULL OR status = $2) \
               AND (CAST($3 AS TEXT) IS NULL OR scope = $3) AND (CAST($4 AS TEXT) IS NULL OR origin = $4) \
               AND (CAST($5 AS BIGINT) IS NULL OR created_at >= $5) AND (CAST($6 AS BIGINT) IS NULL OR created_at < $6) \
               AND (CAST($7 AS TEXT) IS NULL OR lower(COALESCE(tenant_slug, 'central') || ' ' || requested_by || ' ' \
                    || COALESCE(error, '') || ' ' || id) LIKE $7 ESCAPE '\\') \
               AND (deleted_at IS NOT NULL) = ($8 <> 0) AND (",
            $column, ", id) ", $beyond, " (", $key, ", $10) ORDER BY ", $column, $order, ", id", $order, " LIMIT $11"
        )
    };
}

macro_rules! number {
    ($column:literal, $beyond:literal, $order:literal) => {
        page!($column, "CAST($9 AS BIGINT)", $beyond, $order)
    };
}

/// A page, by when they were asked for.
pub async fn list(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<Backup>> {
    list_sorted(tx, filter, BackupSort::Created, page).await
}

/// A page. The key of a cursor is [`BackupSort::key`].
pub async fn list_sorted(tx: &mut Tx, filter: &Filter, sort: BackupSort, page: &Page) -> Result<Vec<Backup>> {
    let sql = match (sort, page.direction) {
        (BackupSort::Created, Direction::Ascending) => page!("id", "$9", ">", " ASC"),
        (BackupSort::Created, Direction::Descending) => page!("id", "$9", "<", " DESC"),
        (BackupSort::Finished, Direction::Ascending) => number!("COALESCE(finished_at, 0)", ">", " ASC"),
        (BackupSort::Finished, Direction::Descending) => number!("COALESCE(finished_at, 0)", "<", " DESC"),
        (BackupSort::Bytes, Direction::Ascending) => number!("COALESCE(stored_bytes, 0)", ">", " ASC"),
        (BackupSort::Bytes, Direction::Descending) => number!("COALESCE(stored_bytes, 0)", "<", " DESC"),
        (BackupSort::Tenant, Direction::Ascending) => page!("COALESCE(tenant_slug, '')", "$9", ">", " ASC"),
        (BackupSort::Tenant, Direction::Descending) => page!("COALESCE(tenant_slug, '')", "$9", "<", " DESC"),
    };
    let (key, id) = sort.start(page);
    tx.query(sql)
        .bind(filter.tenant)
        .bind(filter.status)
        .bind(filter.scope)
        .bind(filter.origin)
        .bind(filter.since)
        .bind(filter.until)
        .bind(search_pattern(filter.q.as_deref()))
        .bind(i64::from(filter.deleted))
        .bind(key)
        .bind(id)
        .bind(page.limit)
        .fetch_all()
        .await
}

impl BackupSort {
    /// A row's value in the sorted column.
    #[must_use]
    pub fn key(self, row: &Backup) -> String {
        match self {
            Self::Created => row.id.to_string(),
            Self::Finished => row.finished_at.map_or(0, Timestamp::micros).to_string(),
            Self::Bytes => row.stored_bytes.unwrap_or(0).to_string(),
            Self::Tenant => row.tenant_slug.clone().unwrap_or_default(),
        }
    }

    /// Where the page starts. A number is before or behind all others by its size, not by its text.
    fn start(self, page: &Page) -> (String, String) {
        let (key, id) = page.start();
        match (self, &page.after, page.direction) {
            (Self::Created | Self::Tenant, _, _) => (key, id),
            (_, Some(cursor), _) => (cursor.key.parse::<i64>().unwrap_or(0).to_string(), id),
            (_, None, Direction::Ascending) => ("-1".to_owned(), id),
            (_, None, Direction::Descending) => (i64::MAX.to_string(), id),
        }
    }
}
