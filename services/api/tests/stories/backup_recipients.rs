//! For whom a tenant's backups are encrypted: who may say it, what may be said, and what is downloaded then.

use chiliview_store::{admins::AdminRole, users::UserRole};
use serde_json::{Value, json};

use crate::support::{Answer, Person, RECIPIENTS, TestApp, on_every_engine};

const PATH: &str = "/tenants/acme/backup-recipients";

async fn put(app: &TestApp, who: &Person, recipients: Value) -> Answer {
    app.call(Some(who), "PUT", PATH).json(&json!({ "recipients": recipients })).send().await
}

#[tokio::test]
async fn a_tenants_recipients_are_set_by_operators_and_read_by_its_managers() {
    on_every_engine(async |app| {
        let operator = app.admin(AdminRole::Operator).await;
        let tenant = app.tenant(&operator, "acme").await;
        let manager = app.user(&tenant, UserRole::Manager).await;
        assert_eq!(app.get(&manager, PATH).await.expect(200).json(), json!({ "recipients": [] }));
        let set = put(app, &operator, json!(RECIPIENTS)).await.expect(200);
        assert_eq!(set.json(), json!({ "recipients": RECIPIENTS }));
        assert_eq!(app.get(&manager, PATH).await.expect(200).json(), set.json());
        let again = put(app, &operator, json!(RECIPIENTS)).await.expect(200);
        assert_eq!(again.header("etag"), set.header("etag"), "nothing changed");
        put(app, &manager, json!([])).await.expect(404);
        put(app, &operator, json!([])).await.expect(200);
        assert_eq!(app.get(&manager, PATH).await.expect(200).json(), json!({ "recipients": [] }));
        let told = app.get(&operator, "/audit").await.expect(200).column("action");
        assert_eq!(told.iter().filter(|action| *action == "tenant.backup_recipients").count(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_public_key_is_named_by_its_place_and_changes_nothing() {
    on_every_engine(async |app| {
        let operator = app.admin(AdminRole::Operator).await;
        app.tenant(&operator, "acme").await;
        put(app, &operator, json!([RECIPIENTS[0]])).await.expect(200);
        for (wrong, pointers) in [
            (json!(["acme"]), vec!["/recipients/0"]),
            (json!(["", RECIPIENTS[0], "# a comment"]), vec!["/recipients/0", "/recipients/2"]),
            (json!([RECIPIENTS[0], RECIPIENTS[1], RECIPIENTS[0]]), vec!["/recipients/2"]),
            (json!(["AGE-SECRET-KEY-1QQQQ"]), vec!["/recipients/0"]),
            (json!(vec![RECIPIENTS[0]; 17]), vec!["/recipients"]),
        ] {
            let refused = put(app, &operator, wrong).await.expect_problem(422, "validation_failed");
            assert_eq!(refused.pointers(), pointers);
            assert!(!refused.text.contains("AGE-SECRET-KEY"), "{}", refused.text);
        }
        let stays = app.get(&operator, PATH).await.expect(200).json();
        assert_eq!(stays, json!({ "recipients": [RECIPIENTS[0]] }));
    })
    .await;
}

#[tokio::test]
async fn an_encrypted_backup_is_downloaded_under_the_name_that_tells() {
    on_every_engine(async |app| {
        let operator = app.admin(AdminRole::Operator).await;
        let tenant = app.tenant(&operator, "acme").await;
        let (backup, bytes) = app.sealed(Some((&tenant, "acme"))).await;
        assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
        let path = format!("/backups/{backup}/content");
        let (status, _, whole) = app.call(Some(&operator), "GET", &path).bytes().await;
        assert_eq!((status, whole == bytes), (200, true));
        let head = app.call(Some(&operator), "HEAD", &path).send().await.expect(200);
        assert!(head.header("content-disposition").contains(".db.zst.age\""), "{}", head.header("content-disposition"));
        assert_eq!(head.header("content-type"), "application/octet-stream");
        let manifest = app.get(&operator, &format!("/backups/{backup}/manifest")).await.expect(200).json();
        assert_eq!(manifest["encryption"]["recipients"], json!(RECIPIENTS));
        assert_eq!(manifest["engine"], "sqlite");
    })
    .await;
}
