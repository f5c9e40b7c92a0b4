//! Lists of schedules: what narrows them, and by what they are sorted.

use super::{Schedule, columns};
use crate::{
    clock::Timestamp,
    error::Result,
    ids::{TenantId, words},
    paging::{Direction, Page, search_pattern},
    seam::Tx,
};

words! {
    /// By what a list of schedules is sorted.
    ScheduleSort {
        /// By when they were made.
        Created = "created",
        /// By name.
        Name = "name",
        /// By when they are due next; those of which nobody knows, paused ones too, as if it was never.
        Next = "next",
    }
}

/// What to list; an absent part does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this tenant's own.
    pub tenant: Option<TenantId>,
    /// What was typed into the search: name, tag, the tenant's slug.
    pub q: Option<String>,
}

/// `name_key` is the name in lower case, behind the tenant's id (36 characters and a space) if it is a tenant's.
macro_rules! page {
    ($column:literal, $key:literal, $beyond:literal, $order:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM schedules
             WHERE (CAST($1 AS TEXT) IS NULL OR tenant_id = $1)
               AND (CAST($2 AS TEXT) IS NULL
                    OR (CASE WHEN tenant_id IS NULL THEN name_key ELSE substr(name_key, 38) END) LIKE $2 ESCAPE '\\'
                    OR lower(COALESCE(tag, '')) LIKE $2 ESCAPE '\\'
                    OR EXISTS (SELECT 1 FROM tenants WHERE tenants.id = tenant_id AND slug LIKE $2 ESCAPE '\\'))
               AND (",
            $column,
            ", id) ",
            $beyond,
            " (",
            $key,
            ", $4) ORDER BY ",
            $column,
            $order,
            ", id",
            $order,
            " LIMIT $5"
        )
    };
}

macro_rules! next {
    ($beyond:literal, $order:literal) => {
        page!(
            "(CASE WHEN paused_at IS NULL AND next_at IS NOT NULL THEN next_at ELSE 9223372036854775807 END)",
            "CAST($3 AS BIGINT)",
            $beyond,
            $order
        )
    };
}

/// A page. The key of a cursor is [`ScheduleSort::key`].
pub async fn list(tx: &mut Tx, filter: &Filter, sort: ScheduleSort, page: &Page) -> Result<Vec<Schedule>> {
    let sql = match (sort, page.direction) {
        (ScheduleSort::Created, Direction::Ascending) => page!("id", "$3", ">", " ASC"),
        (ScheduleSort::Created, Direction::Descending) => page!("id", "$3", "<", " DESC"),
        (ScheduleSort::Name, Direction::Ascending) => page!("name", "$3", ">", " ASC"),
        (ScheduleSort::Name, Direction::Descending) => page!("name", "$3", "<", " DESC"),
        (ScheduleSort::Next, Direction::Ascending) => next!(">", " ASC"),
        (ScheduleSort::Next, Direction::Descending) => next!("<", " DESC"),
    };
    let (key, id) = if sort == ScheduleSort::Next { page.start_at_number() } else { page.start() };
    tx.query(sql)
        .bind(filter.tenant)
        .bind(search_pattern(filter.q.as_deref()))
        .bind(key)
        .bind(id)
        .bind(page.limit)
        .fetch_all()
        .await
}

impl ScheduleSort {
    /// A row's value in the sorted column.
    #[must_use]
    pub fn key(self, row: &Schedule) -> String {
        match self {
            Self::Created => row.id.to_string(),
            Self::Name => row.name.clone(),
            Self::Next => {
                let next = row.next_at.filter(|_| row.paused_at.is_none());
                next.map_or(i64::MAX, Timestamp::micros).to_string()
            }
        }
    }
}
