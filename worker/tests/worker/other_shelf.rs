//! An empty directory in the shelf's place, as where a volume is not mounted: nothing is written there, and nothing is lost.

use std::{fs, path::PathBuf, time::Duration};

use chiliview_snapshot::{Location, Shelf};
use chiliview_store::backups::{self, BackupStatus};
use chiliview_worker::queue::Work;

use crate::{
    shop::{Shop, on_files},
    workshop::{calm, until},
};

fn place(shop: &Shop) -> PathBuf {
    shop.directory().join("shelf")
}

/// Everything that lies in the place of the shelf.
fn lying(shop: &Shop) -> usize {
    fs::read_dir(place(shop)).unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_fails_and_says_why_and_goes_on_when_the_shelf_is_back() {
    let (_directory, shop) = on_files().await;
    let (tenant, _) = shop.tenant().await;
    let old = shop.backed_up(Some(tenant)).await;
    shop.unmount();

    let asked = shop.ask_for_attempts(Some(tenant), 2).await;
    let worker = shop.start(calm());
    let failed = shop.ended(asked).await;
    shop.idle().await;
    worker.stop().await;
    let reason = failed.error.unwrap_or_default();
    assert_eq!((failed.status, failed.cause.as_deref()), (BackupStatus::Failed, Some("another_shelf")));
    assert!(reason.contains("is not the one") && reason.contains("is the volume mounted?"), "{reason}");
    assert_eq!(shop.proven_again(old.id).await.status, BackupStatus::Verified, "nothing can be said of it");
    assert_eq!(lying(&shop), 0);

    shop.mount();
    let proven = shop.proven_again(old.id).await;
    assert_eq!((proven.status, proven.error), (BackupStatus::Verified, None));
    shop.backed_up(Some(tenant)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_waits_for_the_shelf_that_has_the_snapshot() {
    let (_directory, shop) = on_files().await;
    let (tenant, _) = shop.tenant().await;
    let (old, _) = (shop.backed_up(Some(tenant)).await, shop.backed_up(Some(tenant)).await);
    let now = shop.context.store.clock().now();
    shop.write(async |tx| backups::delete(tx, old.id, now, now).await).await;
    shop.unmount();
    let worker = shop.start(calm());
    shop.enqueue(Work::PurgeBackup { backup: old.id }).await;
    let put_off = async || {
        let jobs = crate::workshop::jobs(&shop.context.store).await;
        jobs.iter().any(|job| job.run_at > now.plus(Duration::from_mins(30)))
    };
    until("it is put off", put_off).await;
    assert!(shop.find(old.id).await.is_some());
    shop.mount();
    assert!(shop.files(&old).0.exists());
    shop.enqueue(Work::PurgeBackup { backup: old.id }).await;
    until("it is purged", async || shop.find(old.id).await.is_none()).await;
    assert!(!shop.files(&old).0.exists());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_starts_without_its_shelf_makes_nothing_in_its_place() {
    let (_directory, shop) = on_files().await;
    let store = &shop.context.store;
    shop.context.shelf.recognise(store).await.unwrap();
    let id = shop.context.shelf.id().await.unwrap().unwrap();
    shop.unmount();
    let again: Shelf = Location::from(place(&shop)).known(id, store.clock().now().to_datetime()).unwrap();
    again.recognise(store).await.unwrap();
    assert!(again.is_itself().await.is_err());
    assert_eq!(lying(&shop), 0);
    shop.mount();
    again.is_itself().await.unwrap();
}
