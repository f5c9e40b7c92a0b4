//! Uploads: a file comes in pieces, breaks off, goes on, and becomes a backup once.

use std::{fs, path::PathBuf, time::Duration};

use chiliview_snapshot::Entry;
use chiliview_store::{
    admins::AdminRole,
    upload_pieces::{self, UploadPiece},
    uploads,
    users::UserRole,
};
use serde_json::{Value, json};

use crate::support::{Answer, Person, TestApp, on_every_engine};

async fn acme(app: &TestApp) -> Person {
    let operator = app.admin(AdminRole::Operator).await;
    app.tenant(&operator, "acme").await;
    operator
}

async fn begin(app: &TestApp, who: &Person, bytes: usize) -> String {
    app.post(who, "/uploads", json!({ "tenant": "acme", "bytes": bytes })).await.expect(201).field("id")
}

async fn send(app: &TestApp, who: &Person, upload: &str, offset: usize, piece: Vec<u8>) -> Answer {
    let call = app.call(Some(who), "PATCH", &format!("/uploads/{upload}"));
    call.header("Upload-Offset", &offset.to_string()).csv(piece).send().await
}

async fn offset(app: &TestApp, who: &Person, upload: &str) -> Value {
    app.get(who, &format!("/uploads/{upload}")).await.expect(200).json()["offset"].clone()
}

async fn finish(app: &TestApp, who: &Person, upload: &str) -> Answer {
    app.call(Some(who), "POST", &format!("/uploads/{upload}/finish")).send().await
}

async fn pieces(app: &TestApp, upload: &str) -> Vec<UploadPiece> {
    let id = upload.parse().unwrap();
    app.app.central().read(async |tx| upload_pieces::all(tx, id).await).await.unwrap()
}

/// How many pieces lie on the shelf.
async fn lying(app: &TestApp) -> usize {
    let mut entries = app.app.shelf().list();
    let mut pieces = 0;
    while let Some(entry) = entries.recv().await {
        let entry = entry.unwrap();
        assert!(matches!(entry, Entry::Piece { .. }), "{entry:?}");
        pieces += 1;
    }
    pieces
}

#[tokio::test]
async fn pieces_follow_each_other_and_become_one_backup() {
    on_every_engine(async |app| {
        let operator = acme(app).await;
        let upload = begin(app, &operator, 9).await;
        assert_eq!(send(app, &operator, &upload, 0, b"abcd".into()).await.expect(200).json()["offset"], 4);
        let wrong = send(app, &operator, &upload, 3, b"x".into()).await.expect_problem(409, "offset_mismatch");
        assert_eq!(wrong.json()["detail"], "the next piece begins at byte 4");
        finish(app, &operator, &upload).await.expect_problem(409, "upload_incomplete");
        send(app, &operator, &upload, 4, b"efghij".into()).await.expect_problem(413, "payload_too_large");
        assert_eq!(offset(app, &operator, &upload).await, 4, "nothing of a piece that is too long");
        send(app, &operator, &upload, 4, b"efghi".into()).await.expect(200);

        let backup = finish(app, &operator, &upload).await.expect(202);
        assert_eq!((backup.field("status"), backup.field("origin")), ("queued".into(), "import".into()));
        assert_eq!(backup.header("location"), format!("/api/backups/{}", backup.field("id")));
        let again = finish(app, &operator, &upload).await.expect(202);
        assert_eq!(again.field("id"), backup.field("id"));
        send(app, &operator, &upload, 9, b"".into()).await.expect_problem(409, "upload_finished");
        app.delete(&operator, &format!("/uploads/{upload}")).await.expect_problem(409, "upload_finished");
    })
    .await;
}

