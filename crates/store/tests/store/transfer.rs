//! Rows that go from one engine to the other and back are the same ones, and what is not ours is refused.

use std::{ops::ControlFlow, path::PathBuf};

use chiliview_store::{
    Database, Error, Settings, Store, TenantId,
    admins::{self, AdminRole},
    migrations::{self, Kind},
    postgres::Schema,
    tenant_settings as settings, tenants,
    transfer::{self, unheard},
    users, write_lock,
};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::{
    common::{admin, at, open, tenant, tenant_database, user, write},
    engines::on_postgres,
};

fn schema(database: &Database) -> Schema {
    let Database::Postgres(schema) = database.clone() else { unreachable!("it was opened on PostgreSQL") };
    schema
}

async fn on_schemas(story: impl AsyncFn(Store, TenantId, Schema, PathBuf)) {
    on_postgres(async |settings: Settings| {
        let store = open(&settings).await;
        let (id, database) = tenant_database(&store).await;
        for name in ["anna", "Ängström", "zoë\t\\N", "'; DROP TABLE users"] {
            write(&database, async |tx| users::insert(tx, &user(name)).await).await;
        }
        let target = settings.data_dir.join("unloaded.db");
        story(store, id, schema(&database), target).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_becomes_a_file_and_a_schema_again_with_equal_digests() {
    on_schemas(async |store, _, schema, target| {
        let read = transfer::unload(&schema, Kind::Tenant, &target, &mut unheard).await.unwrap();
        assert_eq!((read.schema_version, read.digests["users"].rows), (migrations::newest(Kind::Tenant), 4));
        assert_eq!(transfer::contents_of_file(&target).await.unwrap(), read);
        assert_eq!(transfer::contents_of_schema(&schema, Kind::Tenant, &mut unheard).await.unwrap(), read);
        let copy = Schema::new(schema.pool().clone(), "copy");
        let loaded = transfer::load(&target, Kind::Tenant, &copy, "a-mark", &mut unheard).await.unwrap();
        assert_eq!(loaded, read.digests);
        assert_eq!(copy.mark().await.unwrap(), Some(Some("a-mark".into())));
        assert_eq!(transfer::contents_of_schema(&copy, Kind::Tenant, &mut unheard).await.unwrap(), read);
        drop(store);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_central_database_goes_both_ways_with_its_keys_and_without_the_rows_of_migrations() {
    on_postgres(async |settings: Settings| {
        let store = open(&settings).await;
        let central = schema(store.central());
        write(store.central(), async |tx| admins::insert(tx, &admin("ada", AdminRole::Owner)).await).await;
        write(store.central(), async |tx| tenants::insert(tx, &tenant("acme", "Acme")).await).await;
        let blob = "INSERT INTO keys (name, secret, created_at) VALUES ('k', $1, 0)";
        let secret: Vec<u8> = (0..=255).collect();
        write(store.central(), async |tx| tx.query(blob).bind(secret.clone()).execute().await).await;
        write(store.central(), async |tx| tx.query("DELETE FROM schedules").execute().await).await;
        let target = settings.data_dir.join("central.db");
        let read = transfer::unload(&central, Kind::Central, &target, &mut unheard).await.unwrap();
        assert_eq!((read.digests["schedules"].rows, read.digests["keys"].rows), (0, 1));
        assert_eq!(transfer::contents_of_file(&target).await.unwrap(), read);
        let copy = Schema::new(central.pool().clone(), "copy");
        assert_eq!(transfer::load(&target, Kind::Central, &copy, "m", &mut unheard).await.unwrap(), read.digests);
        // As any other: it opens, with a queue of its own.
        let home = settings.data_dir.join("as sqlite");
        std::fs::create_dir(&home).unwrap();
        std::fs::rename(&target, home.join("chiliview.db")).unwrap();
        let as_file = open(&Settings::sqlite(&home)).await;
        let found = as_file.central().read(async |tx| tenants::find_by_slug(tx, "acme").await).await.unwrap();
        assert!(found.is_some());
        as_file.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_value_changes_the_digest_of_its_table_alone() {
    on_schemas(async |store, id, schema, _| {
        let before = transfer::contents_of_schema(&schema, Kind::Tenant, &mut unheard).await.unwrap();
        let database = store.tenant(id).await.unwrap();
        write(&database, async |tx| settings::set(tx, "colour", "blue", at(1)).await).await;
        let one = transfer::contents_of_schema(&schema, Kind::Tenant, &mut unheard).await.unwrap();
        write(&database, async |tx| settings::set(tx, "colour", "blve", at(1)).await).await;
        let other = transfer::contents_of_schema(&schema, Kind::Tenant, &mut unheard).await.unwrap();
        assert_ne!(one.digests["settings"], before.digests["settings"]);
        assert_ne!(one.digests["settings"], other.digests["settings"]);
        assert_eq!(
            (&one.digests["users"], &one.digests["audit_log"]),
            (&other.digests["users"], &before.digests["audit_log"])
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_one_moment_and_keeps_no_writer_waiting() {
    on_schemas(async |store, id, schema, target| {
        let database = store.tenant(id).await.unwrap();
        let (writer, mut written) = (database.clone(), false);
        let before = transfer::contents_of_schema(&schema, Kind::Tenant, &mut unheard).await.unwrap();
        // Between two tables, somebody writes to one that is still to be read.
        let mut step = |_| {
            if !std::mem::replace(&mut written, true) {
                let writer = writer.clone();
                std::thread::scope(|scope| {
                    let done = scope.spawn(|| {
                        let runtime = tokio::runtime::Runtime::new().unwrap();
                        runtime.block_on(write(&writer, async |tx| users::insert(tx, &user("late")).await));
                    });
                    done.join().unwrap();
                });
            }
            ControlFlow::Continue(())
        };
        let read = transfer::unload(&schema, Kind::Tenant, &target, &mut step).await.unwrap();
        assert_eq!(read, before);
        let after = transfer::contents_of_schema(&schema, Kind::Tenant, &mut unheard).await.unwrap();
        assert_eq!(after.digests["users"].rows, before.digests["users"].rows + 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_is_refused_by_name() {
    on_schemas(async |_, _, schema, target| {
        let strangers = [
            ("ALTER TABLE users ADD COLUMN colour TEXT", "users.colour"),
            (
                "ALTER TABLE users DROP COLUMN colour; ALTER TABLE users ALTER version TYPE INTEGER",
                "users.version (integer)",
            ),
            ("ALTER TABLE users ALTER version TYPE BIGINT; CREATE TABLE more (id BIGINT PRIMARY KEY)", "more.id"),
            ("DROP TABLE more; CREATE VIEW seen AS SELECT 1 AS one", "seen"),
            ("DROP VIEW seen; DROP TABLE write_lock", "write_lock.held_for is missing"),
        ];
        for (change, name) in strangers {
            let sql = format!("SET search_path TO \"{}\"; {change}; RESET search_path", schema.name());
            schema.pool().execute(AssertSqlSafe(sql)).await.unwrap();
            let refused = transfer::unload(&schema, Kind::Tenant, &target, &mut unheard).await.unwrap_err();
            assert!(refused.to_string().contains(name), "{refused}");
            let refused = transfer::contents_of_schema(&schema, Kind::Tenant, &mut unheard).await.unwrap_err();
            assert!(refused.to_string().contains(name), "{refused}");
            std::fs::remove_file(&target).unwrap();
        }
        let newer = format!("UPDATE \"{}\"._sqlx_migrations SET version = 9999 WHERE version = 1", schema.name());
        schema.pool().execute(AssertSqlSafe(newer)).await.unwrap();
        let refused = transfer::contents_of_schema(&schema, Kind::Tenant, &mut unheard).await.unwrap_err();
        assert!(refused.to_string().contains("has schema 9999"), "{refused}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_postgresql_cannot_keep_is_refused_and_nothing_is_loaded() {
    on_schemas(async |store, _, schema, target| {
        transfer::unload(&schema, Kind::Tenant, &target, &mut unheard).await.unwrap();
        let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", target.display())).await.unwrap();
        pool.execute("UPDATE users SET display_name = 'a' || char(0) || 'b'").await.unwrap();
        pool.close().await;
        let copy = Schema::new(schema.pool().clone(), "copy");
        let refused = transfer::load(&target, Kind::Tenant, &copy, "m", &mut unheard).await.unwrap_err();
        assert!(refused.to_string().contains("a text in users has a zero character"), "{refused}");
        assert_eq!(copy.mark().await.unwrap(), Some(None), "it does not count as loaded");
        drop(store);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_it_no_more_stops_it_and_the_pool_is_none_the_worse() {
    on_schemas(async |store, id, schema, target| {
        let mut stop = |_| ControlFlow::Break(());
        for _ in 0..8 {
            let stopped = transfer::unload(&schema, Kind::Tenant, &target, &mut stop).await;
            assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
            std::fs::remove_file(&target).unwrap();
        }
        let database = store.tenant(id).await.unwrap();
        write(&database, async |tx| write_lock::unlock(tx).await).await;
    })
    .await;
}
