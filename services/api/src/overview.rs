//! What people look at first: how the platform is, how well each database is covered, the worst first, and what was made day
//! by day. A tenant's manager sees the same of his own.

mod shapes;

use std::time::Duration;

use chiliview_store::{
    Database, Error as StoreError, TenantId, Timestamp,
    backups::{self as rows, CoverCount, CoverFilter, Covered},
    queue,
};
use poem_openapi::{OpenApi, param::Query};

pub use self::shapes::{
    CoverCounts, CoverInfo, CoveredTenant, DatabaseHealth, DayInfo, DiskHealth, OverviewInfo, ShelfInfo, WorkerHealth,
};
use self::shapes::{count, days, show};
use crate::{
    app::App,
    caller::Caller,
    health::{Condition, Health},
    json::Json,
    paging::{self, List},
    problem::{FieldError, Problem},
    words::{Cover, Order},
};

const DAY: Duration = Duration::from_secs(24 * 3600);
const DAYS: u32 = 30;
const MOST_DAYS: u32 = 366;

/// The resource.
pub struct Overview {
    app: App,
}

#[OpenApi]
impl Overview {
    /// How everything is
    ///
    /// The counts are of tenants that are not in the trash. A manager's are of his own tenant.
    #[oai(path = "/overview", method = "get", operation_id = "get_overview")]
    async fn overview(
        &self,
        caller: Caller,
        /// How many days back the series goes, today included; 30 when absent.
        days: Query<Option<u32>>,
    ) -> Result<Json<OverviewInfo>, Problem> {
        caller.require_manager_read()?;
        let back = days.0.unwrap_or(DAYS);
        if back == 0 || back > MOST_DAYS {
            let detail = format!("must be between 1 and {MOST_DAYS}");
            return Err(Problem::invalid_parameter(FieldError::new("/query/days", "out_of_range", detail)));
        }
        let own = caller.own_tenant().map(|tenant| tenant.id);
        let numbers = self.numbers(own, back).await?;
        Ok(Json(self.describe(numbers, own.is_some(), back).await))
    }

    /// How well each database is covered, the worst first
    ///
    /// Those whose last backup failed, those that never had one, those that are late, then the others. The central database
    /// is among them, without a tenant.
    #[oai(path = "/overview/databases", method = "get", operation_id = "list_covered_databases")]
    async fn databases(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        /// Only so covered.
        state: Query<Option<Cover>>,
        /// Words in slug, name, contact or tags.
        q: Query<Option<String>>,
    ) -> Result<Json<List<CoverInfo>>, Problem> {
        caller.require_manager_read()?;
        let page = paging::page(limit.0, after.0.as_deref(), Order::Ascending)?;
        let tenant = caller.own_tenant().map(|tenant| tenant.id);
        let filter = CoverFilter { tenant, cover: state.0.map(Into::into), q: paging::search(q.0)? };
        let (now, grace) = (self.app.now(), self.app.policy().late_after);
        let found = self.app.central().read(async |tx| rows::covers(tx, &filter, &page, now, grace).await).await?;
        let key = |row: &Covered| (row.sort_key.clone(), row.sort_key.clone());
        Ok(Json(paging::list(found, &page, key, show)))
    }
}

/// What the central database says, as of one instant.
struct Numbers {
    counts: Vec<CoverCount>,
    days: Vec<rows::Day>,
    today: i64,
    backups: i64,
    stored_bytes: i64,
}

impl Overview {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn numbers(&self, tenant: Option<TenantId>, back: u32) -> Result<Numbers, Problem> {
        let (now, grace) = (self.app.now(), self.app.policy().late_after);
        let today = now.micros().div_euclid(i64::try_from(DAY.as_micros()).unwrap_or(i64::MAX));
        let midnight = Timestamp::from_micros(0).plus(DAY * u32::try_from(today).unwrap_or(0));
        let from = midnight.minus(DAY * (back - 1));
        let numbers = self.app.central().read(async |tx| {
            let (backups, stored_bytes) = rows::on_shelf(tx, tenant).await?;
            Ok::<_, chiliview_store::Error>(Numbers {
                counts: rows::count_covers(tx, tenant, now, grace).await?,
                days: rows::by_day(tx, tenant, from).await?,
                today,
                backups,
                stored_bytes,
            })
        });
        Ok(numbers.await?)
    }

    /// How much room there is, and how many workers, is the platform's to know.
    async fn describe(&self, numbers: Numbers, confined: bool, back: u32) -> OverviewInfo {
        let health = Health::new(self.app.clone());
        let (disk, free) = health.disk().await;
        let free_bytes = free.filter(|_| !confined);
        let wal_bytes = match self.app.central() {
            Database::Sqlite(file) if !confined => Some(file.wal_bytes()),
            _ => None,
        };
        let engine = self.app.store().engine().as_str().to_owned();
        let database = DatabaseHealth { status: health.database().await, engine, wal_bytes };
        OverviewInfo {
            counts: count(&numbers.counts),
            newest_verified_at: numbers.counts.iter().filter_map(|row| row.newest).max().map(Timestamp::to_datetime),
            oldest_newest_verified_at: numbers
                .counts
                .iter()
                .filter_map(|row| row.oldest)
                .min()
                .map(Timestamp::to_datetime),
            shelf: ShelfInfo { stored_bytes: numbers.stored_bytes, backups: numbers.backups, free_bytes },
            series: days(&numbers.days, numbers.today, back),
            database,
            worker: self.worker(confined).await,
            disk: DiskHealth { status: disk, free_bytes },
        }
    }

    async fn worker(&self, confined: bool) -> WorkerHealth {
        let looked = self.app.central();
        let looked = looked.read(async |tx| Ok::<_, StoreError>((queue::workers(tx).await?, queue::now(tx).await?)));
        let Ok((workers, now)) = looked.await else {
            return WorkerHealth { status: Condition::Degraded, workers: None, last_seen_at: None };
        };
        let alive = workers.iter().filter(|worker| worker.is_alive(now)).count();
        let last_seen = workers.iter().map(|worker| worker.last_seen).max();
        WorkerHealth {
            status: if alive > 0 { Condition::Ok } else { Condition::Degraded },
            workers: (!confined).then(|| u64::try_from(alive).unwrap_or(u64::MAX)),
            last_seen_at: last_seen.filter(|_| !confined).map(Timestamp::to_datetime),
        }
    }
}
