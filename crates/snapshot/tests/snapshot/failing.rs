//! Work that fails or stops between its phases: what is left, and that trying again succeeds.

use chiliview_snapshot::{Depth, Error};
use fail::FailScenario;

use crate::common::{self, Fixture};

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_before_the_manifest_leaves_nothing_and_the_next_try_succeeds() {
    let scenario = FailScenario::setup();
    for point in ["snapshot.after_read", "snapshot.before_publish", "snapshot.before_manifest"] {
        let fixture = Fixture::new().await;
        let _live = fixture.live(500).await;
        fail::cfg(point, "1*return->off").unwrap();
        assert!(matches!(fixture.write().await, Err(Error::Io { action, .. }) if action == point));
        assert!(fixture.files().is_empty(), "{point}: {:?}", fixture.files());
        let manifest = fixture.write().await.unwrap();
        fixture.prove(&manifest, Depth::Full).await.unwrap();
    }
    scenario.teardown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_manifest_leaves_no_snapshot_and_the_next_try_succeeds() {
    let scenario = FailScenario::setup();
    let fixture = Fixture::new().await;
    let _live = fixture.live(500).await;
    fail::cfg("snapshot.before_manifest", "1*panic->off").unwrap();
    let (request, shelf) = (common::request(&fixture.database()), fixture.shelf.clone());
    let crash = tokio::spawn(async move {
        chiliview_snapshot::write(request, &shelf, &chiliview_snapshot::Watch::unobserved()).await
    });
    assert!(crash.await.unwrap_err().is_panic());
    assert_eq!(fixture.files(), [fixture.artefact()]);
    assert!(matches!(fixture.shelf.manifest(&fixture.key()).await, Err(Error::NotFound(_))));
    let manifest = fixture.write().await.unwrap();
    fixture.prove(&manifest, Depth::Full).await.unwrap();
    scenario.teardown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_after_publishing_leaves_a_whole_snapshot() {
    let scenario = FailScenario::setup();
    let fixture = Fixture::new().await;
    let _live = fixture.live(500).await;
    fail::cfg("snapshot.after_publish", "1*return->off").unwrap();
    assert!(fixture.write().await.is_err());
    let manifest = fixture.shelf.manifest(&fixture.key()).await.unwrap();
    fixture.prove(&manifest, Depth::Full).await.unwrap();
    assert!(matches!(fixture.write().await, Err(Error::AlreadyPublished(_))));
    scenario.teardown();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_publishers_of_one_backup_one_is_refused_and_the_other_whole() {
    let scenario = FailScenario::setup();
    let fixture = Fixture::new().await;
    let mut live = fixture.live(500).await;
    fail::cfg("snapshot.before_manifest", "1*pause->off").unwrap();
    let (request, shelf) = (common::request(&fixture.database()), fixture.shelf.clone());
    let first = tokio::spawn(async move {
        chiliview_snapshot::write(request, &shelf, &chiliview_snapshot::Watch::unobserved()).await
    });
    while !fixture.artefact().exists() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    sqlx::query("INSERT INTO accounts VALUES (4711, 0)").execute(&mut live).await.unwrap();
    let second = fixture.written().await;
    fail::remove("snapshot.before_manifest");
    let first = first.await.unwrap();
    // In a directory the first has a lock, in a bucket the second is faster.
    let manifest = match (first, second) {
        (Ok(one), Err(Error::AlreadyPublished(_))) | (Err(Error::AlreadyPublished(_)), Ok(one)) => one.manifest,
        both => panic!("{both:?}"),
    };
    fixture.prove(&manifest, Depth::Full).await.unwrap();
    assert_eq!(fixture.files().len(), 2, "{:?}", fixture.files());
    scenario.teardown();
}
