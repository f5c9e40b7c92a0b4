//! Workers whose clocks are wrong, by more than they may be.

use std::time::Duration;

use chiliview_store::{
    Clock, Ids, Settings, Store, Timestamp,
    queue::JobStatus,
    restores::{Restore, RestoreStatus},
};
use chiliview_worker::queue::{Options, Outcome};

use crate::{
    engines::{on_every_settings, on_postgres},
    shop::Shop,
    workshop::{Running, Scripted, add, all_are, job, options, until},
};

const WRONG_BY: Duration = Duration::from_mins(5);

fn now() -> Timestamp {
    Clock::system().now()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_clock_is_wrong_takes_no_job_of_one_that_lives() {
    on_postgres(async |settings: Settings| {
        let right = Store::open(&settings, Clock::system(), Ids).await.unwrap();
        for wrong in [now().plus(WRONG_BY), now().minus(WRONG_BY)] {
            let wrong = Store::open(&settings, Clock::manual(wrong), Ids).await.unwrap();
            for (one, other) in [(&right, &wrong), (&wrong, &right)] {
                let options = Options { missed: 8, ..options() };
                let longer = options.heartbeat * (options.missed + 2);
                let handler = Scripted::new(one, move |_| async move {
                    tokio::time::sleep(longer).await;
                    Outcome::Done
                });
                let at_work = Running::start(one, &handler, options.clone());
                add(one, [job()]).await;
                until("it is begun", async || handler.began().len() == 1).await;
                let beside = Running::start(other, &handler, options);
                until("done", async || all_are(one, JobStatus::Done).await).await;
                at_work.stop().await;
                beside.stop().await;
                assert_eq!(handler.began().len(), 1, "{:?}", handler.seen());
            }
            wrong.close().await;
        }
    })
    .await;
}

/// What it replaces was acknowledged after what the restore had saved, whatever the clocks say.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_by_a_worker_whose_clock_is_behind_saves_what_it_replaces() {
    on_every_settings(async |settings: Settings| {
        let ahead = Shop::open(&settings, Clock::manual(now().plus(WRONG_BY))).await;
        let (tenant, backup) = ahead.saved_tenant(&["anna"]).await;
        ahead.add_to(tenant, "before").await.unwrap();
        let restored = ahead.restore_to_the_end(tenant, backup).await;
        assert_eq!((restored.status, restored.error.as_deref()), (RestoreStatus::Done, None));
        let behind = Shop::beside(&settings, Clock::manual(now())).await;
        behind.add_to(tenant, "since").await.unwrap();
        behind.ask_undo(restored.id).await;
        let undone = behind.work_off(restored.id).await;
        assert_eq!((undone.status, undone.error.as_deref()), (RestoreStatus::Undone, None));
        assert_eq!(behind.names_in(tenant).await, ["anna", "before"]);
        assert_eq!(saved(&behind, &restored).await, ["anna", "before"]);
        assert_eq!(saved(&behind, &undone).await, ["anna", "since"]);
    })
    .await;
}

/// Who is in what was saved before it.
async fn saved(shop: &Shop, restore: &Restore) -> Vec<String> {
    shop.restored(&shop.find(restore.safety_backup_id.unwrap()).await.unwrap()).await
}
