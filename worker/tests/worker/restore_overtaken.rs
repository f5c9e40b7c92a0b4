//! An attempt at a restore, or at its undo, that was frozen in the moment before two databases change places, and wakes when
//! another has gone on in its stead: it changes nothing any more.
#![cfg(feature = "failpoints")]

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use chiliview_store::{Error, RestoreId, TenantId, restores::RestoreStatus, staging::Staging};
use chiliview_worker::queue::Options;
use tokio::task::block_in_place;

use crate::{
    shop::{Running, Shop, on_every_engine},
    workshop::{alone, options, until},
};

/// A point of the code where the first to come waits until he is let go.
pub(crate) struct Gate {
    reached: Arc<AtomicBool>,
    closed: mpsc::Sender<()>,
}

impl Gate {
    pub(crate) fn at(point: &str) -> Self {
        let reached = Arc::new(AtomicBool::new(false));
        let (closed, opened) = mpsc::channel();
        let (here, opened) = (reached.clone(), Mutex::new(opened));
        let wait = move || {
            if !here.swap(true, Ordering::SeqCst) {
                // Ends when the sender is gone.
                let _ = block_in_place(|| opened.lock().unwrap().recv());
            }
        };
        fail::cfg_callback(point, wait).unwrap();
        Self { reached, closed }
    }

    pub(crate) async fn reached(&self) {
        until("somebody is at the gate", async || self.reached.load(Ordering::SeqCst)).await;
    }

    pub(crate) fn open(self) {
        drop(self.closed);
    }
}

/// A worker that is never heard of again, and never hears that others have its job. It takes no second one, which could be that.
pub(crate) fn silent(shop: &Shop) -> Running {
    shop.start(Options { heartbeat: Duration::from_hours(1), parallel: NonZeroUsize::MIN, ..options() })
}

/// Room for those who stand at a gate.
pub(crate) fn alone_with_room(test: &str, body: impl AsyncFnOnce()) {
    alone(test, || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(8).enable_all().build().unwrap();
        runtime.block_on(body());
    });
}

#[test]
fn one_who_wakes_before_the_swap_of_a_restore_leaves_it_to_the_next() {
    alone_with_room(
        "restore_overtaken::one_who_wakes_before_the_swap_of_a_restore_leaves_it_to_the_next",
        async || {
            for (point, found) in [
                ("worker.restore_unpacked", vec!["anna", "old"]),
                ("worker.restore_saved", vec!["anna", "old"]),
                ("worker.restore_swapped", vec!["anna"]),
            ] {
                on_every_engine(async |shop: Shop| {
                    let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
                    shop.add_to(tenant, "old").await.unwrap();
                    let restore = shop.ask_restore(tenant, backup).await;
                    let before = Gate::at("worker.restore_before_swap");
                    let overtaken = silent(&shop);
                    before.reached().await;
                    let further = Gate::at(point);
                    let next = shop.start(options());
                    further.reached().await;
                    before.open();
                    overtaken.stop().await;
                    assert_eq!(shop.names_in(tenant).await, found, "{point}");
                    further.open();
                    until("the restore has ended", async || shop.restore(restore).await.status.is_terminal()).await;
                    shop.settled().await;
                    next.stop().await;
                    let done = shop.restore(restore).await;
                    assert_eq!((done.status, done.error.as_deref()), (RestoreStatus::Done, None), "{point}");
                    assert_eq!(shop.names_in(tenant).await, ["anna"], "{point}");
                    shop.add_to(tenant, "new").await.unwrap();
                    assert_eq!(shop.leftovers().await, [format!(".before-{restore}")], "{point}");
                    shop.ask_undo(restore).await;
                    assert_eq!(shop.work_off(restore).await.status, RestoreStatus::Undone, "{point}");
                    assert_eq!(shop.names_in(tenant).await, ["anna", "old"], "{point}");
                })
                .await;
            }
        },
    );
}

