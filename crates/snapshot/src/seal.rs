//! The encryption around an artefact: age's binary format (<https://c2sp.org/age>), recipients X25519.
//!
//! A new artefact is encrypted for one key more than its manifest names: one that is made for it alone, lives in memory
//! alone and is forgotten once the artefact was read back and proven. Without it a server that holds no identity could
//! never prove what it wrote. The price is a stanza of some hundred bytes in the header that nobody can open any more.

use std::io::{self, BufReader, Read, Write};

use age::stream::{StreamReader, StreamWriter};
use age::x25519::Identity;
use age::{DecryptError, Decryptor, Encryptor};

use crate::damage::Damage;
use crate::error::Error;
use crate::identities::Identities;
use crate::recipients::Recipients;

/// A header for all the recipients there may be takes less than a quarter of it.
const MAX_HEADER: u64 = 16 << 10;

/// The first line of every age file.
pub(crate) const MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// What a new artefact is encrypted for; nothing when there are no recipients.
pub(crate) struct Seal {
    recipients: Recipients,
    proof: Identities,
}

impl Seal {
    pub(crate) fn of(recipients: &Recipients) -> Self {
        let proof = if recipients.is_empty() { Identities::none() } else { Identities::of(Identity::generate()) };
        Self { recipients: recipients.clone(), proof }
    }

    /// Encrypts, or does not, on the way to `to`.
    pub(crate) fn around<W: Write>(&self, to: W) -> io::Result<Sealer<W>> {
        if self.recipients.is_empty() {
            return Ok(Sealer::Open(to));
        }
        let proof = Recipients::of(self.proof.recipients()).map_err(io::Error::other)?;
        around(self.recipients.keys().chain(proof.keys()), to)
    }

    /// The key that opens what this sealed.
    pub(crate) fn into_proof_key(self) -> Identities {
        self.proof
    }
}

/// Encrypts for `keys` on the way to `to`.
pub(crate) fn around<'a, W: Write>(keys: impl Iterator<Item = &'a dyn age::Recipient>, to: W) -> io::Result<Sealer<W>> {
    let encryptor = Encryptor::with_recipients(keys).map_err(io::Error::other)?;
    Ok(Sealer::Sealed(encryptor.wrap_output(to)?))
}

/// Bytes on their way into an artefact, or a piece.
pub(crate) enum Sealer<W: Write> {
    /// As they are.
    Open(W),
    /// Encrypted.
    Sealed(StreamWriter<W>),
}

impl<W: Write> Sealer<W> {
    /// Writes the authenticated end.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Open(to) => Ok(to),
            Self::Sealed(to) => to.finish(),
        }
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Open(to) => to.write(bytes),
            Self::Sealed(to) => to.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Open(to) => to.flush(),
            Self::Sealed(to) => to.flush(),
        }
    }
}

/// An artefact whose header was read, and whose content is still closed.
pub(crate) struct Sealed<R: Read> {
    decryptor: Decryptor<Rest<R>>,
}

type Rest<R> = BufReader<io::Chain<io::Cursor<Vec<u8>>, R>>;

impl<R: Read> Sealed<R> {
    /// Reads the header, and no more than a header may have. `failed` tells a file that cannot be read from one that
    /// is no age file.
    pub(crate) fn read(mut from: R, failed: impl Fn(io::Error) -> Error) -> Result<Self, Error> {
        let mut start = Vec::new();
        (&mut from).take(MAX_HEADER).read_to_end(&mut start).map_err(&failed)?;
        if !start.starts_with(MAGIC) {
            return Err(Damage::NotEncrypted.into());
        }
        if !start.windows(5).any(|window| window == b"\n--- ") {
            return Err(Damage::Envelope("it has no end".to_owned()).into());
        }
        match Decryptor::new_buffered(BufReader::new(io::Cursor::new(start).chain(from))) {
            Ok(decryptor) => Ok(Self { decryptor }),
            Err(DecryptError::Io(error)) => Err(failed(error)),
            Err(error) => Err(Damage::Envelope(error.to_string()).into()),
        }
    }

    /// Whether a passphrase opens it, and no key.
    pub(crate) fn wants_passphrase(&self) -> bool {
        self.decryptor.is_scrypt()
    }

    /// The content, authenticated 64 KiB at a time; reading to its end proves that nothing is missing or follows.
    /// `None` when none of the identities is a recipient.
    pub(crate) fn open(self, identities: &Identities) -> Result<Option<StreamReader<Rest<R>>>, Error> {
        match self.decryptor.decrypt(identities.keys()) {
            Ok(content) => Ok(Some(content)),
            Err(DecryptError::NoMatchingKeys) => Ok(None),
            Err(error) => Err(Damage::Envelope(error.to_string()).into()),
        }
    }
}
