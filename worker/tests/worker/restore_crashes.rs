//! A restore, or its undo, that is killed or fails at any step: the database from before or the restored one, no third, and
//! the tenant can write again.
#![cfg(feature = "failpoints")]

use chiliview_store::{
    BackupId, Clock, RestoreId, TenantId,
    restores::{Restore, RestoreStatus},
};

use crate::{
    shop::{Shop, on_every_engine, on_files, told},
    workshop::{alone, options, until},
};

const DIE_AT: &str = "CHILIVIEW_TEST_DIE_AT";
const ALSO: &str = "CHILIVIEW_TEST_ALSO";

/// Where an attempt can fail, before the swap and after it.
const BEFORE: [&str; 7] = [
    "worker.restore_proven",
    "worker.restore_unpacked",
    "worker.restore_staged",
    "worker.restore_locked",
    "worker.before_prove",
    "worker.restore_saved",
    "worker.restore_before_swap",
];
const AFTER: [&str; 2] = ["worker.restore_swapped", "worker.restore_checked"];
/// Where a process can die only, the first two on SQLite only: schemas change places in one transaction.
const BETWEEN: [&str; 3] = ["store.swap_forward", "store.swap_between", "worker.restore_committed"];
const UNDO: [&str; 4] = ["worker.undo_saved", "worker.undo_swapped", "worker.undo_checked", "worker.undo_committed"];

fn alone_async(test: &str, body: impl AsyncFnOnce()) {
    alone(test, || tokio::runtime::Runtime::new().unwrap().block_on(body()));
}

/// In a process of its own, a worker that dies where it is told to. Told by the environment; else nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies() {
    let (Some(settings), Ok(point)) = (told(), std::env::var(DIE_AT)) else { return };
    // As good as kill -9: nothing is unwound, flushed or closed.
    fail::cfg_callback(point, || std::process::abort()).unwrap();
    if let Ok(also) = std::env::var(ALSO) {
        fail::cfg(also, "return").unwrap();
    }
    let shop = Shop::open(&settings, Clock::system()).await;
    let _worker = shop.start(options());
    std::future::pending::<()>().await;
}

fn die_at(shop: &Shop, point: &str) {
    die_at_with(shop, point, None);
}

/// …where another point fails as it is told to.
fn die_at_with(shop: &Shop, point: &str, also: Option<&str>) {
    let mut other = shop.child("restore_crashes::a_process_that_dies");
    let mut other = other.env(DIE_AT, point).envs(also.map(|also| (ALSO, also))).spawn().unwrap();
    assert!(!other.wait().unwrap().success(), "{point}");
}

