//! Lists of backups: what narrows them, and by what they are sorted.

use super::{Backup, BackupScope, BackupStatus, Origin, columns};
use crate::{
    clock::Timestamp,
    error::Result,
    ids::{RunId, ScheduleId, TenantId, words},
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
    /// Only made by this schedule.
    pub schedule: Option<ScheduleId>,
    /// Only made in this run of a schedule.
    pub run: Option<RunId>,
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
    ($of:literal, $column:literal, $key:literal, $beyond:literal, $order:literal) => {
        concat!(
            "SELECT ", columns!(), " FROM backups WHERE ", $of, " \
               AND (CAST($3 AS TEXT) IS NULL OR scope = $3) AND (CAST($4 AS TEXT) IS NULL OR origin = $4) \
               AND (CAST($5 AS BIGINT) IS NULL OR created_at >= $5) AND (CAST($6 AS BIGINT) IS NULL OR created_at < $6) \
               AND (CAST($7 AS TEXT) IS NULL OR lower(COALESCE(tenant_slug, 'central') || ' ' || requested_by || ' ' \
                    || COALESCE(error, '') || ' ' || id) LIKE $7 ESCAPE '\\') \
               AND (deleted_at IS NOT NULL) = ($8 <> 0) AND (CAST($12 AS TEXT) IS NULL OR schedule_id = $12) \
               AND (CAST($13 AS TEXT) IS NULL OR run_id = $13) AND (",
            $column, ", id) ", $beyond, " (", $key, ", $10) ORDER BY ", $column, $order, ", id", $order, " LIMIT $11"
        )
    };
}

macro_rules! number {
    ($of:literal, $column:literal, $beyond:literal, $order:literal) => {
        page!($of, $column, "CAST($9 AS BIGINT)", $beyond, $order)
    };
}

macro_rules! sorted {
    ($of:literal, $sort:expr) => {
        match $sort {
            (BackupSort::Created, Direction::Ascending) => page!($of, "id", "$9", ">", " ASC"),
            (BackupSort::Created, Direction::Descending) => page!($of, "id", "$9", "<", " DESC"),
            (BackupSort::Finished, Direction::Ascending) => number!($of, "COALESCE(finished_at, 0)", ">", " ASC"),
            (BackupSort::Finished, Direction::Descending) => {
                number!($of, "COALESCE(finished_at, 0)", "<", " DESC")
            }
            (BackupSort::Bytes, Direction::Ascending) => number!($of, "COALESCE(stored_bytes, 0)", ">", " ASC"),
            (BackupSort::Bytes, Direction::Descending) => number!($of, "COALESCE(stored_bytes, 0)", "<", " DESC"),
            (BackupSort::Tenant, Direction::Ascending) => page!($of, "COALESCE(tenant_slug, '')", "$9", ">", " ASC"),
            (BackupSort::Tenant, Direction::Descending) => page!($of, "COALESCE(tenant_slug, '')", "$9", "<", " DESC"),
        }
    };
}

/// A page, by when they were asked for.
pub async fn list(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<Backup>> {
    list_sorted(tx, filter, BackupSort::Created, page).await
}

/// A page. The key of a cursor is [`BackupSort::key`].
pub async fn list_sorted(tx: &mut Tx, filter: &Filter, by: BackupSort, page: &Page) -> Result<Vec<Backup>> {
    // SQLite finds its way before it knows the parameters: what has an index is named, where it narrows.
    let sort = (by, page.direction);
    let sql = match (filter.tenant, filter.status) {
        (Some(_), _) => sorted!("tenant_id = $1 AND (CAST($2 AS TEXT) IS NULL OR status = $2)", sort),
        (None, Some(_)) => sorted!("CAST($1 AS TEXT) IS NULL AND status = $2", sort),
        (None, None) => sorted!("CAST($1 AS TEXT) IS NULL AND CAST($2 AS TEXT) IS NULL", sort),
    };
    let (key, id) = match by {
        BackupSort::Created | BackupSort::Tenant => page.start(),
        BackupSort::Finished | BackupSort::Bytes => page.start_at_number(),
    };
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
        .bind(filter.schedule)
        .bind(filter.run)
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
}
