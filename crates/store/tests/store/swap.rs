//! One tenant's database in the place of another, under the eyes of other processes.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
};

use chiliview_store::{
    Database, Error, Ids, RestoreId, Settings, Store, TenantId,
    migrations::Kind,
    sqlite::{File, Missing},
    staging::{self, Staging},
    swap::{Live, Swap},
    write_lock,
};

use crate::common::{at, child, make_probe, names, open, put, runtime, tenant_database, write};

const SWAP_IN: &str = "CHILIVIEW_TEST_SWAP_IN";
const SWAP_OF: &str = "CHILIVIEW_TEST_SWAP_OF";

/// A tenant whose database has `old` in it, and one with `new` made ready to take its place.
async fn ready(store: &Store) -> (TenantId, Swap) {
    let (tenant, database) = tenant_database(store).await;
    make_probe(&database).await;
    write(&database, async |tx| put(tx, "old").await).await;
    let restore: RestoreId = Ids.next();
    let swap = Swap::new(store.data_dir(), restore, tenant, 1);
    make_ready(&swap, "new").await;
    write(&database, async |tx| write_lock::set(tx, restore, tenant, at(0)).await).await;
    (tenant, swap)
}

async fn make_ready(swap: &Swap, name: &str) {
    swap.begin().unwrap();
    let file = File::open(&swap.staged_database(), Missing::Create, Kind::Tenant, 1).await.unwrap();
    let staged = Database::Sqlite(file.clone());
    make_probe(&staged).await;
    write(&staged, async |tx| put(tx, name).await).await;
    file.close().await;
    drop((staged, file));
    swap.seal().unwrap();
}

/// What lies beside the tenants' directories.
fn beside(store: &Store) -> Vec<String> {
    let entries = std::fs::read_dir(store.data_dir().resellers()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with('.')).collect()
}

async fn live(store: &Store, tenant: TenantId) -> Vec<String> {
    names(&store.tenant(tenant).await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_swap_the_other_database_is_the_tenants_and_after_the_way_back_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&Settings::sqlite(directory.path())).await;
    let (tenant, swap) = ready(&store).await;
    let stale = store.tenant(tenant).await.unwrap();
    assert_eq!((swap.live(), swap.is_undone(), swap.has_kept()), (Live::Before, true, false));
    swap.bring_back().unwrap();
    assert_eq!(swap.live(), Live::Before, "it is back already");
    swap.bring_in().unwrap();
    swap.bring_in().unwrap();
    assert_eq!((swap.live(), swap.is_undone(), swap.has_kept()), (Live::Restored, false, true));
    assert_eq!(live(&store, tenant).await, ["new"]);
    write(&store.tenant(tenant).await.unwrap(), async |tx| put(tx, "newer").await).await;
    // Whoever still holds the old one is stopped by the lock that went away with it.
    let refused = stale.write(async |tx| put(tx, "lost").await).await;
    assert!(matches!(refused, Err(Error::Locked(_))), "{refused:?}");
    drop(stale);
    swap.mend().unwrap();
    assert_eq!(live(&store, tenant).await, ["new", "newer"]);

    swap.bring_back().unwrap();
    swap.bring_back().unwrap();
    assert_eq!((swap.live(), swap.is_undone()), (Live::Before, true));
    assert_eq!(live(&store, tenant).await, ["old"]);
    swap.bring_in().unwrap();
    assert_eq!(live(&store, tenant).await, ["new", "newer"]);
    swap.bring_back().unwrap();
    assert_eq!(live(&store, tenant).await, ["old"]);
    swap.discard_kept().unwrap();
    swap.discard_staged().unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_has_a_place_of_its_own_and_only_its_own_database_comes_in() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&Settings::sqlite(directory.path())).await;
    let (tenant, first) = ready(&store).await;
    let restore = staging::all(&store).await.unwrap()[0].restore;
    let [second, third] = [2, 3].map(|attempt| Swap::new(store.data_dir(), restore, tenant, attempt));
    make_ready(&second, "of the second").await;
    assert_eq!(beside(&store), [Staging::of(restore, 2).directory()], "the first one's is nobody's any more");
    // It wakes.
    make_ready(&first, "of the first").await;
    first.discard_own().unwrap();
    first.begin().unwrap();
    assert!(matches!(first.bring_in(), Err(Error::DatabaseUnusable { .. })), "it is not ready");
    // One that came forward and was cut off then, or was made ready by a version before.
    let forward = store.data_dir().staging(Staging::of_all(restore));
    make_ready(&third, "of the third").await;
    std::fs::rename(third.staged_database().parent().unwrap(), &forward).unwrap();
    third.begin().unwrap();
    assert!(forward.exists(), "it may be what the restored one replaces");
    make_ready(&third, "of the third again").await;
    third.bring_in().unwrap();
    assert_eq!(live(&store, tenant).await, ["of the third again"]);
    assert!(third.has_kept() && !forward.exists());
    make_ready(&first, "of the first").await;
    assert_eq!(staging::all(&store).await.unwrap(), [Staging::of(restore, 1)]);
    third.discard_staged().unwrap();
    third.bring_back().unwrap();
    third.discard_kept().unwrap();
    assert_eq!(live(&store, tenant).await, ["old"]);
    assert_eq!(beside(&store), [] as [String; 0]);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_something_beside_it_is_not_made_ready() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&Settings::sqlite(directory.path())).await;
    let (_, swap) = ready(&store).await;
    for companion in ["reseller.db-wal", "reseller.db-journal"] {
        let planted = swap.staged_database().with_file_name(companion);
        std::fs::write(&planted, "stale").unwrap();
        assert!(matches!(swap.seal(), Err(Error::DatabaseUnusable { .. })), "{companion}");
        swap.begin().unwrap();
        assert!(!planted.exists(), "{companion}");
        assert!(matches!(swap.bring_in(), Err(Error::DatabaseUnusable { .. })), "what is not ready does not come in");
    }
}

