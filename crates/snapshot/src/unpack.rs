//! The way back: an artefact into the database that it was, checked byte by byte on the way.
//!
//! Proof and restore share this. Everything is bounded by the manifest, since the artefact may be hostile: how much is
//! read, how much comes out, and how much memory the decoder may ask for.

use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};
use zstd::zstd_safe::get_frame_content_size;

use crate::artefact::{Artefact, Reader};
use crate::damage::Damage;
use crate::digest::Digest;
use crate::durable;
use crate::error::Error;
use crate::identities::Identities;
use crate::key::ArtefactKey;
use crate::manifest::Manifest;
use crate::scratch;
use crate::seal::Sealed;
use crate::shelf::Shelf;
use crate::task;
use crate::temporary::Temporary;
use crate::watch::{Meter, Phase, Watch};

const CHUNK: usize = 256 << 10;

/// RFC 8878 recommends 8 MiB as the window that every decoder grants; ours takes 2.
const WINDOW_LOG: u32 = 23;

/// RFC 8878, section 3.1.1.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Decompresses a snapshot to the new file `to`, which appears only when every byte agrees with the manifest, durably.
/// The database inside is not opened: that is [`prove`](crate::prove())'s part, before this. `identities` open it when
/// it is encrypted.
///
/// # Errors
/// [`Error::Damaged`] when anything differs, [`Error::NoIdentity`] when no identity opens it, [`Error::NoSpace`] before a byte is written when there is no room for it.
pub async fn unpack(
    shelf: &Shelf,
    key: &ArtefactKey,
    manifest: &Manifest,
    identities: &Identities,
    to: &Path,
    watch: &Watch,
) -> Result<(), Error> {
    let (shelf, key, manifest, to) = (shelf.clone(), *key, manifest.clone(), to.to_path_buf());
    let identities = identities.clone();
    task::watched(watch, move |watch| {
        refuse_existing(&to)?;
        if manifest.key().plain() != key.plain() {
            return Err(Damage::Foreign.into());
        }
        let folder = durable::parent(&to);
        let mut file = scratch::create(folder, manifest.backup, manifest.plain_bytes)?;
        decompress(&shelf.open_now(&manifest.key())?, &manifest, &identities, &mut file, watch)?;
        file.sync()?;
        file.keep(&to)?;
        durable::sync_dir(folder)
    })
    .await
}

/// Nothing that is there is overwritten, a database least of all.
fn refuse_existing(to: &Path) -> Result<(), Error> {
    if to.exists() { Err(Error::io("create", to)(io::ErrorKind::AlreadyExists.into())) } else { Ok(()) }
}

/// Decompresses into `file` and compares lengths and digests.
pub(crate) fn decompress(
    artefact: &Artefact,
    manifest: &Manifest,
    identities: &Identities,
    file: &mut Temporary,
    watch: &Watch,
) -> Result<(), Error> {
    let mut stored = Stored::of(artefact, manifest)?;
    let meter = watch.enter(Phase::Unpacking, manifest.plain_bytes);
    let outcome = Unpacker::new(manifest, file, meter).and_then(|unpacker| match &manifest.encryption {
        None => unpacker.run(&mut stored, |error| failed(artefact, error)),
        Some(_) => unseal(&mut stored, artefact, manifest, identities, unpacker),
    });
    if !matches!(outcome, Ok(()) | Err(Error::Damaged(_) | Error::NoIdentity { .. })) {
        return outcome;
    }
    // Data that does not decode has usually changed on the shelf; then that is the reason to tell.
    stored.finish(artefact, manifest, |_| watch.check())?;
    outcome
}

fn unseal(
    stored: &mut Stored<'_>,
    artefact: &Artefact,
    manifest: &Manifest,
    identities: &Identities,
    unpacker: Unpacker<'_>,
) -> Result<(), Error> {
    let sealed = Sealed::read(stored, |error| failed(artefact, error))?;
    let mut content = sealed.open(identities)?.ok_or_else(|| Error::NoIdentity {
        recipients: manifest.recipients().into(),
        tried: identities.recipients().collect(),
    })?;
    unpacker.run(&mut content, |error| failed(artefact, error))
}

/// Compares what needs no key: length and digest of the artefact, and that it starts as its manifest says.
pub(crate) fn compare_stored(artefact: &Artefact, manifest: &Manifest, watch: &Watch) -> Result<(), Error> {
    let mut stored = Stored::of(artefact, manifest)?;
    let mut meter = watch.enter(Phase::Checking, manifest.stored_bytes);
    let outcome = match &manifest.encryption {
        None => Ok(()),
        Some(_) => Sealed::read(&mut stored, |error| failed(artefact, error)).map(drop),
    };
    if !matches!(outcome, Ok(()) | Err(Error::Damaged(_))) {
        return outcome;
    }
    stored.finish(artefact, manifest, |bytes| meter.advance(bytes))?;
    meter.finish();
    outcome
}

/// An error that the shelf gave is the machine's; any other says that what was read is not what was encrypted.
fn failed(artefact: &Artefact, error: io::Error) -> Error {
    match error.downcast::<OnShelf>() {
        Ok(OnShelf(error)) => artefact.failed()(error),
        Err(error) => Damage::Undecryptable(error.to_string()).into(),
    }
}

