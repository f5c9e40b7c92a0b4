//! Uploads: from the first piece to the backup, or to oblivion.

use chiliview_store::{
    Ids, UploadId,
    json_text::JsonText,
    upload_pieces::{self, Appended, Come, UploadPiece},
    uploads::{self, Identity, Open, Upload},
};

use crate::{
    common::{at, read, write},
    engines::on_every_engine,
};

fn upload(second: i64) -> Upload {
    Upload {
        id: Ids.next(),
        tenant_id: Ids.next(),
        file_name: Some("Müller.db.zst".into()),
        total_bytes: 1 << 40,
        sha256: Some("ab".repeat(32)),
        adopt: 1,
        backup_id: None,
        requested_by: "admin".into(),
        expires_at: at(second),
        created_at: at(0),
        identity: Some(JsonText(Identity::new("AGE-SECRET-KEY-canary".into()))),
    }
}

fn piece(upload: UploadId, first_byte: i64, bytes: i64) -> UploadPiece {
    UploadPiece { upload_id: upload, first_byte, bytes, number: 0, object: Ids.next(), sha256: "cd".repeat(32) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_becomes_one_backup_or_expires() {
    on_every_engine(async |store| {
        let db = store.central();
        let (first, second) = (upload(10), upload(20));
        for upload in [&first, &second] {
            write(db, async |tx| uploads::insert(tx, upload).await).await;
        }
        let find = async |id| read(db, async |tx| uploads::find(tx, id).await).await;
        let found = find(first.id).await.unwrap();
        assert_eq!(format!("{found:?}"), format!("{first:?}"));
        assert!(!format!("{found:?}").contains("canary"));

        let open = async |tenant| read(db, async |tx| uploads::open(tx, tenant).await).await;
        let complete = async |id, backup| write(db, async |tx| uploads::complete(tx, id, backup, at(5)).await).await;
        let expired = async |now| {
            let rows = read(db, async |tx| uploads::expired(tx, at(now), 9).await).await;
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(
            (open(first.tenant_id).await, expired(9).await),
            (Open { uploads: 1, bytes: first.total_bytes }, vec![])
        );
        assert_eq!(expired(20).await, [first.id, second.id]);
        let next = piece(second.id, 0, 1);
        let here = write(db, async |tx| upload_pieces::append(tx, &next, at(9), at(30)).await).await;
        assert_eq!(here, Appended::Here);
        assert_eq!(expired(20).await, [first.id]);

        let backup = Ids.next();
        assert!(complete(first.id, backup).await && !complete(first.id, Ids.next()).await, "it becomes one only");
        assert_eq!(find(first.id).await.unwrap().backup_id, Some(backup));
        assert_eq!(
            (open(first.tenant_id).await, expired(20).await),
            (Open { uploads: 0, bytes: 0 }, vec![]),
            "a job has it now"
        );

        let used = async || read(db, async |tx| uploads::used(tx, 9).await).await.len();
        assert_eq!(used().await, 1, "its backup is not under way");
        let delete = async |id| write(db, async |tx| uploads::delete(tx, id).await).await;
        assert!(delete(first.id).await && !delete(first.id).await);
        assert!(find(first.id).await.is_none() && !complete(first.id, backup).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_follow_each_other_without_holes_and_each_place_is_taken_once() {
    on_every_engine(async |store| {
        let db = store.central();
        let row = upload(100);
        write(db, async |tx| uploads::insert(tx, &row).await).await;
        let append = async |first, bytes, now| {
            let piece = piece(row.id, first, bytes);
            write(db, async |tx| upload_pieces::append(tx, &piece, at(now), at(100)).await).await
        };
        let come = async || read(db, async |tx| upload_pieces::come(tx, row.id).await).await;
        assert_eq!(come().await, Come::default());
        assert_eq!(append(5, 1, 1).await, Appended::Elsewhere, "nothing is before it");
        let mut at_once = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (db, piece) = (db.clone(), piece(row.id, 0, 10));
            at_once.spawn(async move {
                write(&db, async |tx| upload_pieces::append(tx, &piece, at(1), at(100)).await).await
            });
        }
        let outcomes = at_once.join_all().await;
        assert_eq!(outcomes.iter().filter(|appended| **appended == Appended::Here).count(), 1, "{outcomes:?}");
        assert_eq!(append(10, 7, 2).await, Appended::Here);
        assert_eq!((append(0, 10, 2).await, append(16, 1, 2).await), (Appended::Elsewhere, Appended::Elsewhere));
        assert_eq!(come().await, Come { bytes: 17, pieces: 2 });
        let all = read(db, async |tx| upload_pieces::all(tx, row.id).await).await;
        let places: Vec<_> = all.iter().map(|piece| (piece.first_byte, piece.bytes, piece.number)).collect();
        assert_eq!(places, [(0, 10, 1), (10, 7, 2)]);

        assert_eq!(append(17, 1, 100).await, Appended::Closed, "nobody went on with it in time");
        assert!(write(db, async |tx| uploads::close(tx, row.id, at(3)).await).await);
        assert_eq!(append(17, 1, 4).await, Appended::Closed);
        assert!(!write(db, async |tx| uploads::complete(tx, row.id, Ids.next(), at(4)).await).await);
        assert!(write(db, async |tx| uploads::delete(tx, row.id).await).await);
        assert_eq!((come().await, append(0, 1, 1).await), (Come::default(), Appended::Closed), "its pieces go with it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_uploads_of_a_tenant_are_closed_at_once_and_one_of_an_older_version_gets_its_key_once() {
    on_every_engine(async |store| {
        let db = store.central();
        let one = upload(100);
        let other = Upload { tenant_id: one.tenant_id, identity: None, ..upload(100) };
        let foreign = upload(100);
        for row in [&one, &other, &foreign] {
            write(db, async |tx| uploads::insert(tx, row).await).await;
        }
        let key = async |id, fresh: &str| {
            let fresh = Identity::new(fresh.into());
            let found = write(db, async |tx| uploads::identity(tx, id, &fresh).await).await;
            found.map(|identity| identity.reveal().to_owned())
        };
        assert_eq!(key(other.id, "first").await.as_deref(), Some("first"));
        assert_eq!(key(other.id, "second").await.as_deref(), Some("first"));
        assert_eq!(key(one.id, "second").await.as_deref(), Some("AGE-SECRET-KEY-canary"));
        assert_eq!(key(Ids.next(), "second").await, None);

        let rows = read(db, async |tx| uploads::of_tenant(tx, one.tenant_id, 9).await).await;
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [one.id, other.id]);
        assert_eq!(write(db, async |tx| uploads::close_of(tx, one.tenant_id, at(7)).await).await, 2);
        let open = async |id| read(db, async |tx| uploads::find(tx, id).await).await.unwrap().is_open(at(7));
        assert_eq!((open(one.id).await, open(other.id).await, open(foreign.id).await), (false, false, true));
    })
    .await;
}
