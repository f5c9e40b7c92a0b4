//! What is never reached: private addresses by number, by name, by a name that changes its mind, by redirect.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use chiliview_notify::webhook::deliver;
use chiliview_notify::{DeliveryError, Limits, Lookup, Outbound, Policy, Roots, UrlError};
use futures::future::{BoxFuture, ready};
use http::Response;
use http_body_util::Full;
use url::Url;

use crate::certificates::Identity;
use crate::receiver::{Receiver, answer, local, loopback};
use crate::webhooks::{message, now, webhook};

/// A resolver that answers what it was told, one answer for each question.
struct Told(Mutex<VecDeque<Vec<IpAddr>>>);

impl Told {
    fn answers(answers: &[&[&str]]) -> Arc<Self> {
        let read = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(read).collect())))
    }
}

impl Lookup for Told {
    fn lookup(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let answer = self.0.lock().unwrap().pop_front();
        Box::pin(ready(answer.ok_or(io::ErrorKind::NotFound.into())))
    }
}

fn asking(lookup: Arc<Told>, policy: Policy, roots: &Roots) -> Outbound {
    Outbound::with_lookup(policy, Limits::default(), roots, lookup).unwrap()
}

/// Only this one address of the machine.
fn second_address() -> Policy {
    Policy::allowing(vec!["127.0.0.2/32".parse().unwrap()])
}

fn by_name(receiver: &Receiver) -> Url {
    format!("http://hooks.test:{}/", receiver.address.port()).parse().unwrap()
}

async fn refused(outbound: &Outbound, url: Url) -> IpAddr {
    match deliver(outbound, &webhook(url), &message(), now()).await {
        Err(DeliveryError::Refused(UrlError::Address(address))) => address,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_private_address_gets_no_connection_however_it_is_written() {
    let receiver = Receiver::start(|_| answer(200, "")).await;
    let outbound = Outbound::new(Policy::default(), Limits::default(), &Roots::system()).unwrap();
    let port = receiver.address.port();
    for host in ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "localhost", "127.0.0.1."] {
        refused(&outbound, format!("http://{host}:{port}/").parse().unwrap()).await;
    }
    assert!(receiver.seen().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let receiver = Receiver::start(|_| answer(200, "")).await;
    for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"] {
        let outbound = asking(Told::answers(&[&[address]]), Policy::default(), &Roots::system());
        assert_eq!(refused(&outbound, by_name(&receiver)).await, address.parse::<IpAddr>().unwrap());
    }
    assert!(receiver.seen().is_empty());
}

#[tokio::test]
async fn of_several_addresses_only_permitted_ones_are_tried() {
    let inside = Receiver::start(|_| answer(200, "inside")).await;
    let outside =
        Receiver::listen(&format!("127.0.0.2:{}", inside.address.port()), None, |_| answer(200, "outside")).await;
    let outbound = asking(Told::answers(&[&["127.0.0.1", "127.0.0.2"]]), second_address(), &Roots::system());
    let delivered = deliver(&outbound, &webhook(by_name(&inside)), &message(), now()).await.unwrap();
    assert_eq!(delivered.excerpt, "outside");
    assert_eq!(outside.seen()[0].headers()["host"], format!("hooks.test:{}", inside.address.port()));
    assert!(inside.seen().is_empty());
}

#[tokio::test]
async fn a_name_that_turns_inside_between_two_deliveries_is_refused() {
    let receiver = Receiver::listen("127.0.0.2:0", None, |_| answer(200, "")).await;
    let outbound = asking(Told::answers(&[&["127.0.0.2"], &["127.0.0.1"]]), second_address(), &Roots::system());
    deliver(&outbound, &webhook(by_name(&receiver)), &message(), now()).await.unwrap();
    refused(&outbound, by_name(&receiver)).await;
    assert_eq!(receiver.seen().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inside = Receiver::start(|_| answer(200, "")).await;
    let location = inside.url("/metadata").to_string();
    let redirect = move || Response::builder().status(307).header("location", &location).body(Full::default()).unwrap();
    let outside = Receiver::listen("127.0.0.2:0", None, move |_| redirect()).await;
    let ended = deliver(&local(), &webhook(outside.url("/")), &message(), now()).await;
    assert!(matches!(ended, Err(DeliveryError::Status { code: 307, .. })));
    assert_eq!((outside.seen().len(), inside.seen().len()), (1, 0));
}

#[tokio::test]
async fn a_name_without_an_address_is_told_from_one_that_is_refused() {
    let outbound = asking(Told::answers(&[&[]]), Policy::default(), &Roots::system());
    for _ in 0..2 {
        let ended = deliver(&outbound, &webhook("http://hooks.test/".parse().unwrap()), &message(), now()).await;
        assert!(matches!(ended, Err(DeliveryError::Resolve(_))));
    }
}

#[tokio::test]
async fn https_is_taken_from_whom_we_trust_and_under_its_name_only() {
    let identity = Identity::of("hooks.test");
    let receiver = Receiver::listen("127.0.0.1:0", Some(identity.acceptor.clone()), |_| answer(200, "")).await;
    for (name, roots, taken) in [
        ("hooks.test", identity.roots(), true),
        ("hooks.test.", identity.roots(), true),
        ("other.test", identity.roots(), false),
        ("hooks.test", Roots::system(), false),
    ] {
        let outbound = asking(Told::answers(&[&["127.0.0.1"]]), loopback(), &roots);
        let url = format!("https://{name}:{}/", receiver.address.port()).parse().unwrap();
        let ended = deliver(&outbound, &webhook(url), &message(), now()).await;
        match ended {
            Ok(_) => assert!(taken, "{name} was taken"),
            Err(error) => assert!(!taken && matches!(error, DeliveryError::Tls(_)), "{name}: {}", error.words()),
        }
    }
    assert_eq!(receiver.seen().len(), 2);
}
