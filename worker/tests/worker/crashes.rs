//! A worker that is killed, or fails, in the middle of a backup: another ends it, and nothing half is left.

use chiliview_store::{Clock, backups::BackupStatus};

use crate::{
    shop::{Shop, make_heavy, on_every_engine, told},
    workshop::{options, until},
};

/// In a process of its own, a worker. Told by the environment; else nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_works() {
    let Some(settings) = told() else { return };
    let shop = Shop::open(&settings, Clock::system()).await;
    let _worker = shop.start(options());
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_whose_process_is_killed_is_ended_by_another_worker() {
    on_every_engine(async |shop: Shop| {
        let (id, database) = shop.tenant().await;
        make_heavy(&database, 400).await;
        for _ in 0..2 {
            let backup = shop.ask(Some(id)).await;
            let mut other = shop.child("crashes::a_process_that_works").spawn().unwrap();
            until("it runs there", async || shop.status(backup).await == BackupStatus::Running).await;
            other.kill().unwrap();
            other.wait().unwrap();
            assert!(!shop.status(backup).await.is_terminal(), "killed in the middle");
            let worker = shop.start(options());
            let ended = shop.ended(backup).await;
            shop.idle().await;
            worker.stop().await;
            assert_eq!((ended.status, ended.error.as_deref()), (BackupStatus::Verified, None));
            assert!(ended.attempt >= 2, "the killed attempt counts");
            shop.restored(&ended).await;
            shop.context.shelf.sweep().await.unwrap();
            let partial =
                |entry: &chiliview_snapshot::Entry| matches!(entry, chiliview_snapshot::Entry::Partial { .. });
            assert!(!shop.on_shelf().await.iter().any(partial));
        }
    })
    .await;
}

/// Failpoints are the whole process'.
#[cfg(feature = "failpoints")]
fn alone(test: &str, body: impl AsyncFnOnce()) {
    crate::workshop::alone(test, || tokio::runtime::Runtime::new().unwrap().block_on(body()));
}

#[cfg(feature = "failpoints")]
const POINTS: [&str; 5] = [
    "snapshot.after_read",
    "snapshot.before_publish",
    "snapshot.before_manifest",
    "snapshot.after_publish",
    "worker.before_prove",
];

#[cfg(feature = "failpoints")]
async fn at_every_point(actions: &str, story: impl AsyncFn(&Shop, chiliview_store::backups::Backup, &str)) {
    on_every_engine(async |shop: Shop| {
        let (id, _) = shop.tenant().await;
        for point in POINTS {
            fail::cfg(point, actions).unwrap();
            let backup = shop.ask_for_attempts(Some(id), 3).await;
            let worker = shop.start(crate::workshop::calm());
            let ended = shop.ended(backup).await;
            shop.idle().await;
            worker.stop().await;
            fail::remove(point);
            story(&shop, ended, point).await;
        }
    })
    .await;
}

#[cfg(feature = "failpoints")]
#[test]
fn what_fails_once_is_tried_again_and_verified() {
    alone("crashes::what_fails_once_is_tried_again_and_verified", async || {
        at_every_point("1*return->off", async |shop, ended, point| {
            assert_eq!(
                (ended.status, ended.attempt, ended.error.as_deref()),
                (BackupStatus::Verified, 2, None),
                "{point}"
            );
            shop.restored(&ended).await;
        })
        .await;
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn what_panics_once_is_tried_again_and_verified() {
    alone("crashes::what_panics_once_is_tried_again_and_verified", async || {
        at_every_point("1*panic->off", async |shop, ended, point| {
            assert_eq!(
                (ended.status, ended.attempt, ended.error.as_deref()),
                (BackupStatus::Verified, 2, None),
                "{point}"
            );
            shop.restored(&ended).await;
        })
        .await;
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn what_fails_always_ends_with_the_reason_and_nothing_on_the_shelf() {
    alone("crashes::what_fails_always_ends_with_the_reason_and_nothing_on_the_shelf", async || {
        at_every_point("return", async |shop, ended, point| {
            assert_eq!((ended.status, ended.attempt), (BackupStatus::Failed, 3), "{point}");
            let reason = ended.error.unwrap();
            let injected = if point == "worker.before_prove" { "cancelled" } else { "injected by a test" };
            assert!(reason.contains(injected), "{point}: {reason}");
            assert!(shop.on_shelf().await.is_empty(), "{point}: {:?}", shop.on_shelf().await);
        })
        .await;
    });
}