/// In a process of its own, somebody who works with the tenant's database: each line that comes in is written and answered.
#[test]
fn a_process_that_works_with_a_tenant() {
    let (Ok(directory), Ok(tenant)) = (std::env::var(SWAP_IN), std::env::var(SWAP_OF)) else { return };
    runtime().block_on(async {
        let store = open(&Settings::sqlite(directory)).await;
        let tenant: TenantId = tenant.parse().unwrap();
        let held = store.tenant(tenant).await.unwrap();
        for line in std::io::stdin().lines() {
            let line = line.unwrap();
            let (how, name) = line.split_once(' ').unwrap();
            let database = if how == "held" { held.clone() } else { store.tenant(tenant).await.unwrap() };
            let said = match database.write(async |tx| put(tx, name).await).await {
                Ok(()) => format!("said written {}", names(&database).await.join(",")),
                Err(error) => format!("said {error}"),
            };
            println!("{said}");
            std::io::stdout().flush().unwrap();
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_that_has_the_old_file_open_finds_the_new_one_and_harms_neither() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&Settings::sqlite(directory.path())).await;
    let (tenant, swap) = ready(&store).await;
    let database = store.tenant(tenant).await.unwrap();
    let mut other = child("swap::a_process_that_works_with_a_tenant")
        .env(SWAP_IN, directory.path())
        .env(SWAP_OF, tenant.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut to, mut from) = (other.stdin.take().unwrap(), BufReader::new(other.stdout.take().unwrap()));
    let mut ask = |line: &str| {
        writeln!(to, "{line}").unwrap();
        loop {
            let mut answer = String::new();
            assert!(from.read_line(&mut answer).unwrap() > 0, "the other process has ended");
            if let Some(said) = answer.trim_end().split_once("said ").map(|(_, said)| said.to_owned()) {
                return said;
            }
        }
    };
    assert_eq!(ask("anew locked"), "write to a database that is being restored");
    swap.bring_in().unwrap();
    assert_eq!(ask("held stale"), "write to a database that is being restored");
    assert_eq!(ask("anew over-there"), "written new,over-there");
    drop(database);
    let here = store.tenant(tenant).await.unwrap();
    write(&here, async |tx| put(tx, "over-here").await).await;
    assert_eq!(ask("anew again"), "written again,new,over-here,over-there");
    drop(to);
    std::io::copy(&mut from, &mut std::io::sink()).unwrap();
    assert!(other.wait().unwrap().success());
    // The other one has closed the old file, under whose name the new one lies: nothing of that is lost.
    assert_eq!(names(&here).await, ["again", "new", "over-here", "over-there"]);
    drop(here);
    store.close().await;
    let store = open(&Settings::sqlite(directory.path())).await;
    assert_eq!(live(&store, tenant).await, ["again", "new", "over-here", "over-there"]);
}
