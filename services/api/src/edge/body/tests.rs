//! Bounds of a body.

use futures::stream;

use super::*;

fn limit(bytes: u64) -> BodyLimit {
    BodyLimit::new(bytes, bytes, None, Rooms::new(&Limits::default()))
}

async fn read(body: Bounded) -> Result<Whole, Problem> {
    read_all(BoxBody::new(body).into(), None).await
}

fn bounded(chunks: &'static [&'static [u8]], bytes: u64) -> Bounded {
    let chunks = stream::iter(chunks.iter().map(|c| Ok::<_, io::Error>(Bytes::from_static(c))));
    let body = poem::Body::from_bytes_stream(chunks);
    Bounded::new(body, limit(bytes), Duration::from_secs(1))
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    assert_eq!(&*read(bounded(&[b"123", b"45"], 5)).await.unwrap(), b"12345");
    let refused = read(bounded(&[b"123", b"456"], 5)).await.unwrap_err();
    assert_eq!(refused.code(), "payload_too_large");
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_before_anything_is_read() {
    let body = Bounded::new("123456".into(), limit(5), Duration::from_secs(1));
    let refused = read(body).await.unwrap_err();
    assert_eq!(refused.code(), "payload_too_large");
}

#[tokio::test]
async fn a_handler_may_raise_the_limit_before_it_reads() {
    let limit = limit(5);
    let body = Bounded::new("123456".into(), limit.clone(), Duration::from_secs(1));
    limit.raise(6);
    assert_eq!(&*read(body).await.unwrap(), b"123456");
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let silent = stream::pending::<Result<Bytes, io::Error>>();
    let body = poem::Body::from_bytes_stream(silent);
    let body = Bounded::new(body, limit(5), Duration::from_millis(5));
    let refused = read(body).await.unwrap_err();
    assert_eq!(refused.code(), "timeout");
}
