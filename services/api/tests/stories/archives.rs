//! Several backups in one tar: exact, resumable, and only what the caller may have.

use std::{collections::BTreeMap, io::Read as _, time::Duration};

use chiliview_snapshot::{Entry, Shelf};
use chiliview_store::{BackupId, admins::AdminRole, backups, users::UserRole};
use serde_json::json;

use crate::support::{Person, TestApp, on_every_engine};

fn unpacked(tar: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert!(files.insert(name, content).is_none());
    }
    files
}

async fn link(app: &TestApp, who: &Person, ids: &[&str]) -> String {
    let made = app.post(who, "/backup-archive/download-link", json!({ "backups": ids })).await.expect(201);
    made.field("url").strip_prefix("/api").unwrap().to_owned()
}

#[tokio::test]
async fn a_tar_of_several_backups_is_exact_can_be_resumed_and_is_a_shelf_when_unpacked() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (acme, beta) = (app.tenant(&owner, "acme").await, app.tenant(&owner, "beta").await);
        let (first, first_bytes) = app.backed_up(Some((&acme, "acme"))).await;
        let (second, second_bytes) = app.backed_up(Some((&beta, "beta"))).await;
        let (central, _) = app.backed_up(None).await;
        let path = format!("/backup-archive?backups={second},{first},{central},{first}");
        let (status, etag, whole) = app.call(Some(&owner), "GET", &path).bytes().await;
        assert_eq!(status, 200);
        let files = unpacked(&whole);
        assert_eq!(files.len(), 9, "{:?}", files.keys());
        assert!(files[&format!("{acme}/{first}.db.zst")] == first_bytes);
        assert!(files[&format!("{beta}/{second}.db.zst")] == second_bytes);
        let certificate = &files[&format!("{acme}/{first}.certificate.json")];
        assert!(serde_json::from_slice::<serde_json::Value>(certificate).unwrap()["signature"].is_string());

        // As a shelf: what was unpacked is found there, whole.
        let directory = tempfile::tempdir().unwrap();
        tar::Archive::new(&whole[..]).unpack(directory.path()).unwrap();
        let shelf = Shelf::existing(directory.path()).await.unwrap();
        let mut entries = shelf.list();
        let mut snapshots = 0;
        while let Some(entry) = entries.recv().await {
            snapshots += usize::from(matches!(entry.unwrap(), Entry::Artefact { .. }));
        }
        assert_eq!(snapshots, 3);

        let head = app.call(Some(&owner), "HEAD", &path).send().await.expect(200);
        assert_eq!(head.header("content-length"), whole.len().to_string());
        app.after(Duration::from_secs(3600));
        let by_link = link(app, &owner, &[&first, &second, &central]).await;
        let received = app.call(None, "GET", &by_link).broken_after(700).await;
        assert!(received.len() < whole.len() && whole.starts_with(&received));
        let rest = app.call(None, "GET", &by_link).header("If-Range", &etag);
        let rest = rest.header("Range", &format!("bytes={}-", received.len())).bytes().await;
        assert_eq!((rest.0, rest.1, [received, rest.2].concat() == whole), (206, etag, true));
        app.after(Duration::from_secs(301));
        app.call(None, "GET", &by_link).send().await.expect_problem(410, "link_expired");
        let told = app.get(&owner, "/audit?action=backup.download").await.expect(200).column("object_id");
        assert_eq!(told.iter().filter(|id| **id == first).count(), 4, "each download of each backup is told of");
    })
    .await;
}

#[tokio::test]
async fn who_may_not_have_one_of_them_gets_none() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (acme, beta) = (app.tenant(&owner, "acme").await, app.tenant(&owner, "beta").await);
        let (ours, _) = app.backed_up(Some((&acme, "acme"))).await;
        let (theirs, _) = app.backed_up(Some((&beta, "beta"))).await;
        let (central, _) = app.backed_up(None).await;
        let manager = app.user(&acme, UserRole::Manager).await;
        let operator = app.admin(AdminRole::Operator).await;
        let ask = async |who: &Person, ids: &str| {
            let direct = app.get(who, &format!("/backup-archive?backups={ids}")).await.status;
            let ids: Vec<_> = ids.split(',').collect();
            let link = app.post(who, "/backup-archive/download-link", json!({ "backups": ids })).await.status;
            (direct, link)
        };
        assert_eq!(ask(&manager, &ours).await, (200, 201));
        assert_eq!(ask(&manager, &format!("{ours},{theirs}")).await, (404, 404));
        assert_eq!(ask(&operator, &format!("{ours},{central}")).await, (403, 403));
        let waiting = app.post(&owner, "/backups", json!({ "scope": "central" })).await.expect(202).field("id");
        assert_eq!(ask(&owner, &format!("{ours},{waiting}")).await, (409, 409));
        let member = app.user(&acme, UserRole::Member).await;
        assert_eq!(ask(&member, &ours).await, (403, 403));
        assert_eq!(app.get(&owner, "/backup-archive?backups=nonsense").await.status, 400);
        let many = vec![ours.clone(); 51];
        app.get(&owner, &format!("/backup-archive?backups={}", many.join(",")))
            .await
            .expect_problem(400, "invalid_parameter");
        let wrong = app.post(&owner, "/backup-archive/download-link", json!({ "backups": many })).await.expect(422);
        assert_eq!(wrong.pointers(), ["/backups"]);
        app.post(&owner, "/backup-archive/download-link", json!({ "backups": [] })).await.expect(422);

        let path = link(app, &manager, &[&ours]).await;
        app.delete(&owner, &format!("/backups/{ours}?force=true")).await.expect(204);
        assert_eq!(app.call(None, "GET", &path).status().await, 410, "a backup in the trash");
    })
    .await;
}

#[tokio::test]
async fn of_one_that_found_nothing_changed_the_older_one_comes_once() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let acme = app.tenant(&owner, "acme").await;
        let (older, _) = app.backed_up(Some((&acme, "acme"))).await;
        let same = app.post(&owner, "/backups", json!({ "scope": "tenant", "tenant": acme })).await.field("id");
        let (id, source): (BackupId, BackupId) = (same.parse().unwrap(), older.parse().unwrap());
        let now = app.clock.now();
        let unchanged = app.app.central().write(async |tx| {
            let number = backups::start(tx, id, now).await?.unwrap();
            backups::unchanged(tx, id, number, source, now).await
        });
        assert!(unchanged.await.unwrap());
        let (status, _, whole) =
            app.call(Some(&owner), "GET", &format!("/backup-archive?backups={same},{older}")).bytes().await;
        assert_eq!((status, unpacked(&whole).len()), (200, 3));
    })
    .await;
}
