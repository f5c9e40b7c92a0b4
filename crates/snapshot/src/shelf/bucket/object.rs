//! Reading an object: a range at a time, each piece checked to be of the object that was opened.

use std::io::{self, Read};
use std::ops::Range;

use bytes::{Buf as _, Bytes};
use futures::stream::{BoxStream, try_unfold};
use futures::{Stream, StreamExt as _};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::task::wait;

use super::{Bucket, Trouble};

/// So much is asked for at once. What breaks off is tried again by the store within it, and each has patience of its own:
/// so a download may take as long as it likes.
const WINDOW: u64 = 16 << 20;

/// Pieces that are read ahead of a blocking reader. Each is a network buffer's content, half a MiB at most.
const AHEAD: usize = 8;

/// An object that was found.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(super) bucket: Bucket,
    pub(super) path: Path,
    /// What tells this object from one that replaces it.
    pub(super) e_tag: Option<String>,
}

type Pieces = BoxStream<'static, object_store::Result<Bytes>>;

/// How far a stream over windows is.
struct Progress {
    object: Object,
    rest: Range<u64>,
    window: Option<(Pieces, u64)>,
}

impl Object {
    pub(crate) fn url(&self) -> String {
        self.bucket.url_of(&self.path)
    }

    /// Exactly the bytes of `range`, or an error at its end.
    pub(crate) fn range(&self, range: Range<u64>) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static + use<> {
        let start = Progress { object: self.clone(), rest: range, window: None };
        try_unfold(start, |mut progress| async move {
            let piece = progress.next().await?;
            Ok(piece.map(|piece| (piece, progress)))
        })
    }

    /// For a blocking thread.
    pub(crate) fn reader(&self, len: u64, cancel: &CancellationToken) -> ObjectReader {
        let (sender, pieces) = mpsc::channel(AHEAD);
        let mut stream = Box::pin(self.range(0..len));
        let ends = cancel.clone();
        tokio::spawn(async move {
            let pump = async {
                while let Some(piece) = stream.next().await {
                    if sender.send(piece).await.is_err() {
                        break;
                    }
                }
            };
            ends.run_until_cancelled(pump).await;
        });
        ObjectReader { pieces, current: Bytes::new(), cancel: cancel.clone() }
    }

    async fn window(&self, range: Range<u64>) -> Result<Pieces, Error> {
        let options =
            GetOptions { range: Some(GetRange::Bounded(range)), if_match: self.e_tag.clone(), ..GetOptions::default() };
        let got = self.bucket.store().get_opts(&self.path, options).await;
        Ok(got.map_err(|error| self.failed(&error))?.into_stream())
    }

    fn failed(&self, error: &object_store::Error) -> Error {
        self.bucket.failed("read", &self.path, error)
    }

    fn cut_off(&self) -> Error {
        let detail = " (fewer or more bytes came than were asked for)".to_owned();
        Error::Shelf { action: "read", object: self.url(), trouble: Trouble::Failing, detail }
    }
}

impl Progress {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if self.window.is_none() {
                if self.rest.is_empty() {
                    return Ok(None);
                }
                let end = self.rest.end.min(self.rest.start + WINDOW);
                let pieces = self.object.window(self.rest.start..end).await?;
                self.window = Some((pieces, end));
            }
            let Some((pieces, end)) = &mut self.window else { return Ok(None) };
            match pieces.next().await {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    self.rest.start += piece.len() as u64;
                    return if self.rest.start <= *end { Ok(Some(piece)) } else { Err(self.object.cut_off()) };
                }
                Some(Err(error)) => return Err(self.object.failed(&error)),
                None if self.rest.start == *end => self.window = None,
                None => return Err(self.object.cut_off()),
            }
        }
    }
}

/// Reads on a blocking thread; what is read ahead is bounded.
pub(crate) struct ObjectReader {
    pieces: mpsc::Receiver<Result<Bytes, Error>>,
    current: Bytes,
    cancel: CancellationToken,
}

impl Read for ObjectReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            match wait(self.cancel.run_until_cancelled(self.pieces.recv())) {
                Some(Some(Ok(piece))) => self.current = piece,
                Some(Some(Err(error))) => return Err(io::Error::other(error)),
                Some(None) if !self.cancel.is_cancelled() => return Ok(0),
                Some(None) | None => return Err(io::Error::other(Error::Cancelled)),
            }
        }
        let length = into.len().min(self.current.len());
        into[..length].copy_from_slice(&self.current[..length]);
        self.current.advance(length);
        Ok(length)
    }
}
