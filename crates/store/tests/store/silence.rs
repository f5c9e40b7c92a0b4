//! Connections to PostgreSQL that fall silent: nothing answers, and nothing is closed.

use std::{sync::Arc, time::Duration};

use chiliview_store::{
    BackupId, Clock, Database, Error, Ids, RestoreId, Settings, Store,
    exchange::Exchange,
    postgres, presence,
    queue::{self, Changes, JobId, Lane, Lease, NewJob, Work},
    staging::Staging,
    tenant_settings as settings,
};
use sqlx::{AssertSqlSafe, Executor as _};
use tokio::time::timeout;

use crate::{
    common::{at, make_probe, names, open, put, tenant_database, until, write},
    engines::on_postgres,
    proxy::Proxy,
};

/// Nothing here is measured: what never ends is to fail.
const FOR_EVER: Duration = Duration::from_secs(40);
const LEASE: Lease = Lease(Duration::from_secs(8));

async fn on_the_way(story: impl AsyncFn(Settings, Proxy, Store)) {
    on_postgres(async |direct| {
        let proxy = Proxy::before(&direct).await;
        let store = open(&proxy.on_the_way_to(&direct)).await;
        make_probe(store.central()).await;
        story(direct, proxy, store).await;
    })
    .await;
}

async fn ends<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(FOR_EVER, work).await.unwrap_or_else(|_| panic!("{what} waits for ever"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_nobody_answers_is_given_up_and_the_next_one_is_done() {
    on_the_way(async |_, proxy, store| {
        let db = store.central();
        proxy.fall_silent_before("BEGIN ISOLATION LEVEL READ COMMITTED");
        let lost = ends("a writer", db.write(async |tx| put(tx, "lost").await)).await;
        assert!(matches!(lost, Err(Error::Unreachable(_))) && proxy.has_sprung(), "{lost:?}");
        proxy.fall_silent_before("BEGIN ISOLATION LEVEL REPEATABLE READ");
        let lost = ends("a reader", db.read(async |tx| tx.query("SELECT 1").execute().await)).await;
        assert!(matches!(lost, Err(Error::Unreachable(_))) && proxy.has_sprung(), "{lost:?}");
        write(db, async |tx| put(tx, "kept").await).await;
        assert_eq!(names(db).await, ["kept"]);
    })
    .await;
}

/// sqlx asks once more on a connection that comes back, and waits for the answer for as long as it takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_falls_silent_on_its_way_back_leaves_room_for_another() {
    /// A `Sync`, which is how it asks (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).
    const SYNC: &str = "S\0\0\0\x04";
    on_the_way(async |_, proxy, store| {
        let db = store.central();
        let Database::Postgres(schema) = db else { unreachable!("it was opened on PostgreSQL") };
        for lost in 0..schema.pool().options().get_max_connections() {
            proxy.fall_silent_before_no_more_than(SYNC);
            ends("a writer", db.write(async |tx| put(tx, &format!("kept {lost}")).await)).await.unwrap();
            until("it falls silent", async || proxy.has_sprung()).await;
        }
        ends("who comes next", db.write(async |tx| put(tx, "last").await)).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_nobody_answers_asks_again() {
    on_the_way(async |_, proxy, store| {
        let db = store.central();
        let name: Arc<str> = format!("test {}", Ids.next::<JobId>()).into();
        queue::register(db, Lane::Jobs, &name, LEASE, store.clock().now()).await.unwrap();
        let job = NewJob::new(Ids.next(), Work::BackUp { backup: Ids.next::<BackupId>() });
        write(db, async |tx| queue::enqueue(tx, &job).await).await;
        proxy.fall_silent_before("BEGIN\0");
        let lost = ends("who takes a job", queue::claim(db, Lane::Jobs, &name)).await;
        assert!(matches!(lost, Err(Error::Unreachable(_))) && proxy.has_sprung(), "{lost:?}");
        assert_eq!(queue::claim(db, Lane::Jobs, &name).await.unwrap().unwrap().job, job.id);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_hears_again_after_the_line_fell_silent() {
    on_the_way(async |direct, proxy, store| {
        let there = open(&direct).await;
        let mut changes = Changes::watch_everything(store.central(), Duration::from_millis(25)).await.unwrap();
        // It may tell of the beginning, too.
        let heard = async |name: &str, changes: &mut Changes| {
            write(there.central(), async |tx| put(tx, name).await).await;
            changes.next().await
        };
        ends("who listens", heard("before", &mut changes)).await.unwrap();
        proxy.fall_silent();
        loop {
            // After an error, watch anew.
            if ends("who listens in vain", changes.next()).await.is_err() {
                break;
            }
        }
        let mut changes = Changes::watch_everything(store.central(), Duration::from_millis(25)).await.unwrap();
        ends("who listens again", heard("after", &mut changes)).await.unwrap();
    })
    .await;
}

/// Whoever says nothing in a transaction for 20 seconds loses what it holds.
#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_of_schemas_that_falls_silent_gives_the_tenant_back() {
    on_the_way(async |direct, proxy, store| {
        let there = open(&direct).await;
        let (id, database) = tenant_database(&there).await;
        let (Database::Postgres(schema), restore) = (&database, Ids.next::<RestoreId>()) else { unreachable!() };
        let staged = format!("CREATE SCHEMA {}", Staging::of(restore, 1).schema());
        schema.pool().execute(AssertSqlSafe(staged)).await.unwrap();
        let exchange = Exchange::new(&store, restore, id, 1);
        proxy.fall_silent_before("ALTER SCHEMA");
        let swap = tokio::spawn(async move { exchange.bring_in(async |_| Ok(true)).await });
        until("it falls silent", async || proxy.has_sprung()).await;
        let write = async || database.write(async |tx| settings::set(tx, "last", "x", at(0)).await).await;
        assert!(matches!(write().await, Err(Error::Busy(_))), "it is about to have another schema");
        let mut tries = 0;
        while let Err(error) = write().await {
            tries += 1;
            assert!(matches!(error, Error::Busy(_)) && tries < 10, "{error}");
        }
        let swapped = swap.await.unwrap();
        assert!(matches!(swapped, Err(Error::Unreachable(_))), "{swapped:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_cut_off_in_silence_says_again_that_it_is_there() {
    on_the_way(async |direct, proxy, store| {
        let options = postgres::options(direct.database_url.as_ref().unwrap()).unwrap();
        assert!(presence::alone(options.clone()).await.unwrap().is_none());
        proxy.cut();
        let alone = async || presence::alone(options.clone()).await.unwrap();
        until("the server forgets it", async || alone().await.is_some()).await;
        until("it is there again", async || alone().await.is_none()).await;
        let again = Store::open(&direct, Clock::system(), Ids).await.unwrap();
        assert!(matches!(again.central(), Database::Postgres(_)));
        drop(store);
    })
    .await;
}
