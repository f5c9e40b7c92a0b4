//! Pieces of a file that is being uploaded: what they are called on the shelf, and how they are encrypted.
//!
//! Each upload has a key of its own, which only its row in the central database knows: what lies on the shelf is closed to
//! whoever has nothing but the shelf, and closed for ever once the row is gone.

use std::fmt;
use std::io::{self, Read as _, Write};
use std::path::Path;
use std::str::FromStr;

use age::secrecy::SecretString;
use age::x25519::Identity;
use bytes::Bytes;
use chiliview_store::{PieceId, UploadId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::adopt::Refusal;
use crate::digest::Digest;
use crate::error::Error;
use crate::identities::{Identities, IdentitiesError};
use crate::key::KeyError;
use crate::recipients::Recipients;
use crate::seal::{self, Sealed, Sealer};
use crate::uploaded::Piece;

/// No piece holds more.
pub const PIECE_BYTES: u64 = 8 << 20;

const CHUNK: usize = 256 << 10;

/// Where pieces lie, below the root of a shelf.
pub(crate) const FOLDER: &str = "uploads";

/// The name of one piece, relative to the shelf: `uploads/<upload id>/<piece id>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PieceKey {
    upload: UploadId,
    piece: PieceId,
}

impl PieceKey {
    /// A piece of that upload.
    pub fn of(upload: UploadId, piece: PieceId) -> Self {
        Self { upload, piece }
    }

    /// The upload.
    pub fn upload(&self) -> UploadId {
        self.upload
    }

    /// The piece's name among those of its upload.
    pub(crate) fn file(&self) -> String {
        self.piece.to_string()
    }

    /// The piece that lies under `folder`, `<upload id>/<piece id>` below [`FOLDER`].
    pub(crate) fn below(name: &str) -> Result<Self, KeyError> {
        let (upload, piece) = name.split_once('/').ok_or(KeyError)?;
        Ok(Self { upload: upload_id(upload)?, piece: id(piece)?.into() })
    }
}

/// A name has one spelling only.
pub(crate) fn upload_id(name: &str) -> Result<UploadId, KeyError> {
    id(name).map(UploadId::from)
}

fn id(text: &str) -> Result<Uuid, KeyError> {
    Uuid::try_parse(text).ok().filter(|id| id.to_string() == text).ok_or(KeyError)
}

impl fmt::Display for PieceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FOLDER}/{}/{}", self.upload, self.piece)
    }
}

/// What encrypts the pieces of one upload, and opens them again. Never shown.
#[derive(Clone)]
pub struct UploadKey {
    identities: Identities,
    recipients: Recipients,
}

impl UploadKey {
    /// A new one, and the text that it is kept as.
    ///
    /// # Errors
    /// None that a working machine gives.
    pub fn generate() -> Result<(Self, SecretString), Error> {
        let identity = Identity::generate();
        let text = identity.to_string();
        Ok((Self::of(Identities::of(identity))?, text))
    }

    fn of(identities: Identities) -> Result<Self, Error> {
        let recipients = Recipients::of(identities.recipients()).map_err(io::Error::other);
        Ok(Self { recipients: recipients.map_err(nameless("name the key of"))?, identities })
    }

    /// A piece that is about to come.
    ///
    /// # Errors
    /// None that a working machine gives.
    pub fn seal(&self) -> Result<PieceSealer, Error> {
        let sealer = seal::around(self.recipients.keys(), Chunks::default()).map_err(nameless("encrypt"))?;
        Ok(PieceSealer { sealer, hash: Sha256::new(), bytes: 0 })
    }

    /// What is in `sealed`, when it is `piece`, to the letter.
    pub(crate) fn open(&self, sealed: &[u8], piece: &Piece) -> Result<Vec<u8>, Error> {
        let changed = || Error::from(Refusal::PieceChanged { at: piece.first_byte });
        let opened = Sealed::read(sealed, |_| changed()).and_then(|sealed| sealed.open(&self.identities));
        let content = opened.map_err(|_| changed())?.ok_or_else(changed)?;
        let mut plain = Vec::with_capacity(usize::try_from(piece.bytes).unwrap_or(0));
        content.take(piece.bytes + 1).read_to_end(&mut plain).map_err(|_| changed())?;
        let is_it = plain.len() as u64 == piece.bytes && Digest::of(&plain) == piece.sha256;
        if is_it { Ok(plain) } else { Err(changed()) }
    }
}

impl FromStr for UploadKey {
    type Err = IdentitiesError;

    fn from_str(text: &str) -> Result<Self, IdentitiesError> {
        let identities = Identities::parse(text)?;
        Self::of(identities).map_err(|_| IdentitiesError::Empty)
    }
}

impl fmt::Debug for UploadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadKey(***)")
    }
}

/// A header for one recipient is far shorter; the content grows by 16 bytes every 64 KiB, and by 32.
pub(crate) fn sealed_bytes(plain: u64) -> u64 {
    plain + (plain >> 12) + 1024
}

