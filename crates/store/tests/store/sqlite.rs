//! What every connection to a SQLite file promises.

use chiliview_store::{Error, Settings, Store, Tx, sqlite};
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteJournalMode};

use crate::common::{make_probe, names, open, put, tenant_database, write};

const PROMISES: &str =
    "SELECT (SELECT journal_mode FROM pragma_journal_mode), (SELECT synchronous FROM pragma_synchronous),
    (SELECT foreign_keys FROM pragma_foreign_keys), (SELECT timeout FROM pragma_busy_timeout),
    (SELECT journal_size_limit FROM pragma_journal_size_limit), (SELECT trusted_schema FROM pragma_trusted_schema),
    (SELECT query_only FROM pragma_query_only)";

type Promises = (String, i64, i64, i64, i64, i64, i64);

async fn promises(tx: &mut Tx) -> Result<Promises, Error> {
    tx.query(PROMISES).fetch_one().await
}

fn promised(query_only: i64) -> Promises {
    ("wal".into(), 2, 1, 5000, 67_108_864, 0, query_only)
}

async fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&Settings::sqlite(directory.path())).await;
    (directory, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connection_keeps_every_promise() {
    let (_directory, store) = store().await;
    let (_, tenant) = tenant_database(&store).await;
    for db in [store.central(), &tenant] {
        assert_eq!(db.write(promises).await.unwrap(), promised(0));
        // All readers at once, so that each connection of the pool is asked.
        let readers = if std::ptr::eq(db, &tenant) { 2 } else { 4 };
        let together = tokio::sync::Barrier::new(readers);
        let asked = (0..readers).map(|_| {
            db.read(async |tx| {
                together.wait().await;
                promises(tx).await
            })
        });
        for found in futures::future::join_all(asked).await {
            assert_eq!(found.unwrap(), promised(1));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_as_promised_after_an_error_reopened_it() {
    let (_directory, store) = store().await;
    make_probe(store.central()).await;
    let broken = store.central().write(async |tx| {
        put(tx, "lost").await?;
        // As SQLite itself does when the disk is full.
        tx.query("ROLLBACK").execute().await?;
        Ok::<_, Error>(())
    });
    assert!(matches!(broken.await, Err(Error::Commit(_))), "what is rolled back is not acknowledged");
    assert_eq!(store.central().write(promises).await.unwrap(), promised(0));
    write(store.central(), async |tx| put(tx, "kept").await).await;
    assert_eq!(names(store.central()).await, ["kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_will_not_be_a_wal_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(directory.path());
    std::fs::create_dir_all(directory.path().join("resellers")).unwrap();
    let path = directory.path().join("chiliview.db");
    let mut holder =
        sqlite::options(&path).create_if_missing(true).journal_mode(SqliteJournalMode::Delete).connect().await.unwrap();
    sqlx::raw_sql("CREATE TABLE held (x)").execute(&mut holder).await.unwrap();
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut holder).await.unwrap();
    let refused = Store::open(&settings, chiliview_store::Clock::system(), chiliview_store::Ids).await;
    assert!(refused.is_err(), "its journal mode cannot be changed while somebody holds it");
    holder.close().await.unwrap();
    open(&settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_not_made() {
    let (directory, store) = store().await;
    let id = chiliview_store::Ids.next();
    assert!(matches!(store.tenant(id).await, Err(Error::DatabaseMissing(_))));
    assert!(!directory.path().join("resellers").join(id.to_string()).exists());
    store.create_tenant_database(id).await.unwrap();
    assert!(store.tenant(id).await.is_ok(), "the failure is not remembered");
}
