//! What only PostgreSQL can get wrong: connections that are shared, and a server that hangs up.

use std::time::Duration;

use chiliview_store::{Database, Error, Settings, Store, postgres::Schema, tenant_settings as settings, users};
use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection};

use crate::{
    common::{at, make_probe, names, open, put, read, tenant_database, until, user, write},
    engines::on_postgres,
};

async fn on_schema(story: impl AsyncFn(Settings, Store, Schema)) {
    on_postgres(async |settings| {
        let store = open(&settings).await;
        let Database::Postgres(schema) = store.central().clone() else { unreachable!("it was opened on PostgreSQL") };
        make_probe(store.central()).await;
        story(settings, store, schema).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_leaks_is_rolled_back_when_its_connection_returns() {
    on_schema(async |_, store, schema| {
        for number in 0..20 {
            let mut connection = schema.pool().acquire().await.unwrap();
            connection.execute("BEGIN").await.unwrap();
            connection.execute("INSERT INTO chiliview.probe VALUES ('leaked', 'x')").await.unwrap();
            drop(connection);
            write(store.central(), async |tx| put(tx, &format!("{number:02}")).await).await;
        }
        let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
        until("nobody idles in a transaction", async || {
            sqlx::query_scalar::<_, i64>(idle).fetch_one(schema.pool()).await.unwrap() == 0
        })
        .await;
        assert_eq!(names(store.central()).await, (0..20).map(|number| format!("{number:02}")).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_schema_is_left_behind_with_its_transaction() {
    on_schema(async |_, store, schema| {
        let ((a, of_a), (b, of_b)) = (tenant_database(&store).await, tenant_database(&store).await);
        let tasks = (0..200).map(|number| {
            let (db, mine) = if number % 2 == 0 { (of_a.clone(), a) } else { (of_b.clone(), b) };
            tokio::spawn(async move {
                match number % 5 {
                    0 => assert!(
                        db.write(async |tx| {
                            settings::set(tx, "last", &mine.to_string(), at(0)).await?;
                            Err::<(), _>(Error::VersionMismatch)
                        })
                        .await
                        .is_err()
                    ),
                    1 => write(&db, async |tx| users::insert(tx, &user(&format!("u{number}"))).await).await,
                    _ => assert_eq!(read(&db, settings::owner).await, Some(mine)),
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for (number, task) in tasks.iter().enumerate() {
            if number % 7 == 0 {
                task.abort();
            }
        }
        for (number, task) in tasks.into_iter().enumerate() {
            assert!(task.await.is_ok() || number % 7 == 0, "{number}");
        }
        for (id, db) in [(a, &of_a), (b, &of_b)] {
            assert_eq!(read(db, settings::owner).await, Some(id));
            let names = read(db, async |tx| users::keys(tx, None, 999).await).await;
            let parity = if id == a { 0 } else { 1 };
            assert!(names.iter().all(|(_, name, _)| name[1..].parse::<u32>().unwrap() % 2 == parity), "{names:?}");
        }
        for _ in 0..8 {
            let path: String = sqlx::query_scalar("SHOW search_path").fetch_one(schema.pool()).await.unwrap();
            assert!(!path.contains("tenant_"), "{path}");
        }
        let outside = store.central().read(users::count).await;
        assert!(outside.is_err(), "the central schema has no users");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_up_in_the_middle_is_an_error_and_then_works_again() {
    on_schema(async |_, store, schema| {
        let db = store.central();
        let cut = async |tx: &mut chiliview_store::Tx| {
            let (pid,): (i32,) = tx.query("SELECT pg_backend_pid()").fetch_one().await?;
            schema.pool().execute(sqlx::query("SELECT pg_terminate_backend($1)").bind(pid)).await?;
            Ok::<_, Error>(())
        };
        let lost = db.write(async |tx| {
            put(tx, "lost").await?;
            cut(tx).await?;
            put(tx, "lost too").await
        });
        assert!(lost.await.is_err());
        let lost = db.write(async |tx| {
            put(tx, "lost before its commit").await?;
            cut(tx).await
        });
        assert!(lost.await.is_err(), "no commit, no Ok");
        assert!(
            db.read(async |tx| {
                cut(tx).await?;
                tx.query("SELECT 1").execute().await
            })
            .await
            .is_err()
        );
        for number in 0..8 {
            write(db, async |tx| put(tx, &format!("{number}")).await).await;
        }
        assert_eq!(names(db).await.len(), 8);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_stores_open_one_fresh_database_at_once() {
    on_postgres(async |settings| {
        let stores = futures::future::join_all((0..4).map(|_| open(&settings))).await;
        make_probe(stores[0].central()).await;
        for (number, store) in stores.iter().enumerate() {
            write(store.central(), async |tx| put(tx, &number.to_string()).await).await;
        }
        assert_eq!(names(stores[3].central()).await, ["0", "1", "2", "3"]);
    })
    .await;
}

/// A lock that a frozen process, or a busy tenant, keeps for long.
async fn locked(settings: &Settings, schema: &str) -> PgConnection {
    let mut other = PgConnection::connect(settings.database_url.as_ref().unwrap().expose_secret()).await.unwrap();
    let lock = format!("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('{schema}', 0))");
    other.execute(AssertSqlSafe(lock)).await.unwrap();
    other
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_one_tenant_keeps_nobody_from_the_others() {
    on_schema(async |settings, store, _| {
        let ((_, slow), (_, other)) = (tenant_database(&store).await, tenant_database(&store).await);
        let Database::Postgres(schema) = &slow else { unreachable!("it was opened on PostgreSQL") };
        let holder = locked(&settings, schema.name()).await;
        let waiting: Vec<_> = (0..12)
            .map(|number| {
                let slow = slow.clone();
                let new = user(&format!("waits-{number}"));
                tokio::spawn(async move { slow.write(async |tx| users::insert(tx, &new).await).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        for number in 0..20 {
            write(&other, async |tx| users::insert(tx, &user(&format!("other-{number}"))).await).await;
            write(store.central(), async |tx| put(tx, &format!("{number:02}")).await).await;
            read(&slow, settings::owner).await;
        }
        assert!(waiting.iter().all(|write| !write.is_finished()), "they wait for their tenant alone");
        holder.close().await.unwrap();
        for write in waiting {
            write.await.unwrap().unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_gives_up_what_a_frozen_process_would_keep_for_ever() {
    on_schema(async |settings, store, schema| {
        schema.pool().execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off").await.unwrap();
        let again = open(&settings).await;
        for store in [&store, &again] {
            for name in ["lock_timeout", "idle_in_transaction_session_timeout"] {
                let found = store.central().write(async |tx| {
                    let ask = tx.query("SELECT current_setting($1)").bind(name.to_owned());
                    ask.fetch_one::<(String,)>().await
                });
                assert!(["10s", "20s"].contains(&&*found.await.unwrap().0), "{name}");
            }
        }
        let commit = again
            .central()
            .write(async |tx| tx.query("SELECT current_setting('synchronous_commit')").fetch_one::<(String,)>().await);
        assert_eq!(commit.await.unwrap().0, "on", "saved means saved, whatever the role was set to");
        schema.pool().execute("ALTER ROLE CURRENT_USER RESET synchronous_commit").await.unwrap();
        again.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_waits_for_a_long_reader_lets_the_others_go_first() {
    on_schema(async |settings, store, schema| {
        schema.pool().execute("DROP INDEX chiliview.backups_by_status").await.unwrap();
        schema.pool().execute("DELETE FROM chiliview._sqlx_migrations WHERE version = 15").await.unwrap();
        let mut reader = PgConnection::connect(settings.database_url.as_ref().unwrap().expose_secret()).await.unwrap();
        reader.execute("BEGIN; LOCK TABLE chiliview.backups IN ROW EXCLUSIVE MODE").await.unwrap();
        let behind = "SELECT count(*) FROM pg_locks WHERE relation = 'chiliview.backups'::regclass AND NOT granted";
        let others = async {
            until("the migration waits", async || {
                sqlx::query_scalar::<_, i64>(behind).fetch_one(schema.pool()).await.unwrap() > 0
            })
            .await;
            for _ in 0..3 {
                let touch = "UPDATE chiliview.backups SET version = version WHERE id = ''";
                let touched = store.central().write(async |tx| tx.query(touch).execute().await);
                assert_eq!(touched.await.unwrap(), 0, "behind the migration, which lets go");
            }
            reader.close().await.unwrap();
        };
        let (upgraded, ()) = futures::join!(open(&settings), others);
        upgraded.close().await;
    })
    .await;
}
