//! An artefact that is open for reading: whole for a proof, by range for a download.
//!
//! In a directory it stays readable when its name is removed meanwhile; in a bucket the reading then breaks off with an
//! error. It never ends too early without one.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::future::Either;
use futures::stream::try_unfold;
use futures::{Stream, StreamExt as _};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::shelf::{Object, ObjectReader};

/// One read; at 4 KiB a download is eight times slower.
const CHUNK: u64 = 256 << 10;

/// An open artefact.
#[derive(Clone, Debug)]
pub struct Artefact {
    body: Body,
    len: u64,
    modified: SystemTime,
}

#[derive(Clone, Debug)]
enum Body {
    File(Arc<File>, PathBuf),
    Object(Object),
}

impl Artefact {
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        let stat = file.metadata()?;
        Ok(Self { body: Body::File(Arc::new(file), path), len: stat.len(), modified: stat.modified()? })
    }

    pub(crate) fn object(object: Object, len: u64, modified: SystemTime) -> Self {
        Self { body: Body::Object(object), len, modified }
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// When it was published.
    pub fn modified(&self) -> SystemTime {
        self.modified
    }

    /// The bytes of `range`, in pieces, read as they are asked for. A range past the end, or an artefact that shrinks,
    /// gives an error and no silent end.
    pub fn range(&self, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<> {
        match &self.body {
            Body::File(file, _) => {
                let file = Arc::clone(file);
                Either::Left(try_unfold(range, move |rest| piece(Arc::clone(&file), rest)))
            }
            Body::Object(object) => Either::Right(object.range(range).map(|piece| piece.map_err(io::Error::other))),
        }
    }

    /// From the beginning to the end. Reading ends with an error once `cancel` is.
    pub(crate) fn reader(&self, cancel: &CancellationToken) -> Reader {
        match &self.body {
            Body::File(file, _) => Reader::File { file: Arc::clone(file), at: 0 },
            Body::Object(object) => Reader::Object(object.reader(self.len, cancel)),
        }
    }

    pub(crate) fn failed(&self) -> impl FnOnce(io::Error) -> Error {
        let name = match &self.body {
            Body::File(_, path) => path.clone(),
            Body::Object(object) => object.url().into(),
        };
        move |error| Error::io("read", &name)(error)
    }
}

async fn piece(file: Arc<File>, rest: Range<u64>) -> io::Result<Option<(Bytes, Range<u64>)>> {
    if rest.is_empty() {
        return Ok(None);
    }
    let end = rest.end.min(rest.start + CHUNK);
    let read = spawn_blocking(move || {
        let mut bytes = vec![0; usize::try_from(end - rest.start).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, rest.start).map(|()| bytes)
    });
    let bytes = read.await.map_err(io::Error::other)??;
    Ok(Some((bytes.into(), end..rest.end)))
}

/// Reads on a blocking thread, without a shared position.
pub(crate) enum Reader {
    /// From a file.
    File {
        /// The file.
        file: Arc<File>,
        /// What was read so far.
        at: u64,
    },
    /// From a bucket.
    Object(ObjectReader),
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File { file, at } => {
                let read = file.read_at(into, *at)?;
                *at += read as u64;
                Ok(read)
            }
            Self::Object(reader) => reader.read(into),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;

    use super::*;

    async fn collect(artefact: &Artefact, range: Range<u64>) -> io::Result<Vec<u8>> {
        artefact.range(range).try_fold(Vec::new(), async |all, piece| Ok([all, piece.to_vec()].concat())).await
    }

    #[tokio::test]
    async fn a_range_gives_exactly_its_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
        std::fs::write(file.path(), &content).unwrap();
        let artefact = Artefact::open(file.path().to_path_buf()).unwrap();
        assert_eq!(artefact.len(), 700_000);
        for range in [0..700_000, 0..0, 5..6, 262_143..262_145, 699_999..700_000] {
            let wanted = &content[range.start as usize..range.end as usize];
            assert_eq!(collect(&artefact, range.clone()).await.unwrap(), wanted, "{range:?}");
        }
    }

    #[tokio::test]
    async fn a_range_past_the_end_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "short").unwrap();
        let artefact = Artefact::open(file.path().to_path_buf()).unwrap();
        assert_eq!(collect(&artefact, 0..6).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
