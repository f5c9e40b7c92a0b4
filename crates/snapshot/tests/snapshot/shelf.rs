//! The shelf: what lies on it, who may read it, and the way into the trash and back.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use chiliview_snapshot::{ArtefactKey, Entry, Error, Shelf};
use futures::TryStreamExt as _;
use uuid::Uuid;

use crate::common::{self, Fixture};

async fn list(shelf: &Shelf) -> Vec<Entry> {
    let mut receiver = shelf.list();
    let mut entries = Vec::new();
    while let Some(entry) = receiver.recv().await {
        entries.push(entry.unwrap());
    }
    entries
}

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
async fn a_download_is_the_artefact() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(5000).await;
    let manifest = fixture.write().await.unwrap();
    let artefact = fixture.shelf.open(&fixture.key()).await.unwrap();
    assert_eq!(artefact.len(), manifest.stored_bytes);
    let pieces: Vec<_> = artefact.range(0..artefact.len()).try_collect().await.unwrap();
    assert_eq!(pieces.concat(), std::fs::read(fixture.artefact()).unwrap());
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
async fn the_trash_gives_back_what_it_was_given() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    let manifest = fixture.write().await.unwrap();
    let (shelf, key) = (&fixture.shelf, fixture.key());
    shelf.move_to_trash(&key).await.unwrap();
    assert!(matches!(shelf.manifest(&key).await, Err(Error::NotFound(_))));
    assert_eq!(list(shelf).await, [Entry::Trashed { key, bytes: manifest.stored_bytes }]);
    assert!(matches!(shelf.move_to_trash(&key).await, Err(Error::NotFound(_))));
    shelf.restore_from_trash(&key).await.unwrap();
    fixture.prove(&manifest, chiliview_snapshot::Depth::Full).await.unwrap();
    assert!(matches!(shelf.restore_from_trash(&key).await, Err(Error::AlreadyPublished(_))));
    shelf.move_to_trash(&key).await.unwrap();
    assert!(shelf.purge(&key).await.unwrap());
    assert!(!shelf.purge(&key).await.unwrap());
    assert!(matches!(shelf.restore_from_trash(&key).await, Err(Error::NotFound(_))));
    assert!(fixture.files().is_empty());
}

#[tokio::test]
async fn an_artefact_that_was_trashed_without_its_manifest_is_not_brought_back() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    fixture.write().await.unwrap();
    std::fs::remove_file(fixture.manifest()).unwrap();
    fixture.shelf.move_to_trash(&fixture.key()).await.unwrap();
    assert!(matches!(fixture.shelf.restore_from_trash(&fixture.key()).await, Err(Error::NotFound(_))));
    assert!(fixture.shelf.purge(&fixture.key()).await.unwrap());
}

#[tokio::test]
async fn the_list_tells_ours_from_what_is_not() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    fixture.write().await.unwrap();
    let root = fixture.dir.path().join("shelf");
    std::fs::write(root.join("readme.txt"), "?").unwrap();
    std::fs::create_dir(root.join("acme")).unwrap();
    std::fs::write(fixture.artefact().with_file_name("copy of x.db.zst"), "?").unwrap();
    let lonely = ArtefactKey::central(Uuid::from_u128(5));
    std::fs::create_dir(root.join("central")).unwrap();
    std::fs::write(root.join("central").join(lonely.manifest_file()), "{}").unwrap();
    let entries = list(&fixture.shelf).await;
    let unknown: BTreeSet<_> = entries
        .iter()
        .filter_map(|entry| if let Entry::Unknown { name } = entry { Some(name.clone()) } else { None })
        .collect();
    assert_eq!(
        unknown,
        BTreeSet::from(["readme.txt".into(), "acme".into(), format!("{}/copy of x.db.zst", common::TENANT)])
    );
    assert!(entries.contains(&Entry::Manifest { key: lonely, bytes: 2 }));
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Artefact { key, .. } if *key == fixture.key())));
    assert_eq!(entries.len(), 6);
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
