//! Work that nobody will finish.

use chiliview_doctor::Status;
use chiliview_store::{
    BackupId, Error, Ids,
    backups::{self, BackupStatus, New, Origin},
    queue::{self, NewJob, Work},
};

use crate::installation::{Installation, assert_calm, only};

/// A backup that waits, with a job or without.
async fn ask_for_one(installation: &Installation, job: bool) -> BackupId {
    let store = installation.store().await;
    let id: BackupId = Ids.next();
    let new = New {
        id,
        tenant: None,
        origin: Origin::Request,
        run: None,
        requested_by: "test".to_owned(),
        trace_id: None,
        at: store.clock().now(),
    };
    let queued = store.central().write(async |tx| {
        backups::insert(tx, &new).await?;
        if job {
            queue::enqueue(tx, &NewJob::new(Ids.next(), Work::BackUp { backup: id })).await?;
        }
        Ok::<_, Error>(())
    });
    queued.await.unwrap();
    store.close().await;
    id
}

#[tokio::test]
async fn a_backup_without_a_job_is_named_and_marked_as_failed() {
    let installation = Installation::new().await;
    let id = ask_for_one(&installation, false).await;
    assert_eq!(only(&installation.look().await).object, id.to_string());
    assert_eq!(only(&installation.repair().await).status, Status::Repaired);
    assert_calm(&installation.look().await);
    let store = installation.store().await;
    let row = store.central().read(async |tx| backups::find(tx, id).await).await.unwrap().unwrap();
    assert_eq!(row.status, BackupStatus::Failed);
    store.close().await;
}

#[tokio::test]
async fn a_backup_that_waits_for_the_next_start_is_only_mentioned() {
    let installation = Installation::new().await;
    ask_for_one(&installation, true).await;
    let report = installation.repair().await;
    assert_calm(&report);
    assert_eq!(report.summary.warnings, 1, "{:#?}", report.checks);
}
