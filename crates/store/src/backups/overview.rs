//! How well each database is covered, the worst first, and what was made day by day.

use std::time::Duration;

use sqlx::FromRow;

use super::BackupStatus;
use crate::{
    clock::Timestamp,
    error::Result,
    ids::{BackupId, TenantId, words},
    paging::{Page, search_pattern},
    seam::Tx,
    tenants::TenantStatus,
};

/// More days than anybody looks at, with each status.
const MOST_DAYS: i64 = 4000;

words! {
    /// How well a database is covered.
    Cover {
        /// Its last backup failed, or was found damaged.
        Failed = "failed",
        /// It was never backed up.
        Never = "never",
        /// It was due, and is not known to be safe since.
        Late = "late",
        /// It is as safe as its schedules ask for.
        Protected = "protected",
    }
}

/// A database and its cover.
#[derive(Clone, Debug, FromRow)]
pub struct Covered {
    /// By what it is sorted: the worst first, then by slug.
    pub sort_key: String,
    /// The tenant; none for the central database.
    pub tenant_id: Option<TenantId>,
    /// Its slug.
    pub slug: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its status.
    pub status: Option<TenantStatus>,
    /// How well it is covered.
    pub cover: Cover,
    /// When it was last known to be safe.
    pub safe_at: Option<Timestamp>,
    /// The newest backup that can be restored.
    pub newest_backup: Option<BackupId>,
    /// The last backup that was asked for and not called off.
    pub last_backup: Option<BackupId>,
    /// Where that one stands.
    pub last_status: Option<BackupStatus>,
    /// Why it failed.
    pub last_error: Option<String>,
    /// What its backups take on the shelf.
    pub stored_bytes: i64,
}

/// Which databases to list; an absent part does not narrow.
#[derive(Clone, Debug, Default)]
pub struct CoverFilter {
    /// Only this tenant's.
    pub tenant: Option<TenantId>,
    /// Only so covered.
    pub cover: Option<Cover>,
    /// What was typed into the search.
    pub q: Option<String>,
}

/// `$1` is the instant until which everything that was due should be there. All backups are gone through once, in an index
/// that holds what is asked of them (`backups_by_cover`); when a database was last known to be safe is as [`super::safe`] says.
macro_rules! covered {
    () => {
        "WITH due AS (SELECT scope, tenant_id, replace(replace(tag, '\\', '\\\\'), '\"', '\\\"') AS tag,
                  CASE WHEN next_at <= $1 - jitter_seconds * 1000000 THEN next_at
                       ELSE (SELECT max(due_at) FROM schedule_runs WHERE schedule_id = schedules.id AND fired_by = 'time'
                               AND due_at <= $1 - schedules.jitter_seconds * 1000000) END AS due_at
                FROM schedules WHERE action = 'back_up' AND paused_at IS NULL),
              due_alone AS (SELECT tenant_id, max(due_at) AS due_at FROM due WHERE scope = 'tenant' GROUP BY tenant_id),
              own AS (SELECT COALESCE(tenant_id, '') AS owner,
                  max(CASE WHEN status IN ('verified', 'verifying') AND proof IS NOT NULL THEN verified_at END) AS at,
                  max(CASE WHEN status IN ('verified', 'verifying') AND proof IS NOT NULL THEN id END) AS held,
                  max(CASE WHEN status <> 'cancelled' THEN id END) AS asked,
                  max(CASE WHEN status IN ('verified', 'unchanged', 'damaged', 'failed') THEN id END) AS ended,
                  CAST(COALESCE(sum(CASE WHEN status NOT IN ('failed', 'cancelled', 'unchanged') THEN stored_bytes END), 0)
                    AS BIGINT) AS bytes
                FROM backups WHERE deleted_at IS NULL GROUP BY COALESCE(tenant_id, '')),
              same AS (SELECT COALESCE(same.tenant_id, '') AS owner, max(same.finished_at) AS at
                FROM backups AS same JOIN backups AS source ON source.id = same.same_as
                WHERE same.same_as IS NOT NULL AND same.deleted_at IS NULL AND source.status IN ('verified', 'verifying')
                  AND source.proof IS NOT NULL AND source.deleted_at IS NULL GROUP BY COALESCE(same.tenant_id, '')),
              known AS (SELECT own.*, CASE WHEN same.at > own.at OR own.at IS NULL THEN same.at ELSE own.at END AS safe_at
                FROM own LEFT JOIN same ON same.owner = own.owner),
              subjects AS (SELECT '' AS owner, CAST(NULL AS TEXT) AS tenant_id, CAST(NULL AS TEXT) AS slug,
                  CAST(NULL AS TEXT) AS name, CAST(NULL AS TEXT) AS status, 'central' AS search,
                  (SELECT max(due_at) FROM due WHERE scope IN ('all', 'central')) AS due_at
                UNION ALL
                SELECT id, id, slug, name, status, search,
                  (SELECT max(due_at) FROM due WHERE due_at >= tenants.created_at AND (scope = 'all'
                     OR (scope = 'tag' AND replace(tenants.tags, '\"' || tag || '\"', '') <> tenants.tags)))
                FROM tenants WHERE deleted_at IS NULL),
              covered AS (SELECT subjects.*, known.safe_at, known.held AS newest_backup, known.asked AS last_backup,
                  last.status AS last_status, last.error AS last_error, COALESCE(known.bytes, 0) AS stored_bytes,
                  CASE WHEN ended.status IN ('failed', 'damaged') THEN 'failed' WHEN known.safe_at IS NULL THEN 'never'
                       WHEN known.safe_at < subjects.due_at OR known.safe_at < due_alone.due_at THEN 'late'
                       ELSE 'protected' END AS cover
                FROM subjects LEFT JOIN known ON known.owner = subjects.owner LEFT JOIN backups AS last ON last.id = known.asked
                  LEFT JOIN backups AS ended ON ended.id = known.ended
                  LEFT JOIN due_alone ON due_alone.tenant_id = subjects.owner),
              ranked AS (SELECT covered.*, CASE cover WHEN 'failed' THEN '0' WHEN 'never' THEN '1' WHEN 'late' THEN '2'
                  ELSE '3' END || COALESCE(slug, '') AS sort_key FROM covered) "
    };
}

