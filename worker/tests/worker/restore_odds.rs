//! Restores where something is odd: the snapshot is encrypted, or the disk is full.

use std::time::Duration;

use chiliview_store::{
    Clock, Ids, Settings,
    backups::BackupStatus,
    queue::{self, NewJob, Work},
    restores::{self, RestoreStatus},
};
use chiliview_worker::{queue::Options, supervise::Backoff};

use crate::{
    backups::small_disk::SmallDisk,
    restores::{add, new},
    sealing::pair,
    shop::{Shop, make_heavy, on_every_engine},
    workshop::{calm, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_backup_is_restored_with_the_key_at_hand_and_fails_without_it() {
    on_every_engine(async |mut shop: Shop| {
        let ((key, recipients), (stranger, _)) = (pair(), pair());
        shop.context.config.recipients = recipients;
        let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
        assert_eq!(shop.find(backup).await.unwrap().encrypted, 1);
        shop.add_to(tenant, "bert").await.unwrap();
        shop.context.config.identities = stranger;
        let failed = shop.restore_to_the_end(tenant, backup).await;
        assert_eq!(failed.status, RestoreStatus::Failed);
        assert!(failed.error.as_deref().unwrap().contains("age1"), "it names the keys that would open it: {failed:?}");
        assert_eq!(shop.names_in(tenant).await, ["anna", "bert"], "nothing was changed");
        shop.add_to(tenant, "carl").await.unwrap();
        shop.context.config.identities = key;
        let done = shop.restore_to_the_end(tenant, backup).await;
        assert_eq!((done.status, done.error.as_deref()), (RestoreStatus::Done, None));
        assert_eq!(shop.names_in(tenant).await, ["anna"]);
        let safety = shop.find(done.safety_backup_id.unwrap()).await.unwrap();
        assert_eq!((safety.status, safety.encrypted), (BackupStatus::Verified, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_on_a_full_disk_changes_nothing_and_is_done_once_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let shelf = tempfile::tempdir().unwrap();
    let shop = Shop::with_shelf(&Settings::sqlite(disk.path()), Clock::system(), shelf.path()).await;
    let (tenant, database) = shop.tenant().await;
    add(&database, &["anna"]).await;
    make_heavy(&database, 3).await;
    drop(database);
    let backup = shop.backed_up(Some(tenant)).await.id;
    shop.add_to(tenant, "bert").await.unwrap();

    // Room for what the platform writes down, and for no second database.
    let filler = disk.fill();
    filler.shrink(1 << 20);
    let restore = new(tenant, backup);
    let work = Work::Restore { restore: restore.id };
    let job = NewJob { max_attempts: 1000, ..NewJob::new(Ids.next(), work) };
    shop.write(async |tx| {
        restores::insert(tx, &restore).await?;
        queue::enqueue(tx, &job).await
    })
    .await;
    let pause = Duration::from_millis(100);
    let worker = shop.start(Options { retry: Backoff { first: pause, most: pause }, ..calm() });
    let told = async || {
        shop.restore(restore.id).await.error.is_some_and(|error| error.contains("find room") || error.contains("full"))
    };
    until("it says that the disk is full", told).await;
    assert_eq!(shop.names_in(tenant).await, ["anna", "bert"]);
    filler.remove();
    until("it is done", async || shop.restore(restore.id).await.status == RestoreStatus::Done).await;
    shop.settled().await;
    worker.stop().await;
    assert_eq!(shop.names_in(tenant).await, ["anna"]);
    shop.add_to(tenant, "carl").await.unwrap();
    shop.context.store.close().await;
}
