//! A tar (POSIX ustar, sizes beyond 8 GiB as GNU writes them) that is never written down: what is where in it is known from
//! the lengths alone, and any part of it can be sent.

use std::{io, ops::Range};

use bytes::Bytes;
use chiliview_snapshot::Artefact;
use chiliview_store::Timestamp;
use futures::{Stream, StreamExt as _, stream};

use crate::ranges::Span;

const BLOCK: u64 = 512;
/// Two blocks of nothing end a tar.
const END: u64 = 2 * BLOCK;

enum Piece {
    Bytes(Bytes),
    Artefact(Artefact),
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Artefact(artefact) => artefact.len(),
        }
    }

    fn part(self, range: Range<u64>) -> stream::BoxStream<'static, io::Result<Bytes>> {
        match self {
            Self::Bytes(bytes) => {
                // Its length was counted from what is in memory: both ends fit.
                let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
                let part = bytes.slice(at(range.start)..at(range.end));
                stream::once(async { Ok(part) }).boxed()
            }
            Self::Artefact(artefact) => artefact.range(range).boxed(),
        }
    }
}

/// What is on it so far.
#[derive(Default)]
pub(super) struct Tape {
    pieces: Vec<Piece>,
    length: u64,
}

impl Tape {
    /// All of it, in bytes.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn bytes(&mut self, name: &str, at: Timestamp, content: Bytes) -> io::Result<()> {
        self.file(name, at, Piece::Bytes(content))
    }

    pub(super) fn artefact(&mut self, name: &str, at: Timestamp, content: Artefact) -> io::Result<()> {
        self.file(name, at, Piece::Artefact(content))
    }

    /// Nothing comes any more.
    pub(super) fn end(mut self) -> Self {
        self.blank(END);
        self
    }

    fn file(&mut self, name: &str, at: Timestamp, content: Piece) -> io::Result<()> {
        let length = content.length();
        let mut header = tar::Header::new_gnu();
        header.set_path(name)?;
        header.set_size(length);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(at.micros() / 1_000_000).unwrap_or(0));
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        self.push(Piece::Bytes(Bytes::copy_from_slice(header.as_bytes())));
        self.push(content);
        self.blank(length.next_multiple_of(BLOCK) - length);
        Ok(())
    }

    fn blank(&mut self, length: u64) {
        if length > 0 {
            self.push(Piece::Bytes(Bytes::from(vec![0; usize::try_from(length.min(END)).unwrap_or(0)])));
        }
    }

    fn push(&mut self, piece: Piece) {
        self.length += piece.length();
        self.pieces.push(piece);
    }

    /// Exactly the bytes of `span`, each piece read when it is its turn.
    pub(super) fn part(self, span: Span) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let mut begins = 0;
        let mut parts = Vec::new();
        for piece in self.pieces {
            let ends = begins + piece.length();
            let range = span.start.max(begins)..(span.start + span.length).min(ends);
            if range.start < range.end {
                parts.push((piece, range.start - begins..range.end - begins));
            }
            begins = ends;
        }
        stream::iter(parts).flat_map(|(piece, range)| piece.part(range))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use futures::TryStreamExt as _;
    use proptest::prelude::*;

    use super::*;

    fn tape(files: &[Vec<u8>]) -> Tape {
        let mut tape = Tape::default();
        for (number, content) in files.iter().enumerate() {
            tape.bytes(&format!("folder/{number}"), Timestamp::default(), content.clone().into()).unwrap();
        }
        tape.end()
    }

    fn read(tape: Tape, start: u64, length: u64) -> Vec<u8> {
        let parts =
            tape.part(Span { start, length }).try_fold(Vec::new(), async |all, part| Ok([all, part.into()].concat()));
        futures::executor::block_on(parts).unwrap()
    }

    proptest! {
        #[test]
        fn every_part_is_that_part_of_a_tar_that_holds_the_files(
            files in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..1500), 0..5),
            from in 0.0..1.0_f64,
            to in 0.0..1.0_f64,
        ) {
            let length = tape(&files).length();
            let whole = read(tape(&files), 0, length);
            prop_assert_eq!(whole.len() as u64, length);
            let mut found = Vec::new();
            for entry in tar::Archive::new(&whole[..]).entries().unwrap() {
                let mut content = Vec::new();
                entry.unwrap().read_to_end(&mut content).unwrap();
                found.push(content);
            }
            prop_assert_eq!(&found, &files);
            let at = |share: f64| (share * length as f64) as u64;
            let (start, end) = (at(from.min(to)), at(from.max(to)));
            let part = read(tape(&files), start, end - start);
            prop_assert_eq!(&part[..], &whole[start as usize..end as usize]);
        }
    }
}
