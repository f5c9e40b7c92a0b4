//! What only PostgreSQL can get wrong: connections that are shared, and a server that hangs up.

use chiliview_store::{Database, Error, Settings, Store, postgres::Schema, tenant_settings as settings, users};
use sqlx::Executor;

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