fn compare(expected: Digest, hash: Sha256, damage: impl FnOnce(Digest, Digest) -> Damage) -> Result<(), Error> {
    let found = Digest::finish(hash);
    if found == expected { Ok(()) } else { Err(damage(expected, found).into()) }
}

/// The bytes of an artefact, hashed as they are read.
struct Stored<'a> {
    from: io::Take<Reader<'a>>,
    hash: Sha256,
}

impl<'a> Stored<'a> {
    fn of(artefact: &'a Artefact, manifest: &Manifest) -> Result<Self, Error> {
        if artefact.len() != manifest.stored_bytes {
            return Err(Damage::StoredSize { expected: manifest.stored_bytes, found: artefact.len() }.into());
        }
        Ok(Self { from: artefact.reader().take(manifest.stored_bytes), hash: Sha256::new() })
    }

    /// Reads what nobody has read yet, and compares the digest of everything.
    fn finish(
        mut self,
        artefact: &Artefact,
        manifest: &Manifest,
        mut each: impl FnMut(usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut buffer = vec![0; CHUNK];
        loop {
            match self.read(&mut buffer).map_err(|error| failed(artefact, error))? {
                0 => break,
                read => each(read)?,
            }
        }
        compare(manifest.stored_sha256, self.hash, |expected, found| Damage::StoredDigest { expected, found })
    }
}

impl Read for Stored<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into).map_err(|error| io::Error::new(error.kind(), OnShelf(error)))?;
        self.hash.update(&into[..read]);
        Ok(read)
    }
}

/// What the shelf answered, told from what a decoder that reads it answers.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct OnShelf(io::Error);

/// One frame on its way into a file.
struct Unpacker<'a> {
    manifest: &'a Manifest,
    file: &'a mut Temporary,
    meter: Meter,
    decoder: Decoder<'static>,
    plain: Sha256,
    written: u64,
    ended: bool,
}

impl<'a> Unpacker<'a> {
    fn new(manifest: &'a Manifest, file: &'a mut Temporary, meter: Meter) -> Result<Self, Error> {
        let decoder = Decoder::new().and_then(|mut decoder| {
            decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
            Ok(decoder)
        });
        let decoder = decoder.map_err(Error::io("prepare the decoder for", file.path()))?;
        Ok(Self { manifest, file, meter, decoder, plain: Sha256::new(), written: 0, ended: false })
    }

    fn run(mut self, compressed: &mut impl Read, failed: impl Fn(io::Error) -> Error) -> Result<(), Error> {
        let (mut input, mut output) = (vec![0; CHUNK], vec![0; CHUNK]);
        let mut read = compressed.read(&mut input).map_err(&failed)?;
        self.header(&input[..read])?;
        while read > 0 {
            self.feed(&input[..read], &mut output)?;
            read = compressed.read(&mut input).map_err(&failed)?;
        }
        self.finish()
    }

    /// Refuses what is no frame of ours before anything is decoded: the library also knows older formats.
    fn header(&self, start: &[u8]) -> Result<(), Damage> {
        if !start.starts_with(&MAGIC) {
            return Err(Damage::NotZstd);
        }
        match get_frame_content_size(start) {
            Ok(Some(found)) if found != self.manifest.plain_bytes => Err(self.size(found)),
            Ok(_) => Ok(()),
            Err(error) => Err(Damage::Undecodable(error.to_string())),
        }
    }

    fn feed(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
        let mut source = InBuffer::around(input);
        loop {
            if self.ended && source.pos() < input.len() {
                return Err(Damage::Trailing.into());
            }
            let mut target = OutBuffer::around(&mut *output);
            let hint = self.decoder.run(&mut source, &mut target).map_err(refused)?;
            let produced = target.pos();
            self.ended = hint == 0;
            self.take(&output[..produced])?;
            let exhausted = source.pos() == input.len() && produced < output.len();
            if exhausted || (self.ended && source.pos() == input.len()) {
                return Ok(());
            }
        }
    }

    fn take(&mut self, plain: &[u8]) -> Result<(), Error> {
        self.written += plain.len() as u64;
        if self.written > self.manifest.plain_bytes {
            return Err(self.size(self.written).into());
        }
        self.plain.update(plain);
        self.file.write_all(plain)?;
        self.meter.advance(plain.len())
    }

    fn finish(self) -> Result<(), Error> {
        if !self.ended {
            return Err(Damage::Truncated.into());
        }
        if self.written != self.manifest.plain_bytes {
            return Err(self.size(self.written).into());
        }
        compare(self.manifest.plain_sha256, self.plain, |expected, found| Damage::PlainDigest { expected, found })
    }

    fn size(&self, found: u64) -> Damage {
        Damage::PlainSize { expected: self.manifest.plain_bytes, found }
    }
}

/// zstd's errors reach us as text only.
fn refused(error: io::Error) -> Damage {
    let text = error.to_string();
    if text.contains("too much memory") {
        Damage::WindowTooLarge { limit: 1 << WINDOW_LOG }
    } else {
        Damage::Undecodable(text)
    }
}
