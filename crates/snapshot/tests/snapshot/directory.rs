//! What only a directory can promise.

use std::os::unix::fs::PermissionsExt as _;

use chiliview_snapshot::{Error, Location};
use chrono::DateTime;
use futures::TryStreamExt as _;

use crate::common::Fixture;
use crate::shelf::list;

#[tokio::test]
async fn everything_on_the_shelf_is_private() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    fixture.write().await.unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&fixture.artefact()), 0o600);
    assert_eq!(mode(&fixture.manifest()), 0o600);
    assert_eq!(mode(fixture.artefact().parent().unwrap()), 0o700);
    assert_eq!(mode(&fixture.dir.path().join("shelf")), 0o700);
}

#[tokio::test]
async fn a_download_goes_on_when_the_snapshot_is_removed() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(5000).await;
    fixture.write().await.unwrap();
    let artefact = fixture.shelf.open(&fixture.key()).await.unwrap();
    assert!(fixture.shelf.remove(&fixture.key()).await.unwrap());
    assert!(!fixture.shelf.remove(&fixture.key()).await.unwrap());
    let pieces: Vec<_> = artefact.range(0..artefact.len()).try_collect().await.unwrap();
    assert_eq!(pieces.concat().len() as u64, artefact.len());
    assert!(matches!(fixture.shelf.open(&fixture.key()).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_reader_that_leaves_early_ends_the_walk() {
    let fixture = Fixture::new().await;
    let folder = fixture.dir.path().join("shelf/central");
    std::fs::create_dir(&folder).unwrap();
    (0..500).for_each(|n| std::fs::write(folder.join(n.to_string()), "").unwrap());
    let mut receiver = fixture.shelf.list();
    assert!(receiver.recv().await.is_some());
    drop(receiver);
}

#[tokio::test]
async fn the_room_that_is_left_is_known() {
    let fixture = Fixture::new().await;
    assert!(fixture.shelf.free_bytes().await.unwrap().unwrap() > 0);
}

#[tokio::test]
async fn a_shelf_notes_once_when_it_was_begun_and_an_old_one_does_not_know() {
    let dir = tempfile::tempdir().unwrap();
    let (first, later) = (DateTime::from_timestamp(1000, 0).unwrap(), DateTime::from_timestamp(2000, 0).unwrap());
    let new = Location::Directory(dir.path().join("new"));
    assert_eq!(new.open(first).await.unwrap().begun().await.unwrap(), Some(first));
    let again = new.open(later).await.unwrap();
    assert_eq!(again.begun().await.unwrap(), Some(first));
    assert!(list(&again).await.is_empty(), "the note is not a snapshot, nor a stranger");
    std::fs::create_dir_all(dir.path().join("old/central")).unwrap();
    let old = Location::Directory(dir.path().join("old")).open(first).await.unwrap();
    assert_eq!(old.begun().await.unwrap(), None);
}