/// Memory that grows by what is needed. In one block, what is free of it would be nobody else's either.
#[derive(Default)]
struct Chunks {
    full: Vec<Bytes>,
    last: Vec<u8>,
}

impl Chunks {
    fn into_all(self) -> Vec<Bytes> {
        let Self { mut full, last } = self;
        full.extend((!last.is_empty()).then(|| last.into()));
        full
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.last.is_empty() {
            self.last.reserve_exact(CHUNK);
        }
        let taken = bytes.len().min(CHUNK - self.last.len());
        self.last.extend_from_slice(&bytes[..taken]);
        if self.last.len() == CHUNK {
            self.full.push(std::mem::take(&mut self.last).into());
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A piece on its way: what came of it is encrypted already.
pub struct PieceSealer {
    sealer: Sealer<Chunks>,
    hash: Sha256,
    bytes: u64,
}

impl PieceSealer {
    /// Takes what comes next.
    ///
    /// # Errors
    /// None that a working machine gives.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.sealer.write_all(bytes).map_err(nameless("encrypt"))
    }

    /// How much came.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Nothing comes any more.
    ///
    /// # Errors
    /// None that a working machine gives.
    pub fn finish(self) -> Result<SealedPiece, Error> {
        let sealed = self.sealer.finish().map_err(nameless("encrypt"))?;
        Ok(SealedPiece { sealed: sealed.into_all(), bytes: self.bytes, sha256: Digest::finish(self.hash) })
    }
}

impl fmt::Debug for PieceSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PieceSealer").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// A piece as it goes to the shelf, and what it is recognised by when it comes back.
#[derive(Clone)]
pub struct SealedPiece {
    /// An age file, in parts.
    pub sealed: Vec<Bytes>,
    /// How much is in it.
    pub bytes: u64,
    /// The digest of what is in it.
    pub sha256: Digest,
}

impl fmt::Debug for SealedPiece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedPiece").field("bytes", &self.bytes).field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

fn nameless(action: &'static str) -> impl FnOnce(io::Error) -> Error {
    Error::io(action, Path::new("a piece of an upload"))
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret as _;

    use super::*;

    fn sealed(key: &UploadKey, plain: &[u8]) -> (Vec<u8>, Piece) {
        let mut sealer = key.seal().unwrap();
        plain.chunks(1000).for_each(|part| sealer.append(part).unwrap());
        let sealed = sealer.finish().unwrap();
        let name = PieceKey::of(UploadId::from(Uuid::from_u128(1)), PieceId::from(Uuid::from_u128(2)));
        let piece = Piece { key: name, first_byte: 7, bytes: sealed.bytes, sha256: sealed.sha256 };
        (sealed.sealed.concat(), piece)
    }

    #[test]
    fn what_is_sealed_is_opened_by_the_text_that_the_key_is_kept_as() {
        let (key, text) = UploadKey::generate().unwrap();
        let again: UploadKey = text.expose_secret().parse().unwrap();
        for bytes in [1, 1000, 65_536, 65_537, 3_000_000] {
            let plain: Vec<u8> = (0..bytes).map(|n| (n % 251) as u8).collect();
            let (sealed, piece) = sealed(&key, &plain);
            assert!(sealed.len() as u64 <= sealed_bytes(bytes), "{bytes}");
            assert!(again.open(&sealed, &piece).unwrap() == plain);
        }
        assert!(!format!("{key:?} {again:?}").contains(text.expose_secret()));
    }

    #[test]
    fn a_piece_that_was_changed_or_is_another_is_refused() {
        let ((key, _), (other, _)) = (UploadKey::generate().unwrap(), UploadKey::generate().unwrap());
        let (good, piece) = sealed(&key, b"of the first");
        let (same_key, _) = sealed(&key, b"of the second");
        let (foreign, _) = sealed(&other, b"of the first");
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let short = &good[..good.len() - 1];
        for wrong in [&flipped[..], short, &[], b"of the first", &same_key, &foreign] {
            let refused = key.open(wrong, &piece).unwrap_err();
            assert!(matches!(refused, Error::Refused(Refusal::PieceChanged { at: 7 })), "{refused:?}");
        }
        assert_eq!(key.open(&good, &piece).unwrap(), b"of the first");
    }

    #[test]
    fn a_name_has_one_spelling() {
        let key = PieceKey::of(UploadId::from(Uuid::from_u128(1)), PieceId::from(Uuid::from_u128(2)));
        let name = key.to_string();
        let below = name.strip_prefix("uploads/").unwrap();
        assert_eq!(PieceKey::below(below), Ok(key));
        for wrong in [below.replace('-', ""), format!("{below}/x"), format!("../{below}"), String::new()] {
            assert_eq!(PieceKey::below(&wrong), Err(KeyError), "{wrong}");
        }
    }
}