/// A tenant that had `old` added to it after the backup.
async fn changed(shop: &Shop) -> (TenantId, BackupId) {
    let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
    shop.add_to(tenant, "old").await.unwrap();
    (tenant, backup)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_whose_process_dies_at_any_step_is_done_by_another() {
    for point in BEFORE.iter().chain(&AFTER).chain(&BETWEEN) {
        on_every_engine(async |shop: Shop| {
            if point.starts_with("store.") && shop.is_on_postgres() {
                return;
            }
            let (tenant, backup) = changed(&shop).await;
            let restore = shop.ask_restore(tenant, backup).await;
            die_at(&shop, point);
            let found = shop.names_in(tenant).await;
            assert!(found == ["anna"] || found == ["anna", "old"], "{point}: {found:?}");
            let worker = shop.start(options());
            until("the restore has ended", async || shop.restore(restore).await.status.is_terminal()).await;
            shop.settled().await;
            worker.stop().await;
            let done = shop.restore(restore).await;
            assert_eq!((done.status, done.error.as_deref()), (RestoreStatus::Done, None), "{point}");
            assert_eq!(shop.names_in(tenant).await, ["anna"], "{point}");
            shop.add_to(tenant, "new").await.unwrap();
            assert_eq!(shop.leftovers().await, [format!(".before-{restore}")], "{point}");
            let safety = shop.find(done.safety_backup_id.unwrap()).await.unwrap();
            assert_eq!(shop.restored(&safety).await, ["anna", "old"], "{point}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_whose_process_dies_at_any_step_is_done_by_another() {
    for point in UNDO {
        on_every_engine(async |shop: Shop| {
            let (tenant, backup) = changed(&shop).await;
            let restore = shop.ask_restore(tenant, backup).await;
            assert_eq!(shop.work_off(restore).await.status, RestoreStatus::Done);
            shop.add_to(tenant, "new").await.unwrap();
            shop.ask_undo(restore).await;
            die_at(&shop, point);
            let found = shop.names_in(tenant).await;
            assert!(found == ["anna", "new"] || found == ["anna", "old"], "{point}: {found:?}");
            let worker = shop.start(options());
            until("the undo has ended", async || shop.restore(restore).await.status.is_terminal()).await;
            shop.settled().await;
            worker.stop().await;
            assert_eq!(shop.restore(restore).await.status, RestoreStatus::Undone, "{point}");
            assert_eq!(shop.names_in(tenant).await, ["anna", "old"], "{point}");
            shop.add_to(tenant, "later").await.unwrap();
            assert!(shop.leftovers().await.is_empty(), "{point}: {:?}", shop.leftovers().await);
        })
        .await;
    }
}

#[test]
fn what_fails_once_is_tried_again_and_done() {
    alone_async("restore_crashes::what_fails_once_is_tried_again_and_done", async || {
        for actions in ["1*return->off", "1*panic->off"] {
            for point in BEFORE.iter().chain(&AFTER) {
                on_every_engine(async |shop: Shop| {
                    let (tenant, backup) = changed(&shop).await;
                    fail::cfg(*point, actions).unwrap();
                    let done = shop.restore_to_the_end(tenant, backup).await;
                    fail::remove(*point);
                    assert_eq!((done.status, done.attempt, done.error), (RestoreStatus::Done, 2, None), "{point}");
                    assert_eq!(shop.names_in(tenant).await, ["anna"], "{point}");
                    shop.add_to(tenant, "new").await.unwrap();
                })
                .await;
            }
        }
    });
}

#[test]
fn what_fails_always_ends_with_the_reason_and_the_database_from_before() {
    alone_async("restore_crashes::what_fails_always_ends_with_the_reason_and_the_database_from_before", async || {
        // What is swapped stays so from one attempt to the next: only a check can fail each time.
        for point in BEFORE.iter().chain(&["worker.restore_checked"]) {
            on_every_engine(async |shop: Shop| {
                let (tenant, backup) = changed(&shop).await;
                fail::cfg(*point, "return").unwrap();
                let failed = shop.restore_to_the_end(tenant, backup).await;
                fail::remove(*point);
                assert_eq!((failed.status, failed.attempt), (RestoreStatus::Failed, 3), "{point}");
                assert!(failed.error.is_some(), "{point}");
                assert_eq!(shop.names_in(tenant).await, ["anna", "old"], "{point}");
                shop.add_to(tenant, "new").await.unwrap();
                assert!(shop.leftovers().await.is_empty(), "{point}: {:?}", shop.leftovers().await);
                let again = shop.restore_to_the_end(tenant, backup).await;
                assert_eq!((again.status, again.error), (RestoreStatus::Done, None), "{point}: it works again");
            })
            .await;
        }
    });
}

#[test]
fn an_undo_that_fails_always_leaves_the_restored_database() {
    alone_async("restore_crashes::an_undo_that_fails_always_leaves_the_restored_database", async || {
        for point in ["worker.undo_saved", "worker.undo_checked"] {
            on_every_engine(async |shop: Shop| {
                let (tenant, backup) = changed(&shop).await;
                let restore = shop.restore_to_the_end(tenant, backup).await.id;
                shop.add_to(tenant, "new").await.unwrap();
                fail::cfg(point, "return").unwrap();
                shop.ask_undo(restore).await;
                let failed = shop.work_off(restore).await;
                fail::remove(point);
                assert_eq!(failed.status, RestoreStatus::Done, "{point}");
                assert!(failed.error.unwrap().starts_with("the undo failed: "), "{point}");
                assert_eq!(shop.names_in(tenant).await, ["anna", "new"], "{point}");
                shop.add_to(tenant, "newer").await.unwrap();
                shop.ask_undo(restore).await;
                assert_eq!(shop.work_off(restore).await.status, RestoreStatus::Undone, "{point}: it works again");
                assert_eq!(shop.names_in(tenant).await, ["anna", "old"], "{point}");
            })
            .await;
        }
    });
}

/// Where a process can die while it exchanges two directories without the system call for it.
const STEPS: [&str; 3] = ["store.exchange_away", "store.exchange_in", "store.swap_between"];

/// What another worker makes of it, once the dead one's lease is over.
async fn taken_over(shop: &Shop, restore: RestoreId) -> Restore {
    let worker = shop.start(options());
    until("the restore has ended", async || shop.restore(restore).await.status.is_terminal()).await;
    shop.settled().await;
    worker.stop().await;
    shop.restore(restore).await
}

#[tokio::test(flavor = "multi_thread")]
async fn where_directories_cannot_be_exchanged_in_one_step_a_death_in_between_is_mended() {
    for point in STEPS {
        let (_directory, shop) = on_files().await;
        let (tenant, backup) = changed(&shop).await;
        let restore = shop.ask_restore(tenant, backup).await;
        die_at_with(&shop, point, Some("store.no_exchange"));
        let done = taken_over(&shop, restore).await;
        assert_eq!((done.status, done.error.as_deref()), (RestoreStatus::Done, None), "{point}");
        assert_eq!(shop.names_in(tenant).await, ["anna"], "{point}");
        shop.add_to(tenant, "new").await.unwrap();
        assert_eq!(shop.leftovers().await, [format!(".before-{restore}")], "{point}");

        shop.ask_undo(restore).await;
        let point = if point == "store.swap_between" { "worker.undo_swapped" } else { point };
        die_at_with(&shop, point, Some("store.no_exchange"));
        let undone = taken_over(&shop, restore).await;
        assert_eq!((undone.status, undone.error.as_deref()), (RestoreStatus::Undone, None), "{point}");
        assert_eq!(shop.names_in(tenant).await, ["anna", "old"], "{point}");
        assert!(shop.leftovers().await.is_empty(), "{point}: {:?}", shop.leftovers().await);
    }
}

/// kill -9 cannot show a missing fsync; the system calls do: when the directories change places, all that is to be live then
/// has been synced, and the change itself is synced before anybody is told.
#[test]
fn what_becomes_live_is_on_disk_before_it_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (directory, plain, restore) = runtime.block_on(async {
        let (directory, shop) = on_files().await;
        let (tenant, backup) = changed(&shop).await;
        let restore = shop.ask_restore(tenant, backup).await;
        shop.context.store.close().await;
        (directory, shop.child("restore_crashes::a_process_that_dies"), restore)
    });
    let trace = directory.path().join("trace");
    let mut traced = std::process::Command::new("strace");
    traced.args(["-f", "-y", "-e", "trace=fsync,fdatasync,renameat2", "-o"]).arg(&trace).arg(plain.get_program());
    traced.args(plain.get_args()).env(DIE_AT, "worker.restore_committed");
    traced.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let Ok(_) = traced.stdin(std::process::Stdio::null()).output() else {
        return crate::engines::skipped("strace is not installed");
    };
    let Ok(trace) = std::fs::read_to_string(&trace) else { return crate::engines::skipped("nothing may be traced") };
    let staged = format!(".restore-{restore}.1");
    let exchange = trace.find("RENAME_EXCHANGE").unwrap_or_else(|| panic!("no exchange in {trace}"));
    let (before, after) = trace.split_at(exchange);
    let synced =
        |part: &str, path: &str| part.lines().any(|line| line.contains("sync(") && line.contains(&format!("{path}>")));
    for path in [format!("{staged}/reseller.db"), staged.clone(), "resellers".to_owned()] {
        assert!(synced(before, &path), "{path} was not synced before: {before}");
    }
    assert!(synced(after, "resellers"), "the exchange itself was not synced: {after}");
}
