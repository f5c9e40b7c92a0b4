//! Tenants' SQLite files: opened on demand, closed when too many are open, one instance each, made whole or not at all.

use std::{num::NonZeroUsize, sync::Arc};

use chiliview_store::{Database, Error, Ids, Settings, TenantId, migrations::Kind, sqlite, tenant_settings, users};
use tokio::sync::Semaphore;

use crate::common::{alone, make_probe, names, open, put, read, runtime, tenant_database, until, user, write};

const TENANTS: usize = 200;
const OPEN: usize = 8;
const AT_ONCE: usize = 16;
/// The file, its WAL and its shared memory.
const PER_CONNECTION: usize = 3;
/// One writer and two readers.
const CONNECTIONS: usize = 3;

fn few(directory: &tempfile::TempDir, open: usize) -> Settings {
    Settings { open_tenants: NonZeroUsize::new(open).unwrap(), ..Settings::sqlite(directory.path()) }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

async fn two_hundred_tenants() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&few(&directory, OPEN)).await;
    let mut ids: Vec<TenantId> = Vec::new();
    for _ in 0..TENANTS {
        let id = Ids.next();
        store.create_tenant_database(id).await.unwrap();
        ids.push(id);
    }
    let before = descriptors();
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let tasks: Vec<_> = (0..3 * TENANTS)
        .map(|number| {
            let (store, room, id) = (store.clone(), room.clone(), ids[number % TENANTS]);
            tokio::spawn(async move {
                let _room = room.acquire().await.unwrap();
                let db = store.tenant(id).await.unwrap();
                write(&db, async |tx| users::insert(tx, &user(&format!("u{number}"))).await).await;
                assert_eq!(read(&db, tenant_settings::owner).await, Some(id));
                descriptors()
            })
        })
        .collect();
    let mut most = 0;
    for task in tasks {
        most = most.max(task.await.unwrap());
    }
    // A closed connection's thread takes a moment to let go: as many again are granted for that.
    let bound = before + 2 * (OPEN + AT_ONCE) * CONNECTIONS * PER_CONNECTION;
    assert!(most <= bound, "{most} descriptors, {before} before, {bound} granted");
    let idle = before + OPEN * CONNECTIONS * PER_CONNECTION;
    until("the others are closed", async || store.tenant(ids[0]).await.is_ok() && descriptors() <= idle).await;
    for id in ids {
        assert_eq!(read(&store.tenant(id).await.unwrap(), users::count).await, 3);
    }
}

#[test]
fn two_hundred_tenants_are_served_with_eight_open() {
    alone("files::two_hundred_tenants_are_served_with_eight_open", || runtime().block_on(two_hundred_tenants()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_evicted_while_somebody_writes_stays_one() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&few(&directory, 1)).await;
    let (id, held) = tenant_database(&store).await;
    make_probe(&held).await;
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let (store, held) = (store.clone(), held.clone());
            tokio::spawn(async move {
                let db = if number % 2 == 0 { held } else { store.tenant(id).await.unwrap() };
                write(&db, async |tx| put(tx, &format!("{number:02}")).await).await;
                tenant_database(&store).await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let again = store.tenant(id).await.unwrap();
    assert_eq!(names(&again).await.len(), 40);
    tenant_database(&store).await;
    store.close_tenant_database(id).await;
    for handle in [held, again] {
        let late = handle.write(async |tx| put(tx, "late").await).await;
        assert!(matches!(late, Err(Error::Locked(_))), "whoever has a handle is shut out: {late:?}");
    }
    let anew = store.tenant(id).await.unwrap();
    write(&anew, async |tx| put(tx, "anew").await).await;
    assert_eq!(names(&anew).await.len(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_of_one_file_take_turns() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.db");
    let file = async || sqlite::File::open(&path, sqlite::Missing::Create, Kind::Tenant, 2).await.unwrap();
    let both = [Database::Sqlite(file().await), Database::Sqlite(file().await)];
    make_probe(&both[0]).await;
    let tasks: Vec<_> = (0..400)
        .map(|number| {
            let db = both[number % 2].clone();
            tokio::spawn(async move { write(&db, async |tx| put(tx, &format!("{number:03}")).await).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let wanted: Vec<String> = (0..400).map(|number| format!("{number:03}")).collect();
    assert_eq!([names(&both[0]).await, names(&both[1]).await], [wanted.clone(), wanted]);
    let (sound,): (String,) =
        read(&both[0], async |tx| tx.query("SELECT * FROM pragma_integrity_check").fetch_one().await).await;
    assert_eq!(sound, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_database_is_made_removed_and_made_again() {
    crate::engines::on_every_engine(async |store| {
        let (id, db) = tenant_database(&store).await;
        assert!(store.tenant_database_exists(id).await.unwrap());
        write(&db, async |tx| users::insert(tx, &user("a")).await).await;
        store.migrate_tenant_database(id).await.unwrap();
        drop(db);
        store.remove_tenant_database(id).await.unwrap();
        assert!(!store.tenant_database_exists(id).await.unwrap());
        store.remove_tenant_database(id).await.unwrap();
        store.create_tenant_database(id).await.unwrap();
        assert_eq!(read(&store.tenant(id).await.unwrap(), users::count).await, 0);
    })
    .await;
}

#[cfg(feature = "failpoints")]
async fn a_crash_before_the_rename() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&Settings::sqlite(directory.path())).await;
    let id: TenantId = Ids.next();
    fail::cfg("store.tenant_before_rename", "1*panic->off").unwrap();
    let crash = tokio::spawn({
        let store = store.clone();
        async move { store.create_tenant_database(id).await }
    });
    assert!(crash.await.unwrap_err().is_panic());
    assert!(!store.tenant_database_exists(id).await.unwrap(), "never half a database");
    assert!(matches!(store.tenant(id).await, Err(Error::DatabaseMissing(_))));
    let left: Vec<_> =
        std::fs::read_dir(store.data_dir().resellers()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [format!(".new-{id}").as_str()], "what is left has a name that says so");
    store.remove_tenant_database(id).await.unwrap();
    assert_eq!(std::fs::read_dir(store.data_dir().resellers()).unwrap().count(), 0, "whoever gives up leaves nothing");
    store.create_tenant_database(id).await.unwrap();
    assert_eq!(read(&store.tenant(id).await.unwrap(), tenant_settings::owner).await, Some(id));
    assert_eq!(std::fs::read_dir(store.data_dir().resellers()).unwrap().count(), 1);
}

#[cfg(feature = "failpoints")]
#[test]
fn a_crash_before_the_rename_leaves_no_tenants_database_and_the_next_try_succeeds() {
    alone("files::a_crash_before_the_rename_leaves_no_tenants_database_and_the_next_try_succeeds", || {
        runtime().block_on(a_crash_before_the_rename());
    });
}
