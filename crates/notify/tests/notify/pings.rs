//! Dead-man pings.

use chiliview_notify::ping::{Ping, send};
use chiliview_notify::{DeliveryError, Limits, Outbound, Policy, Roots};

use crate::receiver::{Receiver, answer, local};
use crate::webhooks::now;

#[tokio::test]
async fn a_ping_is_a_get_or_a_post_with_text() {
    let receiver = Receiver::start(|_| answer(200, "OK")).await;
    let url = receiver.url("/ping/5f2e?rid=1#ignored");
    send(&local(), &url, Ping::Get, now()).await.unwrap();
    send(&local(), &url, Ping::Post("12 Mandanten geprüft".into()), now()).await.unwrap();
    let seen = receiver.seen();
    assert_eq!((seen[0].method().as_str(), seen[0].uri().to_string().as_str()), ("GET", "/ping/5f2e?rid=1"));
    assert!(seen[0].body().is_empty());
    assert_eq!((seen[1].method().as_str(), &seen[1].body()[..]), ("POST", "12 Mandanten geprüft".as_bytes()));
}

#[tokio::test]
async fn a_ping_is_guarded_and_judged_like_a_webhook() {
    let receiver = Receiver::start(|_| answer(404, "no such check")).await;
    let ended = send(&local(), &receiver.url("/"), Ping::Get, now()).await;
    assert!(matches!(ended, Err(DeliveryError::Status { code: 404, .. })));
    let outside = Outbound::new(Policy::default(), Limits::default(), &Roots::system()).unwrap();
    let ended = send(&outside, &receiver.url("/"), Ping::Get, now()).await;
    assert!(matches!(ended, Err(DeliveryError::Refused(_))));
    assert_eq!(receiver.seen().len(), 1);
}