/// A page, the worst first.
pub async fn covers(
    tx: &mut Tx,
    filter: &CoverFilter,
    page: &Page,
    now: Timestamp,
    grace: Duration,
) -> Result<Vec<Covered>> {
    tx.query(concat!(
        covered!(),
        "SELECT sort_key, tenant_id, slug, name, status, cover, safe_at, newest_backup, last_backup, last_status, last_error,
             stored_bytes
         FROM ranked WHERE (CAST($2 AS TEXT) IS NULL OR tenant_id = $2) AND (CAST($3 AS TEXT) IS NULL OR cover = $3)
           AND (CAST($4 AS TEXT) IS NULL OR search LIKE $4 ESCAPE '\\') AND sort_key > $5 ORDER BY sort_key LIMIT $6"
    ))
    .bind(now.minus(grace))
    .bind(filter.tenant)
    .bind(filter.cover)
    .bind(search_pattern(filter.q.as_deref()))
    .bind(page.start().0)
    .bind(page.limit)
    .fetch_all()
    .await
}

/// How many tenants there are of a status and a cover.
#[derive(Clone, Copy, Debug, FromRow, PartialEq, Eq)]
pub struct CoverCount {
    /// The status.
    pub status: TenantStatus,
    /// The cover.
    pub cover: Cover,
    /// How many.
    pub tenants: i64,
    /// When the one that is worst off was last known to be safe.
    pub oldest: Option<Timestamp>,
    /// And the one that is best off.
    pub newest: Option<Timestamp>,
}

/// Counts the tenants, or looks at one of them.
pub async fn count_covers(
    tx: &mut Tx,
    tenant: Option<TenantId>,
    now: Timestamp,
    grace: Duration,
) -> Result<Vec<CoverCount>> {
    tx.query(concat!(
        covered!(),
        "SELECT status, cover, count(*) AS tenants, min(safe_at) AS oldest, max(safe_at) AS newest FROM ranked
         WHERE tenant_id IS NOT NULL AND (CAST($2 AS TEXT) IS NULL OR tenant_id = $2)
         GROUP BY status, cover ORDER BY status, cover"
    ))
    .bind(now.minus(grace))
    .bind(tenant)
    .fetch_all()
    .await
}

/// What ended on one day (UTC).
#[derive(Clone, Copy, Debug, FromRow, PartialEq, Eq)]
pub struct Day {
    /// Days since 1970-01-01.
    pub day: i64,
    /// How it ended.
    pub status: BackupStatus,
    /// How many.
    pub backups: i64,
    /// What they took on the shelf.
    pub stored_bytes: i64,
}

/// Day by day since `from`, those in the trash too, as long as they are remembered; all, or one tenant's.
pub async fn by_day(tx: &mut Tx, tenant: Option<TenantId>, from: Timestamp) -> Result<Vec<Day>> {
    tx.query(
        "SELECT finished_at / 86400000000 AS day, status, count(*) AS backups,
             CAST(COALESCE(sum(stored_bytes), 0) AS BIGINT) AS stored_bytes
         FROM backups WHERE finished_at >= $1 AND (CAST($2 AS TEXT) IS NULL OR tenant_id = $2)
         GROUP BY finished_at / 86400000000, status ORDER BY 1, 2 LIMIT $3",
    )
    .bind(from)
    .bind(tenant)
    .bind(MOST_DAYS)
    .fetch_all()
    .await
}

/// What lies on the shelf by the list: how many backups, and their bytes; all, or one tenant's.
pub async fn on_shelf(tx: &mut Tx, tenant: Option<TenantId>) -> Result<(i64, i64)> {
    tx.query(
        "SELECT count(*), CAST(COALESCE(sum(stored_bytes), 0) AS BIGINT) FROM backups
         WHERE stored_bytes IS NOT NULL AND status NOT IN ('failed', 'cancelled', 'unchanged')
           AND (CAST($1 AS TEXT) IS NULL OR tenant_id = $1)",
    )
    .bind(tenant)
    .fetch_one()
    .await
}
