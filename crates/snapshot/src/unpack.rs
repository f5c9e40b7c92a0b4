//! The way back: an artefact into the database that it was, checked byte by byte on the way.
//!
//! Proof and restore share this. Everything is bounded by the manifest, since the artefact may be hostile: how much is
//! read, how much comes out, and how much memory the decoder may ask for.

use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};
use zstd::zstd_safe::get_frame_content_size;

use crate::artefact::Artefact;
use crate::damage::Damage;
use crate::digest::Digest;
use crate::durable;
use crate::error::Error;
use crate::key::ArtefactKey;
use crate::manifest::Manifest;
use crate::scratch;
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
/// The database inside is not opened: that is [`prove`](crate::prove())'s part, before this.
///
/// # Errors
/// [`Error::Damaged`] when anything differs, [`Error::NoSpace`] before a byte is written when there is no room for it.
pub async fn unpack(
    shelf: &Shelf,
    key: &ArtefactKey,
    manifest: &Manifest,
    to: &Path,
    watch: &Watch,
) -> Result<(), Error> {
    let (shelf, key, manifest, to) = (shelf.clone(), *key, manifest.clone(), to.to_path_buf());
    task::watched(watch, move |watch| {
        refuse_existing(&to)?;
        let folder = durable::parent(&to);
        let mut file = scratch::create(folder, manifest.backup, manifest.plain_bytes)?;
        decompress(&shelf.open_now(&key)?, &manifest, &mut file, watch)?;
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
    file: &mut Temporary,
    watch: &Watch,
) -> Result<(), Error> {
    if artefact.len() != manifest.stored_bytes {
        return Err(Damage::StoredSize { expected: manifest.stored_bytes, found: artefact.len() }.into());
    }
    let meter = watch.enter(Phase::Unpacking, manifest.plain_bytes);
    let mut stored = Hashed { from: artefact.reader().take(manifest.stored_bytes), hash: Sha256::new() };
    let outcome = Unpacker::new(manifest, file, meter).and_then(|unpacker| unpacker.run(&mut stored, artefact));
    if !matches!(outcome, Ok(()) | Err(Error::Damaged(_))) {
        return outcome;
    }
    // Data that does not decode has usually changed on the shelf; then that is the reason to tell.
    io::copy(&mut stored, &mut io::sink()).map_err(artefact.failed())?;
    compare(manifest.stored_sha256, stored.hash, |expected, found| Damage::StoredDigest { expected, found })?;
    outcome
}

fn compare(expected: Digest, hash: Sha256, damage: impl FnOnce(Digest, Digest) -> Damage) -> Result<(), Error> {
    let found = Digest::finish(hash);
    if found == expected { Ok(()) } else { Err(damage(expected, found).into()) }
}

/// Hashes what is read.
struct Hashed<R> {
    from: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.hash.update(&into[..read]);
        Ok(read)
    }
}

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

    fn run(mut self, stored: &mut impl Read, artefact: &Artefact) -> Result<(), Error> {
        let (mut input, mut output) = (vec![0; CHUNK], vec![0; CHUNK]);
        let mut read = stored.read(&mut input).map_err(artefact.failed())?;
        self.header(&input[..read])?;
        while read > 0 {
            self.feed(&input[..read], &mut output)?;
            read = stored.read(&mut input).map_err(artefact.failed())?;
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
