//! Pieces of uploads on the shelf: closed to whoever has nothing but the shelf, no strangers there, and removed whole.

use std::collections::BTreeSet;

use chiliview_snapshot::{
    Adoption, Digest, Entry, Error, Identities, Piece, PieceKey, Shelf, Swept, UploadKey, Uploaded, Watch, adopt,
};
use chiliview_store::{Clock, Ids, Settings, Store, UploadId};

use crate::common::{self, Fixture};
use crate::shelf::list;

/// The bytes as three pieces on the shelf.
pub(crate) async fn uploaded(shelf: &Shelf, bytes: &[u8], sha256: Option<Digest>) -> Uploaded {
    let (key, _) = UploadKey::generate().unwrap();
    let (upload, mut pieces, mut first_byte) = (Ids.next(), Vec::new(), 0);
    for part in bytes.chunks((bytes.len() / 3 + 1).min(8 << 20)) {
        let piece = PieceKey::of(upload, Ids.next());
        let mut sealer = key.seal().unwrap();
        sealer.append(part).unwrap();
        let sealed = sealer.finish().unwrap();
        shelf.put_piece(&piece, sealed.sealed).await.unwrap();
        pieces.push(Piece { key: piece, first_byte, bytes: sealed.bytes, sha256: sealed.sha256 });
        first_byte += sealed.bytes;
    }
    Uploaded { shelf: shelf.clone(), key, pieces, bytes: first_byte, sha256 }
}

fn of(upload: &Uploaded) -> UploadId {
    upload.pieces[0].key.upload()
}

#[tokio::test]
async fn pieces_are_listed_as_such_closed_to_everybody_and_removed_together() {
    let fixture = Fixture::new().await;
    let shelf = &fixture.shelf;
    let secret = b"SQLite format 3 and a tenant's customers".repeat(1000);
    let (first, second) = (uploaded(shelf, &secret, None).await, uploaded(shelf, &secret, None).await);
    let lying = list(shelf).await;
    let keys: BTreeSet<_> =
        lying.iter().map(|entry| if let Entry::Piece { key } = entry { *key } else { panic!("{entry:?}") }).collect();
    let put = first.pieces.iter().chain(&second.pieces).map(|piece| piece.key);
    assert_eq!(keys, put.collect());
    for file in fixture.files() {
        let bytes = std::fs::read(&file).unwrap();
        assert!(bytes.starts_with(b"age-encryption.org/v1"), "{}", file.display());
        assert!(!bytes.windows(20).any(|window| secret.starts_with(window)), "{}", file.display());
    }

    assert_eq!(shelf.sweep().await.unwrap(), Swept::default());
    assert_eq!(shelf.uploads(None).await.unwrap(), [of(&first), of(&second)]);
    assert_eq!(shelf.uploads(Some(of(&first))).await.unwrap(), [of(&second)]);
    assert!(shelf.upload_touched(of(&first)).await.unwrap().is_some());
    assert_eq!(shelf.upload_touched(Ids.next()).await.unwrap(), None);
    shelf.remove_piece(&first.pieces[0].key).await.unwrap();
    shelf.remove_piece(&first.pieces[0].key).await.unwrap();
    assert_eq!(fixture.files().len(), 5);
    for _ in 0..2 {
        shelf.remove_upload(of(&first)).await.unwrap();
    }
    assert_eq!(shelf.uploads(None).await.unwrap(), [of(&second)]);
    shelf.remove_upload(of(&second)).await.unwrap();
    assert!(fixture.files().is_empty(), "{:?}", fixture.files());
    assert!(shelf.uploads(None).await.unwrap().is_empty() && list(shelf).await.is_empty());
}

#[tokio::test]
async fn what_is_not_ours_among_the_pieces_is_told_and_stays() {
    let fixture = Fixture::new().await;
    let upload = uploaded(&fixture.shelf, &[7; 100], None).await;
    let folder = fixture.root().join("uploads");
    std::fs::write(folder.join("note"), "?").unwrap();
    std::fs::write(folder.join(of(&upload).to_string()).join("copy"), "?").unwrap();
    std::fs::create_dir(folder.join("mine")).unwrap();
    std::fs::write(folder.join("mine/file"), "?").unwrap();
    let unknown: BTreeSet<_> = list(&fixture.shelf)
        .await
        .into_iter()
        .filter_map(|entry| if let Entry::Unknown { name } = entry { Some(name) } else { None })
        .collect();
    let copy = format!("uploads/{}/copy", of(&upload));
    assert_eq!(unknown, BTreeSet::from(["uploads/note".into(), "uploads/mine/file".into(), copy]));
    assert_eq!(fixture.shelf.uploads(None).await.unwrap(), [of(&upload)]);
}

#[tokio::test]
async fn another_shelf_takes_no_piece_and_has_lost_none() {
    let fixture = Fixture::new().await;
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(&Settings::sqlite(home.path()), Clock::system(), Ids).await.unwrap();
    fixture.shelf.recognise(&store).await.unwrap();
    let upload = uploaded(&fixture.shelf, &[7; 100], None).await;
    let (root, away) = (fixture.root(), fixture.root().with_file_name("away"));
    std::fs::rename(&root, &away).unwrap();
    std::fs::create_dir(&root).unwrap();
    let shelf = &fixture.shelf;
    let to = fixture.scratch().join("adopted.db");
    let request = Adoption {
        upload: upload.clone(),
        to,
        max_plain_bytes: 1 << 20,
        accepted: Vec::new(),
        identities: Identities::none(),
    };
    let told = [
        shelf.put_piece(&PieceKey::of(Ids.next(), Ids.next()), vec![vec![1].into()]).await,
        shelf.remove_piece(&upload.pieces[0].key).await,
        shelf.remove_upload(of(&upload)).await,
        shelf.uploads(None).await.map(drop),
        adopt(request, &Watch::unobserved()).await.map(drop),
    ];
    for outcome in told {
        assert!(matches!(outcome, Err(Error::AnotherShelf { .. })), "{outcome:?}");
    }
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0, "nothing was put there");
    store.close().await;
}

#[tokio::test]
async fn what_pieces_may_take_is_bounded_where_the_shelf_is() {
    let fixture = Fixture::new().await;
    let spare = fixture.shelf.spare_bytes().await.unwrap();
    assert_eq!(spare.is_some(), crate::KIND == common::Kind::Directory);
}
