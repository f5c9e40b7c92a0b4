//! Transactions: all or nothing, on every engine at hand, and many of them in one commit.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

use chiliview_store::{Clock, Error, Ids, Settings, Store, Tx};

async fn insert(tx: &mut Tx, name: &str) -> Result<(), Error> {
    tx.query("INSERT INTO probe (name) VALUES ($1)").bind(name.to_owned()).execute().await?;
    Ok(())
}

async fn count(tx: &mut Tx) -> Result<i64, Error> {
    let (count,) = tx.query("SELECT count(*) FROM probe").fetch_one::<(i64,)>().await?;
    Ok(count)
}

async fn store(directory: &tempfile::TempDir) -> Store {
    let store = Store::open(&Settings::sqlite(directory.path()), Clock::system(), Ids).await.unwrap();
    store
        .central()
        .write(async |tx| tx.query("CREATE TABLE IF NOT EXISTS probe (name TEXT PRIMARY KEY) STRICT").execute().await)
        .await
        .unwrap();
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_leaves_nothing_behind_and_harms_no_neighbour() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let mut tasks = Vec::new();
    for number in 0..200 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let name = format!("row {number}");
            store
                .central()
                .write(async |tx| {
                    insert(tx, &name).await?;
                    if number % 3 == 0 { Err(Error::VersionMismatch) } else { Ok(()) }
                })
                .await
                .is_ok()
        }));
    }
    let mut kept = 0;
    for task in tasks {
        kept += i64::from(task.await.unwrap());
    }
    assert_eq!(kept, 133);
    assert_eq!(store.central().read(count).await.unwrap(), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_rolled_back_and_the_next_write_works() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let other = store.clone();
    let panicked = tokio::spawn(async move {
        other
            .central()
            .write(async |tx| {
                insert(tx, "lost").await?;
                panic!("on purpose");
                #[expect(unreachable_code, reason = "gives the closure its type")]
                Ok::<(), Error>(())
            })
            .await
    });
    assert!(panicked.await.is_err());
    store.central().write(async |tx| insert(tx, "kept").await).await.unwrap();
    assert_eq!(store.central().read(count).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_does_not_take_the_others_with_him() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let mut kept = Vec::new();
    for number in 0..100 {
        let worker = store.clone();
        let task = tokio::spawn(async move {
            worker
                .central()
                .write(async |tx| {
                    insert(tx, &format!("row {number}")).await?;
                    tokio::task::yield_now().await;
                    Ok::<_, Error>(())
                })
                .await
                .is_ok()
        });
        if number % 4 == 0 {
            tokio::task::yield_now().await;
            task.abort();
        }
        kept.push(task);
    }
    let mut acknowledged = 0;
    for task in kept {
        acknowledged += i64::from(matches!(task.await, Ok(true)));
    }
    let found = store.central().read(count).await.unwrap();
    assert!(found >= acknowledged && acknowledged >= 75, "{found} rows, {acknowledged} acknowledged");
    store.central().write(async |tx| insert(tx, "after").await).await.unwrap();
}