#[test]
fn one_who_wakes_before_the_swap_of_an_undo_leaves_it_to_the_next() {
    alone_with_room("restore_overtaken::one_who_wakes_before_the_swap_of_an_undo_leaves_it_to_the_next", async || {
        on_every_engine(async |shop: Shop| {
            let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
            shop.add_to(tenant, "old").await.unwrap();
            let restore = shop.restore_to_the_end(tenant, backup).await.id;
            shop.ask_undo(restore).await;
            let before = Gate::at("worker.undo_before_swap");
            let overtaken = silent(&shop);
            before.reached().await;
            let swapped = Gate::at("worker.undo_swapped");
            let next = shop.start(options());
            swapped.reached().await;
            before.open();
            overtaken.stop().await;
            assert_eq!(shop.names_in(tenant).await, ["anna", "old"]);
            swapped.open();
            until("the undo has ended", async || shop.restore(restore).await.status.is_terminal()).await;
            shop.settled().await;
            next.stop().await;
            assert_eq!(shop.restore(restore).await.status, RestoreStatus::Undone);
            assert_eq!(shop.names_in(tenant).await, ["anna", "old"]);
            shop.add_to(tenant, "later").await.unwrap();
            assert!(shop.leftovers().await.is_empty(), "{:?}", shop.leftovers().await);
        })
        .await;
    });
}

#[test]
fn one_who_wakes_before_the_end_of_an_undo_that_failed_does_not_take_that_back() {
    const TEST: &str = "restore_overtaken::one_who_wakes_before_the_end_of_an_undo_that_failed_does_not_take_that_back";
    alone_with_room(TEST, async || {
        on_every_engine(async |shop: Shop| {
            let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
            shop.add_to(tenant, "old").await.unwrap();
            let restore = shop.restore_to_the_end(tenant, backup).await.id;
            shop.add_to(tenant, "new").await.unwrap();
            fail::cfg("worker.undo_checked", "return").unwrap();
            shop.ask_undo(restore).await;
            let before = Gate::at("worker.restore_kept_open");
            let overtaken = silent(&shop);
            before.reached().await;
            let next = shop.start(options());
            until("the undo has ended", async || shop.restore(restore).await.status.is_terminal()).await;
            shop.settled().await;
            assert_eq!(shop.names_in(tenant).await, ["anna", "new"]);
            before.open();
            overtaken.stop().await;
            next.stop().await;
            fail::remove("worker.undo_checked");
            assert_eq!(shop.restore(restore).await.status, RestoreStatus::Done);
            assert_eq!(shop.names_in(tenant).await, ["anna", "new"]);
            shop.add_to(tenant, "newer").await.unwrap();
        })
        .await;
    });
}

/// Each works in a place of its own: what one does who wakes reaches nothing that his successor has made ready.
#[test]
fn one_who_wakes_while_he_makes_a_database_ready_leaves_the_next_ones_alone() {
    const TEST: &str = "restore_overtaken::one_who_wakes_while_he_makes_a_database_ready_leaves_the_next_ones_alone";
    alone_with_room(TEST, async || {
        for point in ["worker.restore_proven", "worker.restore_unpacked", "worker.restore_owned"] {
            on_every_engine(async |shop: Shop| {
                let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
                shop.add_to(tenant, "old").await.unwrap();
                let restore = shop.ask_restore(tenant, backup).await;
                let before = Gate::at(point);
                let overtaken = silent(&shop);
                before.reached().await;
                let staged = Gate::at("worker.restore_staged");
                let next = shop.start(options());
                staged.reached().await;
                let ready = Staging::of(restore, shop.restore(restore).await.attempt).directory();
                before.open();
                overtaken.stop().await;
                assert_eq!(shop.leftovers().await, [ready], "{point}");
                staged.open();
                until("the restore has ended", async || shop.restore(restore).await.status.is_terminal()).await;
                shop.settled().await;
                next.stop().await;
                let done = shop.restore(restore).await;
                assert_eq!((done.status, done.error.as_deref()), (RestoreStatus::Done, None), "{point}");
                assert_eq!(shop.names_in(tenant).await, ["anna"], "{point}");
                assert_eq!(shop.times_restored(tenant).await, 1, "{point}: somebody else wrote into it");
                assert_eq!(shop.leftovers().await, [format!(".before-{restore}")], "{point}");
            })
            .await;
        }
    });
}

