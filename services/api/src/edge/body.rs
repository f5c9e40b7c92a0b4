//! Request bodies are bounded in bytes and in patience, chunked ones too, whoever reads them. Until it is known whose request
//! it is, a body may be small only.

use std::{
    io,
    net::IpAddr,
    ops::Deref,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, combinators::BoxBody};
use hyper::body::{Body, Frame, SizeHint};
use poem::{Endpoint, Request};
use tokio::time::{Sleep, sleep, timeout};

use super::{
    ClientAddress, Limits,
    connection::Activity,
    rooms::{Held, Rooms},
};
use crate::problem::Problem;

/// How long a body that is read whole may take in all.
const READ_ALL: Duration = Duration::from_secs(60);
/// …as long as nobody knows whose it is.
const READ_STRANGERS: Duration = Duration::from_secs(15);

/// The bound on this request's body, as request data.
#[derive(Debug, Clone)]
pub struct BodyLimit(Arc<Allowance>);

#[derive(Debug)]
struct Allowance {
    bytes: AtomicU64,
    is_known: AtomicBool,
    /// As soon as it is known whose request it is.
    known_bytes: u64,
    address: Option<IpAddr>,
    rooms: Rooms,
}

impl BodyLimit {
    fn new(bytes: u64, known_bytes: u64, address: Option<IpAddr>, rooms: Rooms) -> Self {
        Self(Arc::new(Allowance { bytes: bytes.into(), is_known: false.into(), known_bytes, address, rooms }))
    }

    /// It is known whose request this is: the body may be as long as a form that is filled in.
    pub fn trust(&self) {
        self.0.is_known.store(true, Ordering::Relaxed);
        self.raise(self.0.known_bytes);
    }

    /// From here on up to `bytes` are taken: for a handler of uploads, before it reads.
    pub fn raise(&self, bytes: u64) {
        self.0.bytes.fetch_max(bytes, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    fn is_known(&self) -> bool {
        self.0.is_known.load(Ordering::Relaxed)
    }

    fn hold(&self) -> Held {
        match self.is_known() {
            true => self.0.rooms.for_known(),
            false => self.0.rooms.for_stranger(self.0.address),
        }
    }
}

/// Why a body was not read to its end. Travels inside an `io::Error`.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum BodyError {
    #[error("the body is longer than {0} bytes")]
    TooLarge(u64),
    #[error("the body did not arrive in time")]
    Stalled,
}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> Self {
        io::Error::other(error)
    }
}

/// A body that fails once it passes `limit`, or when nothing comes for `idle`.
struct Bounded {
    inner: BoxBody<Bytes, io::Error>,
    limit: BodyLimit,
    read: u64,
    idle: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    connection: Option<Arc<Activity>>,
}

impl Bounded {
    fn new(inner: poem::Body, limit: BodyLimit, idle: Duration) -> Self {
        Self { inner: inner.into(), limit, read: 0, idle, timer: None, connection: None }
    }

    /// Counts what came, and what a `Content-Length` says will come: too much is refused before it is read.
    fn within(&self) -> Result<(), BodyError> {
        let limit = self.limit.get();
        let total = self.read.saturating_add(self.inner.size_hint().lower());
        if total > limit {
            return Err(BodyError::TooLarge(limit));
        }
        Ok(())
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        let idle = self.idle;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(idle)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(BodyError::Stalled)
    }
}

impl Drop for Bounded {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take().filter(|_| !self.inner.is_end_stream()) {
            connection.cut_short();
        }
    }
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Err(error) = self.within() {
            return Poll::Ready(Some(Err(error.into())));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) else {
            let error = ready!(self.poll_idle(cx));
            return Poll::Ready(Some(Err(error.into())));
        };
        self.timer = None;
        if let Some(Ok(frame)) = &frame {
            let length = frame.data_ref().map_or(0, Bytes::len);
            self.read = self.read.saturating_add(length as u64);
        }
        match self.within() {
            Err(error) => Poll::Ready(Some(Err(error.into()))),
            Ok(()) => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Bounds the body of every request that has one.
pub(super) struct Bounding<E> {
    inner: E,
    bytes: u64,
    known_bytes: u64,
    idle: Duration,
    rooms: Rooms,
}

impl<E> Bounding<E> {
    pub(super) fn new(inner: E, limits: &Limits) -> Self {
        let Limits { strangers_body_bytes: bytes, body_bytes: known_bytes, body_idle: idle, .. } = *limits;
        Self { inner, bytes, known_bytes, idle, rooms: Rooms::new(limits) }
    }
}

impl<E: Endpoint> Endpoint for Bounding<E> {
    type Output = E::Output;

    async fn call(&self, mut request: Request) -> poem::Result<E::Output> {
        let body = request.take_body();
        if !body.is_empty() {
            let address = request.data::<ClientAddress>().map(|address| address.0);
            let limit = BodyLimit::new(self.bytes, self.known_bytes, address, self.rooms.clone());
            request.set_data(limit.clone());
            let mut bounded = Bounded::new(body, limit, self.idle);
            bounded.connection = request.data().cloned();
            request.set_body(BoxBody::new(bounded));
        }
        self.inner.call(request).await
    }
}

/// A body that was read whole. As long as it is there, it takes room from others.
#[derive(Debug, Default)]
pub struct Whole {
    bytes: Vec<u8>,
    held: Option<Held>,
}

impl Deref for Whole {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The whole body of `request`.
///
/// # Errors
/// A 413, 408, 400 or 503 problem: too long, too slow, ended early, or too many at once.
pub async fn read_all(body: poem::Body, limit: Option<&BodyLimit>) -> Result<Whole, Problem> {
    let patience = if limit.is_some_and(|limit| !limit.is_known()) { READ_STRANGERS } else { READ_ALL };
    let whole = Whole { bytes: Vec::new(), held: limit.map(BodyLimit::hold) };
    timeout(patience, collect(body.into(), whole)).await.unwrap_or_else(|_| Err(Problem::timeout()))
}

/// Each piece is copied: it may be a few bytes of a large buffer.
async fn collect(mut body: BoxBody<Bytes, io::Error>, mut whole: Whole) -> Result<Whole, Problem> {
    while let Some(frame) = body.frame().await {
        let piece = frame.map_err(|error| refusal(&error))?.into_data().unwrap_or_default();
        if let Some(held) = &mut whole.held {
            held.grow(piece.len()).await?;
        }
        whole.bytes.extend_from_slice(&piece);
    }
    Ok(whole)
}

/// What to answer when reading a request body failed with `error`.
pub fn refusal(error: &io::Error) -> Problem {
    match cause(error) {
        Some(BodyError::TooLarge(limit)) => Problem::payload_too_large(limit),
        Some(BodyError::Stalled) => Problem::timeout(),
        None => Problem::bad_request("the body ended early"),
    }
}

/// Looks through the layers of `io::Error::other` that the framework adds.
fn cause(error: &io::Error) -> Option<BodyError> {
    let inner = error.get_ref()?;
    let deeper = || inner.downcast_ref::<io::Error>().and_then(cause);
    inner.downcast_ref().copied().or_else(deeper)
}

#[cfg(test)]
mod tests;
