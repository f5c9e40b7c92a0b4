//! The shelf: what lies on it, and that it is removed.

use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt as _;

use chiliview_snapshot::{ArtefactKey, Damage, Depth, Entry, Error, Shelf, Watch, WriteRequest, prove, write};
use chiliview_store::{Clock, Ids, Settings, ShelfId, Store};
use futures::TryStreamExt as _;
use uuid::Uuid;

use crate::common::{self, Fixture};

pub(crate) async fn list(shelf: &Shelf) -> Vec<Entry> {
    let mut receiver = shelf.list();
    let mut entries = Vec::new();
    while let Some(entry) = receiver.recv().await {
        entries.push(entry.unwrap());
    }
    entries
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
async fn the_list_tells_ours_from_what_is_not() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    fixture.write().await.unwrap();
    let root = fixture.root();
    std::fs::write(root.join("readme.txt"), "?").unwrap();
    std::fs::create_dir(root.join("acme")).unwrap();
    std::fs::write(root.join("acme/notes"), "?").unwrap();
    std::fs::write(fixture.artefact().with_file_name("copy of x.db.zst"), "?").unwrap();
    let lonely = ArtefactKey::central(Uuid::from_u128(5));
    std::fs::create_dir(root.join("central")).unwrap();
    std::fs::write(root.join("central").join(lonely.manifest_file()), "{}").unwrap();
    let entries = list(&fixture.shelf).await;
    let unknown: BTreeSet<_> = entries
        .iter()
        .filter_map(|entry| if let Entry::Unknown { name } = entry { Some(name.clone()) } else { None })
        .collect();
    // A bucket has no folders, only names.
    let acme = if crate::KIND == common::Kind::Bucket { "acme/notes" } else { "acme" };
    assert_eq!(
        unknown,
        BTreeSet::from(["readme.txt".into(), acme.into(), format!("{}/copy of x.db.zst", common::TENANT)])
    );
    assert!(entries.contains(&Entry::Manifest { key: lonely, bytes: 2 }));
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Artefact { key, .. } if *key == fixture.key())));
    assert_eq!(entries.len(), 6);
}

#[tokio::test]
async fn what_is_removed_is_gone_and_may_be_removed_again() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    fixture.write().await.unwrap();
    assert!(fixture.shelf.remove(&fixture.key()).await.unwrap());
    assert!(!fixture.shelf.remove(&fixture.key()).await.unwrap());
    assert!(fixture.files().is_empty());
    assert!(matches!(fixture.shelf.open(&fixture.key()).await, Err(Error::NotFound(_))));
    assert!(matches!(fixture.shelf.manifest(&fixture.key()).await, Err(Error::NotFound(_))));
}

/// However late it comes to it.
#[tokio::test]
async fn an_attempt_removes_its_own_and_those_before_it_and_never_what_a_later_one_made() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    let mut made = Vec::new();
    for attempt in [1, 2, 3, 20] {
        let request = WriteRequest { attempt, ..fixture.request() };
        let key = request.key();
        made.push((key, write(request, &fixture.shelf, &Watch::unobserved()).await.unwrap().manifest));
    }
    for (last, stay) in [(1, vec![2, 3, 20]), (2, vec![3, 20]), (10, vec![20]), (19, vec![20])] {
        let key = fixture.key().by(last);
        assert_eq!(fixture.shelf.remove(&key).await.unwrap(), last < 19);
        let (mut artefacts, mut manifests) = (BTreeSet::new(), BTreeSet::new());
        for entry in list(&fixture.shelf).await {
            match entry {
                Entry::Artefact { key, .. } => artefacts.insert(key.attempt()),
                Entry::Manifest { key, .. } => manifests.insert(key.attempt()),
                other => panic!("{other:?}"),
            };
        }
        assert_eq!((artefacts, manifests), (stay.clone().into_iter().collect(), stay.into_iter().collect()));
    }
    let (key, manifest) = made.pop().unwrap();
    let none = &fixture.identities;
    let proof =
        prove(&fixture.shelf, &key, &manifest, Depth::Full, none, &fixture.scratch(), &Watch::unobserved()).await;
    assert_eq!(proof.unwrap().key, key);
    assert!(fixture.shelf.remove(&fixture.key().by(i64::MAX)).await.unwrap());
    assert!(fixture.files().is_empty(), "{:?}", fixture.files());
}