/// A restore by one who is frozen at a point, done by another, and over when the first wakes.
async fn overtaken_to_the_end(shop: &Shop, point: &str) -> (TenantId, RestoreId) {
    let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
    let restore = shop.ask_restore(tenant, backup).await;
    let before = Gate::at(point);
    let overtaken = silent(shop);
    before.reached().await;
    let next = shop.start(options());
    until("the restore has ended", async || shop.restore(restore).await.status.is_terminal()).await;
    shop.settled().await;
    before.open();
    overtaken.stop().await;
    next.stop().await;
    assert_eq!(shop.restore(restore).await.status, RestoreStatus::Done, "{point}");
    (tenant, restore)
}

#[test]
fn one_who_wakes_when_the_restore_is_over_leaves_nothing_behind() {
    alone_with_room("restore_overtaken::one_who_wakes_when_the_restore_is_over_leaves_nothing_behind", async || {
        for point in ["worker.restore_proven", "worker.restore_unpacked", "worker.restore_owned"] {
            on_every_engine(async |shop: Shop| {
                let (tenant, restore) = overtaken_to_the_end(&shop, point).await;
                assert_eq!(shop.leftovers().await, [format!(".before-{restore}")], "{point}");
                shop.add_to(tenant, "new").await.unwrap();
            })
            .await;
        }
    });
}

/// Else the tenant could write into a database that has been saved already, and is about to be replaced.
#[test]
fn one_who_wakes_before_he_unlocks_leaves_the_next_ones_lock() {
    alone_with_room("restore_overtaken::one_who_wakes_before_he_unlocks_leaves_the_next_ones_lock", async || {
        on_every_engine(async |shop: Shop| {
            let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
            fail::cfg("worker.restore_saved", "1*return->off").unwrap();
            let before = Gate::at("worker.restore_unlocking");
            let restore = shop.ask_restore(tenant, backup).await;
            let overtaken = silent(&shop);
            before.reached().await;
            let further = Gate::at("worker.restore_before_swap");
            let next = shop.start(options());
            further.reached().await;
            before.open();
            overtaken.stop().await;
            let written = shop.add_to(tenant, "lost").await;
            assert!(matches!(written, Err(Error::Locked(_))), "{written:?}");
            further.open();
            until("the restore has ended", async || shop.restore(restore).await.status.is_terminal()).await;
            shop.settled().await;
            next.stop().await;
            assert_eq!(shop.restore(restore).await.status, RestoreStatus::Done);
            shop.add_to(tenant, "new").await.unwrap();
            assert_eq!(shop.names_in(tenant).await, ["anna", "new"]);
        })
        .await;
    });
}

#[test]
fn one_who_wakes_when_the_restore_is_over_does_not_lock_again() {
    alone_with_room("restore_overtaken::one_who_wakes_when_the_restore_is_over_does_not_lock_again", async || {
        for point in ["worker.restore_locking", "worker.restore_checking"] {
            on_every_engine(async |shop: Shop| {
                let (tenant, _) = overtaken_to_the_end(&shop, point).await;
                shop.add_to(tenant, "new").await.unwrap();
            })
            .await;
        }
    });
}

#[test]
fn one_who_wakes_before_he_gives_up_does_not_end_what_the_next_one_does() {
    const TEST: &str = "restore_overtaken::one_who_wakes_before_he_gives_up_does_not_end_what_the_next_one_does";
    alone_with_room(TEST, async || {
        on_every_engine(async |shop: Shop| {
            let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
            shop.add_to(tenant, "old").await.unwrap();
            let (artefact, _) = shop.files(&shop.find(backup).await.unwrap());
            let away = artefact.with_extension("away");
            std::fs::rename(&artefact, &away).unwrap();
            let before = Gate::at("worker.restore_ending");
            let restore = shop.ask_restore(tenant, backup).await;
            let overtaken = silent(&shop);
            before.reached().await;
            std::fs::rename(away, artefact).unwrap();
            let further = Gate::at("worker.restore_swapped");
            let next = shop.start(options());
            further.reached().await;
            before.open();
            overtaken.stop().await;
            further.open();
            until("the restore has ended", async || shop.restore(restore).await.status.is_terminal()).await;
            shop.settled().await;
            next.stop().await;
            let done = shop.restore(restore).await;
            assert_eq!((done.status, done.error.as_deref()), (RestoreStatus::Done, None));
            assert_eq!(shop.names_in(tenant).await, ["anna"]);
            assert_eq!(shop.leftovers().await, [format!(".before-{restore}")]);
        })
        .await;
    });
}
