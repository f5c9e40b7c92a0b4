//! Uploads: a file comes in pieces, breaks off, goes on, and becomes a backup once.

use chiliview_store::{admins::AdminRole, users::UserRole};
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
