//! An artefact that is open for reading: whole for a proof, by range for a download.
//!
//! It stays readable when its name is removed meanwhile.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::Stream;
use futures::stream::try_unfold;
use tokio::task::spawn_blocking;

use crate::error::Error;

/// One read; at 4 KiB a download is eight times slower.
const CHUNK: u64 = 256 << 10;

/// An open artefact.
#[derive(Clone, Debug)]
pub struct Artefact {
    file: Arc<File>,
    path: PathBuf,
    len: u64,
    modified: SystemTime,
}

impl Artefact {
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        let stat = file.metadata()?;
        Ok(Self { file: Arc::new(file), path, len: stat.len(), modified: stat.modified()? })
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

    /// The bytes of `range`, in pieces of at most 256 KiB, read as they are asked for. A range past the end, or a file
    /// that shrinks, gives an error and no silent end.
    pub fn range(&self, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<> {
        let file = Arc::clone(&self.file);
        try_unfold(range, move |rest| piece(Arc::clone(&file), rest))
    }

    /// From the beginning to the end.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader { artefact: self, at: 0 }
    }

    pub(crate) fn failed(&self) -> impl FnOnce(io::Error) -> Error {
        Error::io("read", &self.path)
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

/// Reads without a shared position.
pub(crate) struct Reader<'a> {
    artefact: &'a Artefact,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.artefact.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
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
