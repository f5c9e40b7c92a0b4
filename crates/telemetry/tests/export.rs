//! Spans reach an OTLP/HTTP collector, and a silent collector cannot hold the process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use chiliview_telemetry::{Console, Guard, Settings, build, context};
use tracing::{Dispatch, dispatcher, info_span};

struct Post {
    head: String,
    body: Vec<u8>,
}

/// Answers one request with 200 and returns it.
fn collector() -> (SocketAddr, JoinHandle<Post>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let served = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("the exporter connects");
        answer(stream)
    });
    (address, served)
}

fn answer(stream: TcpStream) -> Post {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = reader.read_line(&mut head).expect("a whole head");
        assert_ne!(read, 0, "the connection closed inside the head");
    }
    head.make_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.parse().ok())
        .expect("a body of known length");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a whole body");
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("the exporter waits for it");
    Post { head, body }
}

fn exporting_to(address: SocketAddr) -> (Dispatch, Guard) {
    let settings = Settings {
        console: Console::None,
        log_filter: "trace".to_owned(),
        otlp_endpoint: Some(format!("http://{address}")),
        service_instance: "test-instance".to_owned(),
        ..Settings::default()
    };
    build(settings).expect("the settings are sound")
}

/// The trace id of a span named `backup.run`.
fn one_span(dispatch: &Dispatch) -> String {
    dispatcher::with_default(dispatch, || {
        // The target of spans in this crate's own modules; a test's is its file name.
        let span = info_span!(target: "chiliview_test", "backup.run", tenant = "acme");
        span.in_scope(|| context::trace_id(&span)).expect("it is traced")
    })
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

fn assert_exported(post: &Post, trace: &str) {
    assert!(post.head.starts_with("post /v1/traces http/1.1\r\n"), "{}", post.head);
    assert!(post.head.contains("content-type: application/x-protobuf"), "{}", post.head);
    let trace = u128::from_str_radix(trace, 16).expect("hexadecimal").to_be_bytes();
    for part in [&trace[..], b"backup.run", b"acme", b"chiliview", b"test-instance"] {
        assert!(contains(&post.body, part), "{part:?}");
    }
    assert!(!contains(&post.body, b"hyper"), "the exporter traced itself");
}

#[test]
fn spans_arrive_after_shutdown() {
    let (address, served) = collector();
    let (dispatch, guard) = exporting_to(address);
    let trace = one_span(&dispatch);
    guard.shutdown();
    assert_exported(&served.join().expect("one request"), &trace);
}

#[tokio::test(flavor = "current_thread")]
async fn shutdown_works_on_the_only_thread_of_a_runtime() {
    let (address, served) = collector();
    let (dispatch, guard) = exporting_to(address);
    let trace = one_span(&dispatch);
    guard.shutdown();
    assert_exported(&served.join().expect("one request"), &trace);
}

#[test]
fn a_silent_collector_does_not_hold_the_process() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (dispatch, guard) = exporting_to(listener.local_addr().expect("it is bound"));
    one_span(&dispatch);
    drop(guard);
}
