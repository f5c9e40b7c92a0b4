//! Channels over HTTP: what may be told where, what is shown once, and how a try of them is followed.

use chiliview_store::{DeliveryId, admins::AdminRole, deliveries};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, on_every_engine};

const URL: &str = "https://hooks.example.com/T00/canary?key=canary";

fn webhook(name: &str) -> Value {
    json!({ "name": name, "kind": "webhook", "target": URL, "kinds": ["disk_low", "backup_failed", "disk_low"] })
}

async fn made(app: &TestApp, who: &Person, body: Value) -> Value {
    app.post(who, "/channels", body).await.expect(201).json()
}

fn path_of(channel: &Value) -> String {
    format!("/channels/{}", channel["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_secret_is_shown_when_it_is_made_and_never_again() {
    on_every_engine(async |app| {
        let (operator, auditor) = (app.admin(AdminRole::Operator).await, app.admin(AdminRole::Auditor).await);
        let create = async || {
            let call = app.call(Some(&operator), "POST", "/channels").header("Idempotency-Key", "one");
            call.json(&webhook("Hook")).send().await.expect(201)
        };
        let first = create().await;
        assert_eq!(first.header("etag"), "\"1\"");
        assert_eq!(first.text, create().await.text, "who lost the answer gets it again");
        let channel = first.json();
        let secret = first.field("secret");
        secret.parse::<chiliview_notify::Secret>().unwrap();
        assert_eq!(channel["kinds"], json!(["backup_failed", "disk_low"]));
        assert_eq!((first.field("target").as_str(), &channel["language"]), (URL, &json!("en")));

        let path = path_of(&channel);
        let rotated = app.post(&operator, &format!("{path}/rotate-secret"), json!({})).await.expect(200);
        assert_eq!(rotated.header("etag"), "\"2\"");
        let second = rotated.field("secret");
        assert_ne!(secret, second);
        for who in [&operator, &auditor] {
            for read in [&path, "/channels", "/audit"] {
                let text = app.get(who, read).await.expect(200).text;
                assert!(!text.contains(&secret) && !text.contains(&second) && !text.contains("whsec_"), "{text}");
            }
        }
        assert!(!app.get(&operator, "/audit").await.text.contains("canary"));
        assert_eq!(app.get(&auditor, &path).await.expect(200).field("target"), "https://hooks.example.com/***");

        let mail = json!({ "name": "Mail", "kind": "email", "target": "Ops <ops@example.com>", "language": "de" });
        let mail = made(app, &operator, mail).await;
        assert_eq!((mail.get("secret"), mail.get("kinds")), (None, None));
        let refused = app.post(&operator, &format!("{}/rotate-secret", path_of(&mail)), json!({})).await;
        refused.expect_problem(409, "no_secret");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_told_or_reached_is_refused_where_it_stands() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let refused = async |change: Value, pointer: &str| {
            let mut body = webhook("Hook");
            for (field, value) in change.as_object().unwrap() {
                body[field] = value.clone();
            }
            let answer = app.post(&owner, "/channels", body).await.expect_problem(422, "validation_failed");
            assert_eq!(answer.pointers(), [pointer], "{change}");
        };
        for target in ["http://127.0.0.1/", "https://localhost/", "http://[::ffff:10.0.0.1]/", "ftp://a.example/", ""] {
            refused(json!({ "target": target }), "/target").await;
        }
        refused(json!({ "target": "https://user:canary@example.com/" }), "/target").await;
        refused(json!({ "kind": "email" }), "/target").await;
        refused(json!({ "kind": "email", "target": "a@example.com\r\nBcc: b@example.com" }), "/target").await;
        refused(json!({ "kind": "pigeon" }), "/kind").await;
        refused(json!({ "kinds": ["nonsense"] }), "/kinds/0").await;
        refused(json!({ "kinds": [] }), "/kinds").await;
        refused(json!({ "language": "fr" }), "/language").await;
        refused(json!({ "name": " " }), "/name").await;
        refused(json!({ "secret": "whsec_mine" }), "/secret").await;
        assert_eq!(app.get(&owner, "/channels").await.expect(200).json(), json!({ "items": [] }));
    })
    .await;
}

#[tokio::test]
async fn a_channel_is_changed_by_who_saw_its_version_and_keeps_what_was_not_named() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let channel = made(app, &owner, webhook("Hook")).await;
        made(app, &owner, webhook("Other")).await;
        let path = path_of(&channel);
        let patch = async |version: &str, body: Value| {
            app.call(Some(&owner), "PATCH", &path).header("If-Match", version).json(&body).send().await
        };
        patch("\"7\"", json!({ "disabled": true })).await.expect_problem(412, "precondition_failed");
        let off = patch("\"1\"", json!({ "disabled": true, "kinds": null })).await.expect(200).json();
        assert_eq!((&off["disabled"], off.get("kinds"), &off["target"]), (&json!(true), None, &json!(URL)));
        assert!(off["disabled_at"].is_string());
        let on = patch("\"2\"", json!({ "disabled": false, "kinds": ["test"] })).await.expect(200).json();
        assert_eq!((&on["disabled"], on.get("disabled_at"), &on["kinds"]), (&json!(false), None, &json!(["test"])));
        let private = patch("\"3\"", json!({ "target": "http://10.0.0.1/" })).await;
        assert_eq!(private.expect_problem(422, "validation_failed").pointers(), ["/target"]);
        for field in ["target", "name", "language", "disabled"] {
            let cleared = patch("\"3\"", json!({ field: null })).await.expect_problem(422, "validation_failed");
            assert_eq!(cleared.pointers(), [format!("/{field}")]);
        }
        let clash = patch("\"3\"", json!({ "name": "OTHER" })).await.expect_problem(409, "name_taken");
        assert_eq!(clash.pointers(), ["/name"]);
        let now = app.get(&owner, &path).await.expect(200);
        assert_eq!((now.header("etag"), now.field("name").as_str()), ("\"3\"", "Hook"));
        app.delete(&owner, &path).await.expect(204);
        app.get(&owner, &path).await.expect_problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_try_is_followed_to_its_end_and_sent_again() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let channel = made(app, &owner, webhook("Hook")).await;
        let other = made(app, &owner, webhook("Other")).await;
        let path = path_of(&channel);
        let test = app.post(&owner, &format!("{path}/test"), json!({})).await.expect(202);
        let there = test.header("location").trim_start_matches("/api").to_owned();
        let waiting = app.get(&owner, &there).await.expect(200);
        assert_eq!(waiting.json(), test.json());
        assert_eq!((waiting.field("kind"), waiting.field("status")), ("test".into(), "queued".into()));
        let notices = app.get(&owner, "/notices?kind=test").await.expect(200);
        assert_eq!(notices.column("id"), [waiting.field("notice_id")]);
        let others = app.get(&owner, &format!("{}/deliveries", path_of(&other))).await.expect(200);
        assert_eq!(others.json()["items"], json!([]), "a try is for one channel");
        app.post(&owner, &format!("{there}/retry"), json!({})).await.expect_problem(409, "not_ended");

        let (id, now): (DeliveryId, _) = (waiting.field("id").parse().unwrap(), app.clock.now());
        let ended = app.app.central().write(async |tx| deliveries::give_up(tx, id, "nobody there", now).await);
        assert!(ended.await.unwrap());
        assert_eq!(app.get(&owner, &there).await.expect(200).field("error"), "nobody there");
        let again = app.post(&owner, &format!("{there}/retry"), json!({})).await.expect(202).json();
        assert_eq!((&again["status"], &again["attempts"], again.get("error")), (&json!("queued"), &json!(0), None));
        let jobs = app.get(&owner, "/jobs").await.expect(200);
        assert_eq!(jobs.json()["items"].as_array().unwrap().len(), 2, "{}", jobs.text);

        let newest = app.post(&owner, &format!("{path}/test"), json!({})).await.expect(202).field("id");
        let page = app.get(&owner, &format!("{path}/deliveries?limit=1")).await.expect(200);
        assert_eq!(page.column("id"), [newest]);
        let behind = format!("{path}/deliveries?limit=1&after={}", page.field("next"));
        assert_eq!(app.get(&owner, &behind).await.expect(200).column("id"), [waiting.field("id")]);

        app.delete(&owner, &path).await.expect(204);
        app.get(&owner, &there).await.expect_problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_ping_hears_no_notices_and_is_a_url_like_any_other() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let ping = json!({ "name": "Dead man", "kind": "ping", "target": "https://hc.example.com/ping/5f2e" });
        let channel = made(app, &owner, ping).await;
        assert_eq!((&channel["kind"], channel.get("secret")), (&json!("ping"), None));
        let kinds = json!({ "name": "B", "kind": "ping", "target": "https://hc.example.com/", "kinds": ["disk_low"] });
        assert_eq!(app.post(&owner, "/channels", kinds).await.expect(422).pointers(), ["/kinds"]);
        let patch = app.patch(&owner, &path_of(&channel), json!({ "kinds": ["disk_low"] })).await;
        assert_eq!(patch.expect(422).pointers(), ["/kinds"]);
        let private = json!({ "name": "C", "kind": "ping", "target": "http://127.0.0.1/ping" });
        assert_eq!(app.post(&owner, "/channels", private).await.expect(422).pointers(), ["/target"]);
    })
    .await;
}