#[tokio::test]
async fn a_piece_may_be_longer_than_other_bodies_and_one_request_may_do() {
    on_every_engine(async |app| {
        let operator = acme(app).await;
        let large = vec![7; 3 << 20];
        let upload = begin(app, &operator, large.len()).await;
        assert_eq!(send(app, &operator, &upload, 0, large.clone()).await.expect(200).json()["offset"], large.len());
        let longer = vec![7; 20 << 20];
        let upload = begin(app, &operator, longer.len()).await;
        send(app, &operator, &upload, 0, longer).await.expect(200);
        let lengths: Vec<_> = pieces(app, &upload).await.iter().map(|piece| piece.bytes).collect();
        assert_eq!(lengths, [8 << 20, 8 << 20, 4 << 20], "and is cut to what fits into memory");

        let call = app.call(Some(&operator), "POST", "/backups/import?tenant=acme").csv(large);
        assert_eq!(call.send().await.expect(202).field("origin"), "import");
        let call = app.call(Some(&operator), "POST", "/backups/import?tenant=acme&sha256=x").csv("abc");
        assert_eq!(call.send().await.expect_problem(400, "invalid_parameter").pointers(), ["/query/sha256"]);
        let call = app.call(Some(&operator), "POST", "/backups/import").csv("abc");
        assert_eq!(call.send().await.expect_problem(422, "validation_failed").pointers(), ["/tenant"]);
    })
    .await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_field() {
    on_every_engine(async |app| {
        let operator = acme(app).await;
        let wrong = json!({ "tenant": "acme", "bytes": 0, "sha256": "ABC", "file_name": "a\nb" });
        let refused = app.post(&operator, "/uploads", wrong).await.expect_problem(422, "validation_failed");
        assert_eq!(refused.pointers(), ["/bytes", "/file_name", "/sha256"]);
        let endless = json!({ "tenant": "acme", "bytes": i64::MAX });
        app.post(&operator, "/uploads", endless).await.expect_problem(413, "payload_too_large");
        app.post(&operator, "/uploads", json!({ "tenant": "nobody", "bytes": 1 })).await.expect(404);
        for _ in 0..20 {
            begin(app, &operator, 1).await;
        }
        let more = json!({ "tenant": "acme", "bytes": 1 });
        app.post(&operator, "/uploads", more).await.expect_problem(409, "too_many_uploads");
    })
    .await;
}

#[tokio::test]
async fn a_manager_uploads_for_his_own_tenant_and_never_adopts() {
    on_every_engine(async |app| {
        let operator = acme(app).await;
        let other = app.tenant(&operator, "other").await;
        let acme = app.get(&operator, "/tenants/acme").await.field("id");
        let manager = app.user(&acme, UserRole::Manager).await;
        let foreign = app.user(&other, UserRole::Manager).await;
        let upload = app.post(&manager, "/uploads", json!({ "bytes": 3 })).await.expect(201);
        assert_eq!(upload.field("tenant_id"), acme);
        let upload = upload.field("id");
        app.post(&manager, "/uploads", json!({ "bytes": 3, "adopt": true })).await.expect(404);
        app.post(&manager, "/uploads", json!({ "bytes": 3, "tenant": "other" })).await.expect(404);
        for answer in [
            app.get(&foreign, &format!("/uploads/{upload}")).await,
            send(app, &foreign, &upload, 0, b"abc".into()).await,
            finish(app, &foreign, &upload).await,
            app.delete(&foreign, &format!("/uploads/{upload}")).await,
        ] {
            answer.expect(404);
        }
        app.delete(&manager, &format!("/uploads/{upload}")).await.expect(204);
        app.get(&manager, &format!("/uploads/{upload}")).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn what_came_before_a_break_is_kept_and_the_rest_follows_it() {
    on_every_engine(async |app| {
        let operator = acme(app).await;
        let upload = begin(app, &operator, 9 << 20).await;
        let sent = vec![7; (8 << 20) + 1000];
        app.broken_piece(&operator, &upload, 0, 9 << 20, &sent).await;
        assert_eq!(offset(app, &operator, &upload).await, sent.len());
        send(app, &operator, &upload, sent.len(), vec![7; (9 << 20) - sent.len()]).await.expect(200);
        finish(app, &operator, &upload).await.expect(202);
        assert_eq!(lying(app).await, 3);
    })
    .await;
}

#[tokio::test]
async fn of_two_pieces_at_one_place_one_is_taken_and_nothing_of_the_other_stays() {
    on_every_engine(async |app| {
        let operator = acme(app).await;
        for round in 1..=5 {
            let upload = begin(app, &operator, 3 << 20).await;
            let piece = || send(app, &operator, &upload, 0, vec![7; 1 << 20]);
            let (one, other) = tokio::join!(piece(), piece());
            let refused = if one.status == 200 { other } else { one };
            let code = refused.expect(409).field("code");
            assert!(["upload_busy", "offset_mismatch"].contains(&code.as_str()), "{code}");
            assert_eq!(offset(app, &operator, &upload).await, 1 << 20);
            assert_eq!((pieces(app, &upload).await.len(), lying(app).await), (1, round));
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_taken_where_another_shelf_lies_in_the_place_of_ours() {
    on_every_engine(async |app| {
        let operator = acme(app).await;
        let upload = begin(app, &operator, 9).await;
        send(app, &operator, &upload, 0, b"abcd".into()).await.expect(200);
        let (shelf, away): (PathBuf, _) = (app.shelf_path(), app.shelf_path().with_file_name("away"));
        fs::rename(&shelf, &away).unwrap();
        fs::create_dir(&shelf).unwrap();
        send(app, &operator, &upload, 4, b"efghi".into()).await.expect_problem(503, "shelf_unavailable");
        app.delete(&operator, &format!("/uploads/{upload}")).await.expect_problem(503, "shelf_unavailable");
        assert_eq!(fs::read_dir(&shelf).unwrap().count(), 0);
        fs::remove_dir(&shelf).unwrap();
        fs::rename(&away, &shelf).unwrap();
        app.get(&operator, &format!("/uploads/{upload}")).await.expect(404);

        let upload = begin(app, &operator, 9).await;
        send(app, &operator, &upload, 0, b"abcdefghi".into()).await.expect(200);
        finish(app, &operator, &upload).await.expect(202);
    })
    .await;
}

#[tokio::test]
async fn an_upload_ends_with_its_time_its_tenant_or_on_request_and_takes_no_pieces_any_more() {
    on_every_engine(async |app| {
        let operator = acme(app).await;
        let gone = async |upload: &str| {
            send(app, &operator, upload, 4, b"efghi".into()).await.expect(404);
            finish(app, &operator, upload).await.expect(404);
            app.get(&operator, &format!("/uploads/{upload}")).await.expect(404);
        };
        let begun = async || {
            let upload = begin(app, &operator, 9).await;
            send(app, &operator, &upload, 0, b"abcd".into()).await.expect(200);
            upload
        };
        let upload = begun().await;
        app.delete(&operator, &format!("/uploads/{upload}")).await.expect(204);
        gone(&upload).await;
        assert_eq!(lying(app).await, 0);

        let upload = begun().await;
        app.after(Duration::from_secs(23 * 3600));
        let operator_again = app.admin(AdminRole::Operator).await;
        send(app, &operator_again, &upload, 4, b"ef".into()).await.expect(200);
        app.after(Duration::from_secs(23 * 3600));
        let late = app.admin(AdminRole::Operator).await;
        assert_eq!(offset(app, &late, &upload).await, 6, "each piece gives it another day");
        app.after(Duration::from_secs(3600));
        app.get(&late, &format!("/uploads/{upload}")).await.expect(404);
        send(app, &late, &upload, 6, b"ghi".into()).await.expect(404);

        let fresh = app.admin(AdminRole::Operator).await;
        let upload = begin(app, &fresh, 9).await;
        app.delete(&fresh, "/tenants/acme").await.expect(204);
        send(app, &fresh, &upload, 0, b"abcd".into()).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_an_older_version_has_begun_is_sent_again_from_its_beginning() {
    on_every_engine(async |app| {
        let operator = acme(app).await;
        let upload = begin(app, &operator, 9).await;
        let id: chiliview_store::UploadId = upload.parse().unwrap();
        let forget = async |tx: &mut chiliview_store::Tx| {
            tx.query("UPDATE uploads SET identity = NULL WHERE id = $1").bind(id).execute().await
        };
        app.app.central().write(forget).await.unwrap();
        assert_eq!(offset(app, &operator, &upload).await, 0);
        send(app, &operator, &upload, 0, b"abcdefghi".into()).await.expect(200);
        let row = app.app.central().read(async |tx| uploads::find(tx, id).await).await.unwrap().unwrap();
        assert!(row.identity.is_some());
        finish(app, &operator, &upload).await.expect(202);
    })
    .await;
}
