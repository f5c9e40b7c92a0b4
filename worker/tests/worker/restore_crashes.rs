//! A restore, or its undo, that is killed or fails at any step: the database from before or the restored one, no third, and
//! the tenant can write again.
#![cfg(feature = "failpoints")]

use chiliview_store::{BackupId, Clock, TenantId, restores::RestoreStatus};

use crate::{
    shop::{Shop, on_every_engine, told},
    workshop::{alone, options, until},
};

const DIE_AT: &str = "CHILIVIEW_TEST_DIE_AT";

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
/// Where a process can die only, the first on SQLite only: schemas change places in one transaction.
const BETWEEN: [&str; 2] = ["store.swap_between", "worker.restore_committed"];
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
    let shop = Shop::open(&settings, Clock::system()).await;
    let _worker = shop.start(options());
    std::future::pending::<()>().await;
}

fn die_at(shop: &Shop, point: &str) {
    let mut other = shop.child("restore_crashes::a_process_that_dies").env(DIE_AT, point).spawn().unwrap();
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
            if *point == "store.swap_between" && shop.is_on_postgres() {
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
