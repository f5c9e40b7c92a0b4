//! An installation in PostgreSQL: what nobody needs there is named, and put aside.

use std::{sync::Arc, time::Duration};

use chiliview_doctor::{Context, Line, Mode, Report, Status, examine};
use chiliview_store::{
    Clock, Database, Ids, RestoreId, Settings, Store, TenantId, Timestamp,
    queue::{self, Lane, Lease},
    restores::{self, New, Target},
    staging::Staging,
};
use sqlx::{AssertSqlSafe, Executor as _, PgPool};

use crate::{
    engines::on_postgres,
    installation::{Fixed, assert_calm, assert_said, bad, insert_admin, only, tenant},
};

const HOUR: Duration = Duration::from_hours(1);

async fn opened(settings: &Settings) -> (Store, PgPool) {
    let store = Store::open(settings, Clock::system(), Ids).await.unwrap();
    let Database::Postgres(schema) = store.central().clone() else { unreachable!("it is on PostgreSQL") };
    (store, schema.pool().clone())
}

async fn examined(settings: &Settings, mode: Mode) -> Report {
    examined_at(settings, mode, Clock::system()).await
}

async fn examined_at(settings: &Settings, mode: Mode, clock: Clock) -> Report {
    let context = Context {
        settings: settings.clone(),
        shelf: settings.data_dir.join("backups").into(),
        clock,
        ids: Ids,
        credentials: Arc::new(Fixed),
    };
    examine(context, mode, &mut assert_said).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_installation_is_well_and_orphans_are_put_aside_when_nobody_works_there() {
    on_postgres(async |settings: Settings| {
        let settings = Settings { data_dir: settings.data_dir.join("data"), ..settings };
        let (store, pool) = opened(&settings).await;
        insert_admin(&store).await;
        let acme: TenantId = Ids.next();
        tenant(&store, acme, "acme").await;
        assert_calm(&examined(&settings, Mode::Look).await);

        let orphan: TenantId = Ids.next();
        store.create_tenant_database(orphan).await.unwrap();
        let report = examined(&settings, Mode::Look).await;
        let name = chiliview_store::postgres::tenant_schema(orphan);
        assert_eq!(
            (only(&report).name, &*only(&report).object, only(&report).status),
            ("orphan", &*name, Status::Problem)
        );
        let busy = examined(&settings, Mode::Repair).await;
        assert!(busy.locked, "somebody works with it");
        assert!(store.tenant_database_exists(orphan).await.unwrap());

        let restore: RestoreId = Ids.next();
        for leftover in [Staging::of_all(restore), Staging::of(restore, 1)] {
            let leftover = format!("CREATE SCHEMA {}", leftover.schema());
            pool.execute(AssertSqlSafe(leftover)).await.unwrap();
        }
        let under_way = New {
            id: Ids.next(),
            backup: Ids.next(),
            target: Target::Same,
            tenant: acme,
            slug: "acme".into(),
            name: None,
            plan: "{}".into(),
            without_safety: false,
            requested_by: "test".into(),
            trace_id: None,
            at: Timestamp::from_micros(0),
        };
        store.central().write(async |tx| restores::insert(tx, &under_way).await).await.unwrap();
        for needed in [Staging::of_all(under_way.id), Staging::of(under_way.id, 2)] {
            let needed = format!("CREATE SCHEMA {}", needed.schema());
            pool.execute(AssertSqlSafe(needed)).await.unwrap();
        }
        store.close().await;
        pool.close().await;
        drop((store, pool));

        let report = examined(&settings, Mode::Repair).await;
        assert_eq!(bad(&report).len(), 3, "{:#?}", bad(&report));
        assert!(bad(&report).iter().all(|line| line.status == Status::Repaired), "{:#?}", bad(&report));
        let (store, pool) = opened(&settings).await;
        assert!(!store.tenant_database_exists(orphan).await.unwrap());
        let aside: Vec<String> =
            sqlx::query_scalar("SELECT CAST(nspname AS TEXT) FROM pg_namespace WHERE nspname LIKE 'aside%'")
                .fetch_all(&pool)
                .await
                .unwrap();
        assert!(aside.len() == 3 && aside.contains(&format!("aside_{name}")), "{aside:?}");
        store.close().await;
        drop((store, pool));
        assert_calm(&examined(&settings, Mode::Look).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_schema_is_gone_is_named() {
    on_postgres(async |settings: Settings| {
        let settings = Settings { data_dir: settings.data_dir.join("data"), ..settings };
        let (store, pool) = opened(&settings).await;
        insert_admin(&store).await;
        let acme: TenantId = Ids.next();
        tenant(&store, acme, "acme").await;
        let name = chiliview_store::postgres::tenant_schema(acme);
        pool.execute(AssertSqlSafe(format!("DROP SCHEMA {name} CASCADE"))).await.unwrap();
        let report = examined(&settings, Mode::Look).await;
        assert!(
            only(&report).message.contains("missing") && only(&report).object.contains(&name),
            "{:#?}",
            only(&report)
        );
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_whose_clock_is_not_the_servers_is_named_and_takes_no_worker_for_dead() {
    on_postgres(async |settings: Settings| {
        let settings = Settings { data_dir: settings.data_dir.join("data"), ..settings };
        let (store, _) = opened(&settings).await;
        insert_admin(&store).await;
        let now = store.clock().now();
        queue::register(store.central(), Lane::Jobs, "here 1", Lease(HOUR), now).await.unwrap();
        for (clock, words) in [(now.plus(HOUR), "s ahead of"), (now.minus(HOUR), "s behind")] {
            let report = examined_at(&settings, Mode::Look, Clock::manual(clock)).await;
            assert_calm(&report);
            let told = |line: &&Line| line.name == "central_database" && line.status == Status::Warning;
            let line = report.checks.iter().find(told).unwrap();
            assert!(line.message.contains(words), "{}", line.message);
            let queue = report.checks.iter().find(|line| line.name == "jobs").unwrap();
            assert!(queue.message.contains("1 workers"), "{}", queue.message);
        }
    })
    .await;
}
