//! Uploads: from the first piece to the backup, or to oblivion.

use chiliview_store::{
    Ids,
    uploads::{self, Open, Upload},
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
    }
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

        let open = async |tenant| read(db, async |tx| uploads::open(tx, tenant).await).await;
        let complete = async |id, backup| write(db, async |tx| uploads::complete(tx, id, backup).await).await;
        let expired = async |now| {
            let rows = read(db, async |tx| uploads::expired(tx, at(now), 9).await).await;
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(
            (open(first.tenant_id).await, expired(9).await),
            (Open { uploads: 1, bytes: first.total_bytes }, vec![])
        );
        assert_eq!(expired(20).await, [first.id, second.id]);
        assert!(write(db, async |tx| uploads::extend(tx, second.id, at(30)).await).await);
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
