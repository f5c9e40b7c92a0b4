//! A new version's schema reaches every tenant: a database that cannot be migrated is reported and left behind, the others
//! are served, and what was cut off goes on.

use std::{borrow::Cow, collections::BTreeMap};

use chiliview_store::{
    Clock, Database, FleetMigrationId, Ids, TenantId,
    audit::{self, Filter as AuditFilter},
    fleet_migrations::{self, FleetMigration, FleetMigrationStatus},
    migrations::{self, Kind, make_empty, newest},
    notices,
    paging::{Direction, Page},
    postgres::{self, tenant_schema},
    queue::{self, NewJob, Work},
    tenant_schemas, tenants,
};
use sqlx::{
    ConnectOptions as _, Executor as _, PgConnection, SqliteConnection, migrate::Migrator, sqlite::SqliteConnectOptions,
};

use crate::{
    shop::{Shop, on_every_engine, tenant},
    workshop::{calm, until},
};

const PAGE: Page = Page { after: None, limit: 100, direction: Direction::Ascending };

/// As an installation is that the version before has left: no migration of the fleet is known.
async fn forgetful(shop: &Shop) {
    shop.write(async |tx| tx.query("DELETE FROM fleet_migrations").execute().await).await;
}

/// A tenant whose database has the first schema.
async fn old_tenant(shop: &Shop) -> TenantId {
    let tenant = tenant(Ids.next());
    match shop.central() {
        Database::Sqlite(_) => {
            let path = shop.context.store.data_dir().tenant_database(tenant.id);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            make_empty(&path, Kind::Tenant, 1).await.unwrap();
        }
        Database::Postgres(_) => {
            shop.execute(&format!("CREATE SCHEMA {}", tenant_schema(tenant.id))).await;
            let first =
                migrations::postgres(Kind::Tenant).iter().filter(|migration| migration.version == 1).cloned().collect();
            let first = Migrator { migrations: Cow::Owned(first), ..Migrator::DEFAULT };
            first.run_direct(None, &mut open_schema(shop, tenant.id).await, false).await.unwrap();
        }
    }
    shop.write(async |tx| tenants::insert(tx, &tenant).await).await;
    tenant.id
}

