//! Servers that stall, stream for ever, break off or speak something else.

use std::net::SocketAddr;

use chiliview_notify::webhook::deliver;
use chiliview_notify::{Delivered, DeliveryError, Outbound};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::receiver::{impatient, local};
use crate::webhooks::{message, now, webhook};

/// A server for one connection, which it handles like this once some of the request is there.
async fn server<F>(handle: impl FnOnce(TcpStream) -> F + Send + 'static) -> (SocketAddr, JoinHandle<()>)
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handling = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 64]).await.unwrap() > 0);
        handle(stream).await;
    });
    (address, handling)
}

async fn sent(outbound: &Outbound, address: SocketAddr) -> Result<Delivered, DeliveryError> {
    deliver(outbound, &webhook(format!("http://{address}/").parse().unwrap()), &message(), now()).await
}

/// Reads until the other side is gone.
async fn until_gone(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    while matches!(stream.read(&mut buffer).await, Ok(count) if count > 0) {}
}

#[tokio::test]
async fn a_server_that_never_answers_is_left() {
    let (address, handling) = server(until_gone).await;
    let error = sent(&impatient(), address).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Timeout) && error.is_worth_retrying());
    handling.await.unwrap();
}

#[tokio::test]
async fn a_body_that_stalls_does_not_undo_its_status() {
    let (address, handling) = server(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nso far").await.unwrap();
        until_gone(stream).await;
    })
    .await;
    assert_eq!(sent(&impatient(), address).await.unwrap().excerpt, "so far");
    handling.await.unwrap();
}

#[tokio::test]
async fn of_an_endless_body_16_kib_are_kept_and_the_connection_is_closed() {
    let (address, handling) = server(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        while stream.write_all(format!("400\r\n{}\r\n", "x".repeat(1024)).as_bytes()).await.is_ok() {}
    })
    .await;
    assert_eq!(sent(&local(), address).await.unwrap().excerpt.len(), 16 * 1024);
    handling.await.unwrap();
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let (address, handling) = server(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        while stream.write_all(format!("x: {}\r\n", "y".repeat(1024)).as_bytes()).await.is_ok() {}
    })
    .await;
    assert!(matches!(sent(&local(), address).await, Err(DeliveryError::Exchange(_))));
    handling.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_reset_is_worth_another_attempt() {
    let (address, handling) = server(async |stream: TcpStream| stream.set_zero_linger().unwrap()).await;
    let error = sent(&local(), address).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Exchange(_)) && error.is_worth_retrying(), "{}", error.words());
    handling.await.unwrap();
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    let (address, handling) =
        server(async |mut stream: TcpStream| stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await.unwrap()).await;
    assert!(matches!(sent(&local(), address).await, Err(DeliveryError::Exchange(_))));
    handling.await.unwrap();
}

#[tokio::test]
async fn nobody_at_home_is_worth_another_attempt() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = sent(&local(), address).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Connect(_)) && error.is_worth_retrying());
    assert!(error.words().starts_with("connect: "), "{}", error.words());
}
