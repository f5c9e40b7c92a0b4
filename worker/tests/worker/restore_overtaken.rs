//! An attempt at a restore, or at its undo, that was frozen in the moment before two databases change places, and wakes when
//! another has gone on in its stead: it changes nothing any more.
#![cfg(feature = "failpoints")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use chiliview_store::restores::RestoreStatus;
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

/// A worker that is never heard of again, and never hears that others have its job.
pub(crate) fn silent(shop: &Shop) -> Running {
    shop.start(Options { heartbeat: Duration::from_hours(1), ..options() })
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