#[tokio::test]
async fn a_complete_snapshot_is_never_overwritten() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    let manifest = fixture.write().await.unwrap();
    assert!(matches!(fixture.write().await, Err(Error::AlreadyPublished(_))));
    fixture.prove(&manifest, Depth::Full).await.unwrap();
    assert_eq!(fixture.files().len(), 2, "{:?}", fixture.files());
}

#[tokio::test]
async fn any_part_of_an_artefact_can_be_read_and_nothing_behind_its_end() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(5000).await;
    let bytes = fixture.write().await.unwrap().stored_bytes;
    let whole = std::fs::read(fixture.artefact()).unwrap();
    let artefact = fixture.shelf.open(&fixture.key()).await.unwrap();
    for range in [0..bytes, 0..1, 5..5, bytes - 1..bytes, 1000..70_000] {
        let pieces: Vec<_> = artefact.range(range.clone()).try_collect().await.unwrap();
        assert!(pieces.concat() == whole[range.start as usize..range.end as usize], "{range:?}");
    }
    for range in [0..bytes + 1, bytes..bytes + 1] {
        assert!(artefact.range(range.clone()).try_collect::<Vec<_>>().await.is_err(), "{range:?}");
    }
}

/// Another shelf was configured when the backup was made: it lies there, whole.
#[tokio::test]
async fn a_backup_that_is_older_than_its_shelf_is_elsewhere_and_a_younger_one_is_lost() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    let manifest = fixture.write().await.unwrap();
    std::fs::remove_file(fixture.manifest()).unwrap();
    std::fs::remove_file(fixture.artefact()).unwrap();
    let lost = fixture.prove(&manifest, Depth::Full).await;
    assert!(matches!(lost, Err(Error::Damaged(Damage::ManifestMissing))), "{lost:?}");
    let begun = manifest.taken_at + chrono::TimeDelta::seconds(1);
    std::fs::write(fixture.root().join(".shelf"), format!("{{\"begun\":\"{}\"}}", begun.to_rfc3339())).unwrap();
    let elsewhere = fixture.prove(&manifest, Depth::Full).await;
    assert!(matches!(elsewhere, Err(Error::Elsewhere { begun: at, .. }) if at == begun), "{elsewhere:?}");
}

/// Where a volume is not mounted, or a bucket was emptied: what lies there is not the shelf that the database remembers.
#[tokio::test]
async fn another_one_in_its_place_takes_no_snapshot_and_has_lost_none() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    let manifest = fixture.write().await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(&Settings::sqlite(home.path()), Clock::system(), Ids).await.unwrap();
    fixture.shelf.recognise(&store).await.unwrap();
    let id = fixture.shelf.id().await.unwrap();
    assert!(id.is_some());

    let (root, away) = (fixture.root(), fixture.root().with_file_name("away"));
    std::fs::rename(&root, &away).unwrap();
    std::fs::DirBuilder::new().mode(0o700).create(&root).unwrap();
    let other: ShelfId = Ids.next();
    for marker in [None, Some(other)] {
        if let Some(other) = marker {
            std::fs::write(root.join(".shelf"), format!("{{\"id\":\"{other}\"}}")).unwrap();
        }
        let told = [
            fixture.shelf.is_itself().await,
            fixture.write().await.map(drop),
            fixture.shelf.open(&fixture.key()).await.map(drop),
            fixture.prove(&manifest, Depth::Full).await.map(drop),
        ];
        for outcome in told {
            assert!(
                matches!(&outcome, Err(Error::AnotherShelf { wanted, found, .. }) if Some(*wanted) == id && *found == marker),
                "{outcome:?}"
            );
        }
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), usize::from(marker.is_some()), "nothing was put there");
    }
    std::fs::remove_dir_all(&root).unwrap();
    std::fs::rename(&away, &root).unwrap();
    fixture.prove(&manifest, Depth::Full).await.unwrap();
    store.close().await;
}
