//! The way back: an artefact into the database that it was, checked byte by byte on the way.
//!
//! Proof and restore share this. Everything is bounded by the manifest, since the artefact may be hostile: how much is
//! read, how much comes out, and how much memory the decoder may ask for.

use std::io;
use std::path::Path;

use crate::artefact::Artefact;
use crate::digest::Digest;
use crate::durable;
use crate::error::Error;
use crate::frame::{Bound, Frame};
use crate::identities::Identities;
use crate::key::ArtefactKey;
use crate::manifest::Manifest;
use crate::scratch;
use crate::seal::Sealed;
use crate::shelf::Shelf;
use crate::stored::{Stored, failed};
use crate::task;
use crate::temporary::Temporary;
use crate::watch::{Phase, Watch};

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
        let key = manifest.key_beside(&key)?;
        let folder = durable::parent(&to);
        let mut file = scratch::create(folder, &manifest.backup.to_string(), manifest.plain_bytes)?;
        decompress(&shelf.open_now(&key)?, &manifest, &identities, &mut file, watch)?;
        file.sync()?;
        file.keep(&to)?;
        durable::sync_dir(folder)
    })
    .await
}

/// Nothing that is there is overwritten, a database least of all.
pub(crate) fn refuse_existing(to: &Path) -> Result<(), Error> {
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
    let mut stored = Stored::of(artefact, manifest.stored_bytes, watch)?;
    let meter = watch.enter(Phase::Unpacking, manifest.plain_bytes);
    let bound = Bound::Exactly { bytes: manifest.plain_bytes, sha256: manifest.plain_sha256 };
    let outcome = Frame::new(bound, file, meter).and_then(|frame| match &manifest.encryption {
        None => frame.run(&mut stored, |error| failed(artefact, error)),
        Some(_) => unseal(&mut stored, artefact, manifest, identities, frame),
    });
    let outcome = outcome.map(drop);
    if !matches!(outcome, Ok(()) | Err(Error::Damaged(_) | Error::NoIdentity { .. })) {
        return outcome;
    }
    // Data that does not decode has usually changed on the shelf; then that is the reason to tell.
    stored.finish(artefact, manifest.stored_sha256, |_| watch.check())?;
    outcome
}

fn unseal(
    stored: &mut Stored,
    artefact: &Artefact,
    manifest: &Manifest,
    identities: &Identities,
    frame: Frame<'_>,
) -> Result<(u64, Digest), Error> {
    let sealed = Sealed::read(stored, |error| failed(artefact, error))?;
    let mut content = sealed.open(identities)?.ok_or_else(|| Error::NoIdentity {
        recipients: manifest.recipients().into(),
        tried: identities.recipients().collect(),
    })?;
    frame.run(&mut content, |error| failed(artefact, error))
}

/// Compares what needs no key: length and digest of the artefact, and that it starts as its manifest says.
pub(crate) fn compare_stored(artefact: &Artefact, manifest: &Manifest, watch: &Watch) -> Result<(), Error> {
    let mut stored = Stored::of(artefact, manifest.stored_bytes, watch)?;
    let mut meter = watch.enter(Phase::Checking, manifest.stored_bytes);
    let outcome = match &manifest.encryption {
        None => Ok(()),
        Some(_) => Sealed::read(&mut stored, |error| failed(artefact, error)).map(drop),
    };
    if !matches!(outcome, Ok(()) | Err(Error::Damaged(_))) {
        return outcome;
    }
    stored.finish(artefact, manifest.stored_sha256, |bytes| meter.advance(bytes))?;
    meter.finish();
    outcome
}
