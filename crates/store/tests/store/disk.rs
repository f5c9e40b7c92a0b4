//! A full disk: an error for those who write, nothing lost, and work again as soon as there is room, without a restart.

#[path = "../support/small_disk.rs"]
#[expect(dead_code, reason = "the worker's tests use the rest")]
mod small_disk;

use chiliview_store::{Database, Error, Settings};
use small_disk::SmallDisk;

use crate::common::{make_probe, names, open, tenant_database, write};

fn is_full(error: &Error) -> bool {
    match error {
        Error::DiskFull => true,
        Error::Commit(cause) => matches!(**cause, Error::DiskFull),
        _ => false,
    }
}

async fn put_large(db: &Database, name: String, bytes: usize) -> Result<(), Error> {
    db.write(async |tx| {
        let insert = tx.query("INSERT INTO probe (name, note) VALUES ($1, $2)");
        insert.bind(name).bind("x".repeat(bytes)).execute().await?;
        Ok(())
    })
    .await
}

/// Twenty at once; who got an Ok, and that all others were told why.
async fn twenty(db: &Database, round: &str, bytes: usize) -> Vec<String> {
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let (db, name) = (db.clone(), format!("{round} {number:02}"));
            tokio::spawn(async move { (name.clone(), put_large(&db, name, bytes).await) })
        })
        .collect();
    let mut kept = Vec::new();
    for task in tasks {
        let (name, done) = task.await.unwrap();
        match done {
            Ok(()) => kept.push(name),
            Err(error) => assert!(is_full(&error), "{error:?}"),
        }
    }
    kept
}

async fn fills_and_recovers(disk: &SmallDisk, db: &Database, bytes: usize) {
    make_probe(db).await;
    let mut kept = twenty(db, "before", 100).await;
    assert_eq!(kept.len(), 20);
    let filler = disk.fill();
    let mut refused = 0;
    for round in 0..5 {
        let some = twenty(db, &format!("full {round}"), bytes).await;
        refused += 20 - some.len();
        kept.extend(some);
    }
    assert!(refused >= 60, "{refused} writes were refused");
    let before = names(db).await;
    filler.remove();
    let after = twenty(db, "after", bytes).await;
    assert_eq!(after.len(), 20, "the first writes after there is room again succeed");
    kept.extend(after);
    kept.sort();
    assert_eq!(names(db).await, kept, "exactly what was acknowledged: {before:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_until_there_is_room_again() {
    let Some(disk) = SmallDisk::mount() else { return };
    let store = open(&Settings::sqlite(disk.path().join("data"))).await;
    let (_, tenant) = tenant_database(&store).await;
    fills_and_recovers(&disk, store.central(), 20_000).await;
    fills_and_recovers(&disk, &tenant, 20_000).await;
    store.close().await;
}

/// So large that SQLite writes before the commit, and rolls the whole batch back by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_finds_the_disk_full_in_a_batch_tells_all_members_so() {
    let Some(disk) = SmallDisk::mount() else { return };
    let store = open(&Settings::sqlite(disk.path().join("data"))).await;
    make_probe(store.central()).await;
    let filler = disk.fill();
    let db = store.central();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let db = db.clone();
            tokio::spawn(
                async move { put_large(&db, number.to_string(), if number == 10 { 6_000_000 } else { 10 }).await },
            )
        })
        .collect();
    for task in tasks {
        if let Err(error) = task.await.unwrap() {
            assert!(is_full(&error), "{error:?}");
        }
    }
    filler.remove();
    write(db, async |tx| crate::common::put(tx, "after").await).await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_database_is_not_half_made_on_a_full_disk() {
    let Some(disk) = SmallDisk::mount() else { return };
    let store = open(&Settings::sqlite(disk.path().join("data"))).await;
    let filler = disk.fill();
    let id = chiliview_store::Ids.next();
    let error = store.create_tenant_database(id).await.unwrap_err();
    assert!(!store.tenant_database_exists(id).await.unwrap(), "{error}");
    filler.remove();
    store.create_tenant_database(id).await.unwrap();
    store.tenant(id).await.unwrap();
    store.close().await;
}