async fn open_file(shop: &Shop, tenant: TenantId) -> SqliteConnection {
    let path = shop.context.store.data_dir().tenant_database(tenant);
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

async fn open_schema(shop: &Shop, tenant: TenantId) -> PgConnection {
    let options = postgres::options(shop.settings.database_url.as_ref().unwrap()).unwrap();
    options.options([("search_path", tenant_schema(tenant))]).connect().await.unwrap()
}

/// In a tenant's database, without ChiliView having a part in it.
async fn execute(shop: &Shop, tenant: TenantId, sql: &'static str) {
    if shop.is_on_postgres() {
        open_schema(shop, tenant).await.execute(sql).await.unwrap();
    } else {
        open_file(shop, tenant).await.execute(sql).await.unwrap();
    }
}

/// What the database itself says that its schema is.
async fn version(shop: &Shop, tenant: TenantId) -> i64 {
    const NEWEST: &str = "SELECT max(version) FROM _sqlx_migrations WHERE success";
    if shop.is_on_postgres() {
        return sqlx::query_scalar(NEWEST).fetch_one(&mut open_schema(shop, tenant).await).await.unwrap();
    }
    sqlx::query_scalar(NEWEST).fetch_one(&mut open_file(shop, tenant).await).await.unwrap()
}

async fn last(shop: &Shop) -> Option<FleetMigration> {
    shop.central().read(fleet_migrations::last).await.unwrap()
}

async fn ended(shop: &Shop, status: FleetMigrationStatus) -> FleetMigration {
    let over = async || last(shop).await.is_some_and(|row| row.finished_at.is_some());
    until("the fleet's migration has ended", over).await;
    let row = last(shop).await.unwrap();
    assert_eq!(row.status, status, "{row:?}");
    row
}

async fn told(shop: &Shop) -> BTreeMap<Option<TenantId>, serde_json::Value> {
    let filter = notices::Filter { kind: Some("fleet_migration_failed".into()), ..notices::Filter::default() };
    let rows = shop.central().read(async |tx| notices::list(tx, &filter, &PAGE).await).await.unwrap();
    rows.into_iter().map(|row| (row.tenant_id, row.detail.0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_ten_that_cannot_be_migrated_is_reported_and_the_others_are_served() {
    on_every_engine(async |shop: Shop| {
        let mut fleet = Vec::new();
        for _ in 0..10 {
            fleet.push(old_tenant(&shop).await);
        }
        let third = fleet[2];
        execute(&shop, third, "CREATE TABLE write_lock (in_the_way INTEGER)").await;
        forgetful(&shop).await;

        let worker = shop.start(calm());
        let row = ended(&shop, FleetMigrationStatus::Partial).await;
        assert_eq!((row.to_version, row.total, row.done, row.failed), (newest(Kind::Tenant), 10, 9, 1));
        assert!(row.error.unwrap().contains("1 of 10"), "the row says how many");
        for tenant in &fleet {
            let expected = if *tenant == third { 1 } else { newest(Kind::Tenant) };
            assert_eq!(version(&shop, *tenant).await, expected);
        }
        for tenant in fleet.iter().filter(|tenant| **tenant != third) {
            shop.add_to(*tenant, "anna").await.unwrap();
        }
        assert!(shop.add_to(third, "anna").await.is_err(), "nobody writes into a schema that is none");

        let failures = shop.central().read(async |tx| tenant_schemas::failures(tx, &PAGE).await).await.unwrap();
        assert_eq!(failures.iter().map(|row| row.tenant_id).collect::<Vec<_>>(), [third]);
        assert!(failures[0].error.as_ref().unwrap().contains("write_lock"), "{failures:?}");
        let told = told(&shop).await;
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), [Some(third)]);
        assert!(told[&Some(third)]["cause"].as_str().unwrap().contains("write_lock"), "{told:?}");
        let filter = AuditFilter { action: Some("fleet_migration.tenant_failed".into()), ..AuditFilter::default() };
        let lines = shop.central().read(async |tx| audit::list(tx, &filter, 100).await).await.unwrap();
        assert_eq!(lines.len(), 1);

        // Nobody tries for ever; after it was mended, whoever asks has it tried again, and only it.
        execute(&shop, third, "DROP TABLE write_lock").await;
        let (again, now): (FleetMigrationId, _) = (Ids.next(), shop.context.store.clock().now());
        let job = NewJob::new(Ids.next(), Work::MigrateFleet { migration: again });
        shop.write(async |tx| {
            fleet_migrations::insert(tx, again, newest(Kind::Tenant), now).await?;
            queue::enqueue(tx, &job).await
        })
        .await;
        let row = ended(&shop, FleetMigrationStatus::Done).await;
        assert_eq!((row.id, row.done, row.failed, row.reached), (again, 10, 0, Some(third)));
        shop.add_to(third, "anna").await.unwrap();
        shop.idle().await;
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_is_migrated_once_for_each_schema_by_however_many_workers() {
    on_every_engine(async |shop: Shop| {
        old_tenant(&shop).await;
        forgetful(&shop).await;
        let workers = [shop.start(calm()), shop.start(calm())];
        ended(&shop, FleetMigrationStatus::Done).await;
        shop.idle().await;
        for worker in workers {
            worker.stop().await;
        }
        let all = shop.central().read(async |tx| fleet_migrations::list(tx, &PAGE).await).await.unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
    })
    .await;
}

#[cfg(feature = "failpoints")]
mod crashes {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{shop::told, workshop::options};

    const DIE_AT: &str = "CHILIVIEW_TEST_FLEET_DIES_AT";
    const PASSES: &str = "CHILIVIEW_TEST_FLEET_PASSES";

    /// In a process of its own, a worker that dies when it comes to a point for the so-manyeth time. Else nothing.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_process_that_dies() {
        let (Some(settings), Ok(point)) = (told(), std::env::var(DIE_AT)) else { return };
        let passes: usize = std::env::var(PASSES).unwrap().parse().unwrap();
        let passed = AtomicUsize::new(0);
        let die = move || {
            if passed.fetch_add(1, Ordering::SeqCst) == passes {
                std::process::abort();
            }
        };
        fail::cfg_callback(point, die).unwrap();
        let shop = Shop::beside(&settings, Clock::system()).await;
        let _worker = shop.start(options());
        std::future::pending::<()>().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_migration_that_is_killed_in_the_middle_is_finished_by_another_worker() {
        for (point, passes) in [("worker.fleet_tenant", "12"), ("worker.fleet_page", "0"), ("worker.fleet_page", "1")] {
            on_every_engine(async |shop: Shop| {
                let mut fleet = Vec::new();
                for _ in 0..24 {
                    fleet.push(old_tenant(&shop).await);
                }
                execute(&shop, fleet[2], "CREATE TABLE write_lock (in_the_way INTEGER)").await;
                forgetful(&shop).await;
                let mut other = shop
                    .child("fleet::crashes::a_process_that_dies")
                    .env(DIE_AT, point)
                    .env(PASSES, passes)
                    .spawn()
                    .unwrap();
                assert!(!other.wait().unwrap().success(), "{point}");
                let cut_off = last(&shop).await.unwrap();
                assert!(cut_off.finished_at.is_none(), "{point}: {cut_off:?}");

                let worker = shop.start(options());
                let row = ended(&shop, FleetMigrationStatus::Partial).await;
                assert_eq!((row.id, row.total, row.done, row.failed), (cut_off.id, 24, 23, 1), "{point}");
                shop.idle().await;
                worker.stop().await;
                for tenant in fleet.iter().filter(|tenant| **tenant != fleet[2]) {
                    assert_eq!(version(&shop, *tenant).await, newest(Kind::Tenant), "{point}");
                }
                assert_eq!(super::told(&shop).await.len(), 1, "{point}: told once, whatever was cut off");
            })
            .await;
        }
    }
}
