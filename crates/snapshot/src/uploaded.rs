//! A file that was uploaded, as its pieces on the shelf make it: read once, in order, each piece compared before a byte of it
//! is handed on.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::adopt::Refusal;
use crate::digest::Digest;
use crate::error::Error;
use crate::piece::{PieceKey, UploadKey};
use crate::shelf::Shelf;
use crate::stored::OnShelf;
use crate::watch::Watch;

const CHUNK: usize = 256 << 10;

/// A file that was uploaded.
#[derive(Clone, Debug)]
pub struct Uploaded {
    /// Where its pieces lie.
    pub shelf: Shelf,
    /// What opens them.
    pub key: UploadKey,
    /// From its first byte to its last.
    pub pieces: Vec<Piece>,
    /// How long it is.
    pub bytes: u64,
    /// What it must have as its digest, when anybody said so.
    pub sha256: Option<Digest>,
}

/// One piece, and its place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its name on the shelf.
    pub key: PieceKey,
    /// Where it begins in the file.
    pub first_byte: u64,
    /// How long it is.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Digest,
}

impl Uploaded {
    /// For a blocking thread.
    pub(crate) fn reader<'a>(&'a self, watch: &'a Watch) -> UploadReader<'a> {
        let hash = self.sha256.map(|_| Sha256::new());
        UploadReader { of: self, watch, next: 0, at: 0, current: io::Cursor::default(), hash, is_broken: false }
    }
}

/// Reads the file from its beginning. One piece is in memory at a time.
pub(crate) struct UploadReader<'a> {
    of: &'a Uploaded,
    watch: &'a Watch,
    next: usize,
    /// Where the next piece has to begin.
    at: u64,
    current: io::Cursor<Vec<u8>>,
    hash: Option<Sha256>,
    is_broken: bool,
}

impl UploadReader<'_> {
    /// Reads what nobody has read yet, and compares the digest of everything, when there is one to compare with.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let Some(expected) = self.of.sha256.filter(|_| !self.is_broken) else { return Ok(()) };
        let mut buffer = vec![0; CHUNK];
        while self.read(&mut buffer).map_err(failed)? > 0 {}
        let found = self.hash.map_or(expected, Digest::finish);
        if found == expected { Ok(()) } else { Err(Refusal::Digest { expected, found }.into()) }
    }

    /// Takes the next piece from the shelf; false behind the last one.
    fn advance(&mut self) -> Result<bool, Error> {
        self.watch.check()?;
        let Some(piece) = self.of.pieces.get(self.next) else {
            let is_whole = self.at == self.of.bytes;
            return if is_whole { Ok(false) } else { Err(Refusal::PieceMissing { at: self.at }.into()) };
        };
        if piece.first_byte != self.at {
            return Err(Refusal::PieceMissing { at: self.at }.into());
        }
        let sealed = self.of.shelf.read_piece_now(piece, &self.watch.cancel)?;
        let sealed = sealed.ok_or(Refusal::PieceMissing { at: self.at })?;
        self.current = io::Cursor::new(self.of.key.open(&sealed, piece)?);
        self.next += 1;
        self.at += piece.bytes;
        Ok(true)
    }
}

impl Read for UploadReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(into)?;
            if read > 0 || into.is_empty() {
                if let Some(hash) = &mut self.hash {
                    hash.update(&into[..read]);
                }
                return Ok(read);
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(error) => {
                    self.is_broken = true;
                    return Err(OnShelf::told(io::Error::other(error)));
                }
            }
        }
    }
}

/// What went wrong while it was read: on the shelf, or in what a decoder made of it.
pub(crate) fn failed(error: io::Error) -> Error {
    OnShelf::read(error, Error::io("read", std::path::Path::new("the uploaded file")))
}
