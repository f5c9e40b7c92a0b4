//! A commit that was done, and whose answer never came.

use chiliview_store::{Clock, Settings, backups::BackupStatus};

use crate::{engines::on_postgres, proxy::Proxy, shop::Shop, workshop::calm};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_committed_keeps_its_snapshot_though_nobody_heard_so() {
    on_postgres(async |direct: Settings| {
        let proxy = Proxy::before(&direct).await;
        let shop = Shop::open(&proxy.on_the_way_to(&direct), Clock::system()).await;
        let (tenant, _) = shop.tenant().await;
        shop.add_to(tenant, "anna").await.unwrap();
        proxy.lose_the_answer_to_the_commit_of("UPDATE backups SET status = 'verified'");
        let id = shop.ask(Some(tenant)).await;
        let worker = shop.start(calm());
        let backup = shop.ended(id).await;
        shop.idle().await;
        worker.stop().await;
        assert!(proxy.has_sprung());
        assert_eq!((backup.status, backup.error.as_deref()), (BackupStatus::Verified, None));
        assert_eq!(shop.restored(&backup).await, ["anna"]);
    })
    .await;
}
