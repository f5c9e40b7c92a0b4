//! Webhooks: signed as the receivers' own library wants it, and judged by their status.

use std::time::Duration;

use chiliview_notify::webhook::{Message, Webhook, deliver};
use chiliview_notify::{Delivered, DeliveryError, Fact, Kind, Notice, Secret};
use chrono::{DateTime, Utc};
use http::Response;
use http_body_util::Full;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::receiver::{Receiver, answer, local};

pub(crate) fn now() -> DateTime<Utc> {
    "2026-03-01T05:00:00Z".parse().unwrap()
}

/// The wall clock: the receivers' library refuses what is older than five minutes.
#[expect(clippy::disallowed_methods, reason = "the library reads the same clock")]
fn today() -> DateTime<Utc> {
    Utc::now()
}

pub(crate) fn message() -> Message {
    let notice = Notice::new(Kind::BackupFailed, "2026-03-01T04:05:06Z".parse().unwrap());
    Message::of(Uuid::from_u128(7), &notice.subject("größe").fact(Fact::Phase, "copying").cause("find room"))
}

pub(crate) fn webhook(url: Url) -> Webhook {
    Webhook { url, secret: Secret::from_random([1; 32]), previous: None }
}

async fn sent_to(receiver: &Receiver) -> Result<Delivered, DeliveryError> {
    deliver(&local(), &webhook(receiver.url("/")), &message(), now()).await
}

#[tokio::test]
async fn the_receivers_library_verifies_what_arrives() {
    let receiver = Receiver::start(|_| answer(204, "")).await;
    let webhook = webhook(receiver.url("/hooks?for=ops"));
    let now = today();
    deliver(&local(), &webhook, &message(), now).await.unwrap();
    let [request] = &receiver.seen()[..] else { panic!("one request") };
    let verifier = standardwebhooks::Webhook::new(&webhook.secret.expose()).unwrap();
    verifier.verify(request.body(), request.headers()).unwrap();
    let other = standardwebhooks::Webhook::new(&Secret::from_random([2; 32]).expose()).unwrap();
    assert!(other.verify(request.body(), request.headers()).is_err());
    assert_eq!(request.headers()["webhook-timestamp"], now.timestamp().to_string());
    assert_eq!(request.headers()["webhook-id"], Uuid::from_u128(7).to_string());
    assert_eq!(request.headers()["host"], receiver.address.to_string());
    assert_eq!(request.uri(), "/hooks?for=ops");
    assert_eq!(request.method(), "POST");
}

#[tokio::test]
async fn while_the_secret_changes_both_verify() {
    let receiver = Receiver::start(|_| answer(200, "")).await;
    let (new, old) = (Secret::from_random([1; 32]), Secret::from_random([2; 32]));
    let webhook = Webhook { previous: Some(old.clone()), ..webhook(receiver.url("/")) };
    deliver(&local(), &webhook, &message(), today()).await.unwrap();
    for secret in [new, old] {
        let verifier = standardwebhooks::Webhook::new(&secret.expose()).unwrap();
        let request = &receiver.seen()[0];
        verifier.verify(request.body(), request.headers()).unwrap();
    }
}

#[tokio::test]
async fn the_body_tells_the_notice() {
    let receiver = Receiver::start(|_| answer(200, "")).await;
    sent_to(&receiver).await.unwrap();
    let body: Value = serde_json::from_slice(receiver.seen()[0].body()).unwrap();
    assert_eq!(body["type"], "backup_failed");
    assert_eq!(body["timestamp"], "2026-03-01T04:05:06.000Z");
    assert_eq!(body["data"]["subject"], "größe");
    assert_eq!(body["data"]["facts"], json!({"phase": "copying"}));
    assert_eq!(receiver.seen()[0].headers()["content-type"], "application/json");
}

#[tokio::test]
async fn a_second_attempt_is_the_same_message() {
    let receiver = Receiver::start(|number| answer(if number == 0 { 500 } else { 200 }, "so it is")).await;
    let failed = sent_to(&receiver).await.unwrap_err();
    assert_eq!(failed.answer(), Some((500, "so it is")));
    assert_eq!(failed.next_attempt(1, 0), Some(Duration::from_secs(5)));
    let delivered = sent_to(&receiver).await.unwrap();
    assert_eq!((delivered.status, delivered.excerpt.as_str()), (200, "so it is"));
    let seen = receiver.seen();
    assert_eq!(seen[0].headers()["webhook-id"], seen[1].headers()["webhook-id"]);
    assert_eq!(seen[0].body(), seen[1].body());
}

#[tokio::test]
async fn a_receiver_says_when_to_come_back_and_when_not_to() {
    let busy = || Response::builder().status(429).header("retry-after", "3600").body(Full::default()).unwrap();
    let receiver = Receiver::start(move |number| if number == 0 { busy() } else { answer(410, "") }).await;
    let throttled = sent_to(&receiver).await.unwrap_err();
    assert_eq!(throttled.next_attempt(1, 0), Some(Duration::from_hours(1)));
    let gone = sent_to(&receiver).await.unwrap_err();
    assert!(gone.is_gone() && !gone.is_worth_retrying());
}

#[tokio::test]
async fn an_answer_is_kept_without_what_a_database_cannot_hold() {
    let receiver = Receiver::start(|_| answer(200, "a\u{0}b\u{1b}[31m\r\nc")).await;
    assert_eq!(sent_to(&receiver).await.unwrap().excerpt, "a\u{fffd}b\u{fffd}[31m\nc");
}
