//! The bytes of an artefact as they are read back: hashed, and with the shelf's own errors told from a decoder's.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::artefact::{Artefact, Reader};
use crate::damage::Damage;
use crate::digest::Digest;
use crate::error::Error;
use crate::watch::Watch;

const CHUNK: usize = 256 << 10;

/// The bytes of an artefact, hashed as they are read.
pub(crate) struct Stored {
    from: io::Take<Reader>,
    hash: Sha256,
}

impl Stored {
    /// All of an artefact that has `expected` bytes.
    pub(crate) fn of(artefact: &Artefact, expected: u64, watch: &Watch) -> Result<Self, Damage> {
        if artefact.len() != expected {
            return Err(Damage::StoredSize { expected, found: artefact.len() });
        }
        Ok(Self { from: artefact.reader(&watch.cancel).take(expected), hash: Sha256::new() })
    }

    /// Reads what nobody has read yet, and compares the digest of everything.
    pub(crate) fn finish(
        mut self,
        artefact: &Artefact,
        expected: Digest,
        mut each: impl FnMut(usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut buffer = vec![0; CHUNK];
        loop {
            match self.read(&mut buffer).map_err(|error| failed(artefact, error))? {
                0 => break,
                read => each(read)?,
            }
        }
        let found = Digest::finish(self.hash);
        if found == expected { Ok(()) } else { Err(Damage::StoredDigest { expected, found }.into()) }
    }
}

impl Read for Stored {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into).map_err(OnShelf::told)?;
        self.hash.update(&into[..read]);
        Ok(read)
    }
}

/// What the shelf answered, told from what a decoder that reads it answers.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct OnShelf(io::Error);

impl OnShelf {
    /// For a decoder to hand on.
    pub(crate) fn told(error: io::Error) -> io::Error {
        io::Error::new(error.kind(), Self(error))
    }

    /// An error that the shelf gave is the machine's, which `explain` names; any other says that what was read is not what
    /// was encrypted.
    pub(crate) fn read(error: io::Error, explain: impl FnOnce(io::Error) -> Error) -> Error {
        match error.downcast::<Self>() {
            Ok(Self(error)) => explain(error),
            Err(error) => Damage::Undecryptable(error.to_string()).into(),
        }
    }
}

/// What an error came to while `artefact` was read.
pub(crate) fn failed(artefact: &Artefact, error: io::Error) -> Error {
    OnShelf::read(error, artefact.failed())
}
