//! What restores leave behind.

use chiliview_doctor::Status;
use chiliview_store::{
    Error, Ids, RestoreId, Timestamp,
    restores::{self, New, RestoreStatus, Target},
    staging::Staging,
    swap::Swap,
    users, write_lock,
};

use crate::installation::{Installation, assert_calm, only};

/// A restore into acme, which holds the lock of its database. It is over, or under way.
async fn restore(installation: &Installation, over: bool) -> RestoreId {
    let store = installation.store().await;
    let (id, at) = (Ids.next(), store.clock().now());
    let new = New {
        id,
        backup: installation.backup,
        target: Target::Same,
        tenant: installation.acme,
        slug: "acme".into(),
        name: None,
        plan: "{}".into(),
        without_safety: false,
        requested_by: "test".into(),
        trace_id: None,
        at,
    };
    let put = store.central().write(async |tx| {
        restores::insert(tx, &new).await?;
        if over {
            restores::end(tx, id, RestoreStatus::Failed, &"for a test".into(), at).await?;
        }
        Ok::<_, Error>(())
    });
    put.await.unwrap();
    let database = store.tenant(installation.acme).await.unwrap();
    database.write(async |tx| write_lock::set(tx, id, installation.acme, at).await).await.unwrap();
    drop(database);
    store.close().await;
    id
}

async fn writes(installation: &Installation) -> bool {
    let store = installation.store().await;
    let database = store.tenant(installation.acme).await.unwrap();
    let written = database.write(async |tx| users::logged_in(tx, Ids.next(), Timestamp::from_micros(1)).await).await;
    drop(database);
    store.close().await;
    written.is_ok()
}

#[tokio::test]
async fn a_lock_whose_restore_is_over_is_named_and_taken_away() {
    let installation = Installation::new().await;
    restore(&installation, true).await;
    let report = installation.look().await;
    assert_eq!((only(&report).name, only(&report).status), ("write_lock", Status::Problem));
    assert!(!writes(&installation).await, "looking changes nothing");
    assert_eq!(only(&installation.repair().await).status, Status::Repaired);
    assert_calm(&installation.look().await);
    assert!(writes(&installation).await);
}

#[tokio::test]
async fn a_lock_whose_restore_is_under_way_stays() {
    let installation = Installation::new().await;
    let id = restore(&installation, false).await;
    let data_dir = installation.data_dir();
    let staged = [Staging::of_all(id), Staging::of(id, 1)].map(|place| data_dir.staging(place));
    staged.iter().for_each(|staged| std::fs::create_dir(staged).unwrap());
    installation.repair().await;
    assert!(!writes(&installation).await);
    assert!(staged.iter().all(|staged| staged.exists()), "somebody comes back to it");
}

#[tokio::test]
async fn what_a_restore_that_is_over_left_is_put_aside_and_what_can_be_undone_stays() {
    let installation = Installation::new().await;
    let over = restore(&installation, true).await;
    installation.repair().await;
    let (data_dir, done) = (installation.data_dir(), restore(&installation, false).await);
    let store = installation.store().await;
    let at = store.clock().now();
    let until = at.plus(std::time::Duration::from_secs(60));
    let ended = store.central().write(async |tx| {
        let number = restores::start(tx, done, at).await?.unwrap();
        restores::done(tx, done, number, Some(until), at).await
    });
    assert!(ended.await.unwrap());
    store.close().await;
    drop(store);
    assert_eq!(only(&installation.repair().await).name, "write_lock");
    let staged = [over, done].map(|id| [Staging::of_all(id), Staging::of(id, 1)]).concat();
    let staged: Vec<_> = staged.into_iter().map(|place| data_dir.staging(place)).collect();
    for directory in staged.iter().chain(&[data_dir.kept(over), data_dir.kept(done)]) {
        std::fs::create_dir(directory).unwrap();
    }
    let report = installation.repair().await;
    assert!(Swap::new(&data_dir, done, installation.acme, 1).kept_database().parent().unwrap().exists());
    assert!(staged.iter().all(|staged| !staged.exists()) && !data_dir.kept(over).exists(), "{:#?}", report.checks);
    assert_calm(&installation.look().await);
}
