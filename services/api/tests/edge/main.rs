//! The edge against a real socket, with clients that behave badly.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

mod support;

use std::time::Duration;

use chiliview_api::edge::Limits;
use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use poem::http::{Method, StatusCode};
use serde_json::json;
use support::{Http2, Reply, Server, chunk, get, post};

const PROBLEM: &str = "application/problem+json";

#[tokio::test]
async fn half_a_header_is_not_waited_for() {
    let server = Server::with(Limits { header_timeout: Duration::from_millis(50), ..Limits::default() }).await;
    for half in ["", "P", "PRI * HTTP/2.0\r\n", "GET /api/things HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut client = server.connect().await;
        client.send(half).await;
        assert_eq!(client.rest().await, "", "nothing is answered to {half:?}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_answer() {
    let server = Server::with(Limits { keep_alive: Duration::from_millis(50), ..Limits::default() }).await;
    let mut client = server.connect().await;
    client.send("GET /api/things HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn stalled_connections_do_not_keep_a_fresh_request_waiting() {
    const BEGUN: &str = "POST /api/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Le";
    const SENDING: &str = "POST /api/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                           Content-Length: 100\r\n\r\n{";
    /// HTTP/2's preface, empty SETTINGS, and a few bytes of HEADERS that are to be 8192.
    const BEGUN_2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\x20\0\x01\x04\0\0\0\x01\x82";
    let server = Server::start().await;
    let (mut stalled, mut stalled_2, mut sending) = (Vec::new(), Vec::new(), FuturesUnordered::new());
    for _ in 0..84 {
        for begun in [BEGUN.as_bytes(), SENDING.as_bytes(), BEGUN_2] {
            let mut client = server.connect().await;
            client.send(begun).await;
            stalled.push(client);
        }
        let mut idle = server.connect().await;
        idle.send("GET /api/things HTTP/1.1\r\nHost: x\r\n\r\n").await;
        idle.until("[]").await;
        let (idle_2, sends) = (Http2::connect(server.address).await, Http2::connect(server.address).await);
        assert_eq!(idle_2.get("/api/things").await, 200);
        sending.push(sends.ask(Method::POST, "/api/things", support::half_a_body(b"{")));
        stalled.push(idle);
        stalled_2.extend([idle_2, sends]);
    }
    assert!(stalled.len() + stalled_2.len() >= 500 && sending.next().now_or_never().is_none());
    assert_eq!(server.ask(&get("/livez", "")).await.status, 200);
    assert_eq!(Http2::connect(server.address).await.get("/livez").await, 200);
    assert_eq!(server.ask(&get("/api/things", "")).await.status, 200);
}

#[tokio::test]
async fn over_the_bound_it_is_told_that_we_live_and_are_busy() {
    let server = Server::with(Limits { connections: 2, ..Limits::default() }).await;
    let mut taken = server.connect().await;
    taken.send("GET /api/things HTTP/1.1\r\nHost: x\r\n\r\n").await;
    taken.until("[]").await;
    let taken_2 = Http2::connect(server.address).await;
    assert_eq!(taken_2.get("/api/things").await, 200);

    let kept_open = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(server.ask(&kept_open("/livez")).await.status, 200);
    let busy = server.ask(&kept_open("/api/things")).await;
    assert_eq!((busy.status, busy.json()["code"].as_str()), (503, Some("unavailable")));
    assert_eq!((busy.header("retry-after"), busy.header("x-trace-id").len()), ("1", 32));
    let beyond = Http2::connect(server.address).await;
    assert_eq!(beyond.get("/livez").await, 200);
    beyond.closed().await;

    drop(taken);
    while server.ask(&get("/api/things", "")).await.status == 503 {}
    assert_eq!(taken_2.get("/api/things").await, 200);
}

#[tokio::test]
async fn with_all_spare_connections_taken_the_next_one_waits_and_is_served_then() {
    let server = Server::with(Limits { connections: 1, spare_connections: 0, ..Limits::default() }).await;
    let first = server.connect().await;
    let mut second = server.connect().await;
    second.send(&get("/api/things", "")).await;
    drop(first);
    assert!(second.rest().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_peer_has_so_many_connections_and_a_proxy_all_of_them() {
    let limits = Limits { connections_of_a_peer: 1, ..Limits::default() };
    let server = Server::with(limits.clone()).await;
    let mut first = server.connect().await;
    assert_eq!(server.connect().await.rest().await, "");
    first.send(&get("/livez", "")).await;
    assert!(first.rest().await.starts_with("HTTP/1.1 200"));

    let server = Server::with(Limits { proxies: vec!["127.0.0.0/8".parse().unwrap()], ..limits }).await;
    let _first = server.connect().await;
    assert_eq!(server.ask(&get("/livez", "")).await.status, 200);
}

#[tokio::test]
async fn what_strangers_send_is_not_kept() {
    static NEARLY_A_MEBIBYTE: [u8; (1 << 20) - 1] = [b' '; (1 << 20) - 1];
    let server = Server::start().await;
    let before = support::peak_memory();
    let (mut connections, mut refused) = (Vec::new(), FuturesUnordered::new());
    for _ in 0..8 {
        let connection = Http2::connect(server.address).await;
        let log_in = || connection.ask(Method::POST, "/api/things", support::half_a_body(&NEARLY_A_MEBIBYTE));
        refused.extend(std::iter::repeat_with(log_in).take(32));
        connections.push(connection);
    }
    while let Some(status) = refused.next().await {
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    }
    assert!(support::peak_memory() - before < 128 << 20, "the bodies were kept in memory");
}

const BEGINNING: usize = 8000;

/// Sends the beginning of eight bodies at once, and no more, until as many as do not fit are refused.
async fn refused_of_eight(server: &Server, refused: usize) {
    let whole = post("/api/things", "Content-Type: application/json\r\n", &" ".repeat(BEGINNING + 1));
    let half = &whole[..whole.len() - 1];
    let mut clients = FuturesUnordered::new();
    for _ in 0..8 {
        let mut client = server.connect().await;
        client.send(half).await;
        clients.push(async move { Reply::parse(&client.rest().await) });
    }
    for _ in 0..refused {
        let refused = clients.next().await.unwrap();
        assert_eq!((refused.status, refused.header("retry-after")), (503, "5"));
    }
}

#[tokio::test]
async fn half_sent_bodies_take_no_more_room_than_there_is() {
    const ROOM: usize = 32 << 10;
    let (body_room_wait, proxies) = (Duration::from_millis(50), vec!["127.0.0.0/8".parse().unwrap()]);
    let limits = Limits { strangers_bodies_bytes: ROOM, body_room_wait, ..Limits::default() };
    let server = Server::with(Limits { proxies, ..limits.clone() }).await;
    refused_of_eight(&server, 8 - ROOM / BEGINNING).await;
    // They are gone: there is room again.
    let thing = json!({ "name": "x".repeat(BEGINNING), "size": 1 }).to_string();
    while server.ask(&post("/api/things", "Content-Type: application/json\r\n", &thing)).await.status != 201 {}

    let server = Server::with(limits).await;
    refused_of_eight(&server, 7).await;
}

#[tokio::test]
async fn an_endless_body_is_refused_without_being_kept() {
    let server = Server::start().await;
    let before = support::peak_memory();
    let mut client = server.connect().await;
    let head =
        "POST /api/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.send(head).await;
    let reply = client.send_while_reading(&chunk(1 << 20), 300).await;
    assert_eq!((reply.status, reply.header("content-type")), (413, PROBLEM));
    assert!(support::peak_memory() - before < 64 << 20, "the body was kept in memory");
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused() {
    let server = Server::start().await;
    let more = "Content-Type: application/json\r\nContent-Length: 8193\r\n";
    let reply = server.ask(&format!("POST /api/things HTTP/1.1\r\nHost: x\r\n{more}\r\n")).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (413, Some("payload_too_large")));
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let server = Server::with(Limits { body_idle: Duration::from_millis(50), ..Limits::default() }).await;
    let more = "Content-Type: application/json\r\nContent-Length: 100\r\n";
    let reply = server.ask(&format!("POST /api/things HTTP/1.1\r\nHost: x\r\n{more}\r\n{{")).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (408, Some("timeout")));
}

#[tokio::test]
async fn a_panic_is_a_problem_and_the_next_request_is_served() {
    let server = Server::start().await;
    for request in [get("/panic", ""), post("/panic", "", "")] {
        let reply = server.ask(&request).await;
        assert_eq!((reply.status, reply.header("content-type")), (500, PROBLEM));
        assert_eq!(reply.json()["trace_id"].as_str(), Some(reply.header("x-trace-id")));
        assert!(!reply.body.contains("oh no"));
    }
    assert_eq!(server.ask(&get("/api/things", "")).await.status, 200);
}

#[tokio::test]
async fn the_frameworks_refusals_are_problems_too() {
    let server = Server::start().await;
    let missing = server.ask(&get("/api/nothing?token=secret", "")).await;
    assert_eq!((missing.status, missing.header("content-type")), (404, PROBLEM));
    let expected = json!({
        "type": "/problems/not-found", "title": "Not found", "status": 404, "code": "not_found",
        "detail": "no such resource", "instance": "/api/nothing", "trace_id": missing.header("x-trace-id"),
    });
    assert_eq!(missing.json(), expected);
    let method = server.ask("DELETE /api/things/7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!((method.status, method.header("allow")), (405, "GET, HEAD"));
    let media = server.ask(&post("/api/things", "Content-Type: text/plain\r\n", "{}")).await;
    assert_eq!((media.status, media.json()["code"].as_str()), (415, Some("unsupported_media_type")));
    let id = server.ask(&get("/api/things/seven", "")).await;
    assert_eq!((id.status, id.json()["errors"][0]["pointer"].as_str()), (400, Some("/path/0")));
    let query = server.ask(&get("/api/things?limit=many", "")).await;
    assert_eq!((query.status, query.json()["errors"][0]["pointer"].as_str()), (400, Some("/query/limit")));
    assert_eq!(query.json()["errors"][0]["detail"], json!("invalid digit found in string"));
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let server = Server::start().await;
    let body = r#"{"name": "x", "size": "big", "admin": true}"#;
    let reply = server.ask(&post("/api/things", "Content-Type: application/json\r\n", body)).await;
    let body = reply.json();
    let mut pointers: Vec<_> =
        body["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    assert_eq!((reply.status, pointers), (422, vec!["/admin", "/name", "/size"]));
}

#[tokio::test]
async fn a_change_with_a_cookie_from_another_site_is_refused() {
    let server = Server::start().await;
    let headers = |more: &str| format!("Content-Type: application/json\r\nCookie: a=b\r\n{more}\r\n");
    let ask = async |more| server.ask(&post("/api/things", &headers(more), r#"{"name": "anna", "size": 1}"#)).await;
    let reply = ask("Sec-Fetch-Site: cross-site").await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (403, Some("cross_origin")));
    assert_eq!(ask("Origin: http://x").await.status, 201);
}

#[tokio::test]
async fn every_answer_has_the_security_headers_and_its_own_trace_id() {
    let server = Server::start().await;
    let (ok, refused) = (server.ask(&get("/api/things", "")).await, server.ask(&get("/nothing", "")).await);
    for reply in [&ok, &refused] {
        assert!(reply.header("content-security-policy").starts_with("default-src 'none'"));
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("x-trace-id").len(), 32);
    }
    assert_eq!(ok.header("cache-control"), "no-store");
    assert_ne!(ok.header("x-trace-id"), refused.header("x-trace-id"));
}

#[tokio::test]
async fn files_are_sent_whole_or_in_part() {
    let server = Server::start().await;
    let whole = server.ask(&get("/file", "")).await;
    assert_eq!((whole.status, whole.body.as_str()), (200, support::CONTENT));
    assert_eq!(whole.header("content-length"), "26");
    assert_eq!(whole.header("repr-digest"), "sha-256=:ccSA35PWri8e+tFEfGbJUl4xYhjPUfyNntgy8trxi3M=:");
    let cases = [
        ("Range: bytes=2-4\r\n", 206, "cde", "bytes 2-4/26"),
        ("Range: bytes=-2\r\n", 206, "yz", "bytes 24-25/26"),
        ("Range: bytes=24-99\r\n", 206, "yz", "bytes 24-25/26"),
        ("Range: bytes=0-1,4-5\r\n", 200, support::CONTENT, ""),
        ("Range: bytes=2-4\r\nIf-Range: \"v1\"\r\n", 206, "cde", "bytes 2-4/26"),
        ("Range: bytes=2-4\r\nIf-Range: \"v0\"\r\n", 200, support::CONTENT, ""),
        ("If-None-Match: \"v1\"\r\n", 304, "", ""),
    ];
    for (headers, status, body, range) in cases {
        let reply = server.ask(&get("/file", headers)).await;
        assert_eq!((reply.status, reply.body.as_str()), (status, body), "{headers}");
        assert_eq!((reply.header("content-range"), reply.header("etag")), (range, "\"v1\""), "{headers}");
    }
    let past = server.ask(&get("/file", "Range: bytes=26-\r\n")).await;
    assert_eq!((past.status, past.header("content-range")), (416, "bytes */26"));
    assert_eq!(past.json()["trace_id"].as_str(), Some(past.header("x-trace-id")));
    assert_eq!(server.ask(&get("/file", "If-Match: \"v0\"\r\n")).await.status, 412);
}

#[tokio::test]
async fn head_tells_the_length_and_sends_nothing() {
    let server = Server::start().await;
    let head = "HEAD /file HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\nConnection: close\r\n\r\n";
    let reply = server.ask(head).await;
    assert_eq!((reply.status, reply.header("content-length"), reply.body.as_str()), (200, "26", ""));
}

#[tokio::test]
async fn a_change_is_finished_although_its_client_hung_up() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send(&post("/slow", "", "")).await;
    server.app.started.notified().await;
    drop(client);
    server.app.abandoned.notified().await;
    server.app.release.notify_one();
    server.app.finished.notified().await;
}

#[tokio::test]
async fn stopping_ends_streams_and_finishes_what_is_under_way() {
    let server = Server::start().await;
    let (mut stream, mut change) = (server.connect().await, server.connect().await);
    stream.send(&get("/stream", "")).await;
    stream.until("open").await;
    change.send(&post("/slow", "", "")).await;
    server.app.started.notified().await;
    let idle = server.connect().await;
    server.shutdown.cancel();
    stream.rest().await;
    server.app.release.notify_one();
    assert!(change.rest().await.starts_with("HTTP/1.1 200"));
    server.stopped().await;
    drop(idle);
}

#[tokio::test]
async fn the_drain_has_an_end() {
    let server = Server::with(Limits { drain: Duration::from_millis(50), ..Limits::default() }).await;
    let mut change = server.connect().await;
    change.send(&post("/slow", "", "")).await;
    server.app.started.notified().await;
    server.shutdown.cancel();
    server.stopped().await;
    assert_eq!(change.rest().await, "");
}

#[tokio::test]
async fn http2_without_tls_is_understood() {
    let server = Server::start().await;
    assert_eq!(Http2::connect(server.address).await.get("/api/things").await, StatusCode::OK);
}
