//! An artefact that is being written and is not on the shelf yet.
//!
//! Dropped before [`Staged::publish`] returned `Ok`, it leaves nothing behind.

use std::io::{self, Write};
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use crate::durable;
use crate::error::Error;
use crate::key::ArtefactKey;
use crate::temporary::Temporary;

use super::bucket::{Bucket, Upload};
use super::directory::{Directory, Place};

/// The bytes of a new artefact, in order; written and published on a blocking thread.
pub(crate) enum Staged {
    /// A file beside the shelf's folders.
    File(StagedFile),
    /// An upload that is not completed.
    Upload(Upload),
}

/// On the way into a directory.
pub(crate) struct StagedFile {
    directory: Directory,
    key: ArtefactKey,
    artefact: Temporary,
}

impl Staged {
    pub(super) fn in_directory(directory: &Directory, key: &ArtefactKey) -> Result<Self, Error> {
        directory.prepare()?;
        refuse_published(&directory.place(key), key)?;
        let artefact = Temporary::create(&directory.staging(), &key.artefact_file())?;
        Ok(Self::File(StagedFile { directory: directory.clone(), key: *key, artefact }))
    }

    pub(super) fn in_bucket(bucket: &Bucket, key: &ArtefactKey, cancel: &CancellationToken) -> Result<Self, Error> {
        Upload::begin(bucket, key, cancel).map(Self::Upload)
    }

    /// Where its bytes go, for errors.
    pub(crate) fn name(&self) -> PathBuf {
        match self {
            Self::File(file) => file.artefact.path().to_path_buf(),
            Self::Upload(upload) => upload.url().into(),
        }
    }

    /// How many bytes may come at most, roughly; told before the first one.
    pub(crate) fn expect(&mut self, bytes: u64) {
        if let Self::Upload(upload) = self {
            upload.expect(bytes);
        }
    }

    /// Makes the artefact durable and visible, then its manifest. Both are safe when this returns.
    ///
    /// # Errors
    /// [`Error::AlreadyPublished`], [`Error::NoSpace`], [`Error::Io`], [`Error::Shelf`]; then nothing new is on the shelf.
    pub(crate) fn publish(self, manifest: &[u8]) -> Result<(), Error> {
        match self {
            Self::File(file) => file.publish(manifest),
            Self::Upload(upload) => upload.publish(manifest),
        }
    }
}

impl StagedFile {
    fn publish(self, manifest: &[u8]) -> Result<(), Error> {
        let Self { directory, key, artefact } = self;
        let place = directory.place(&key);
        artefact.sync()?;
        let manifest = staged_manifest(&directory, &key, manifest)?;
        durable::create_dir(&place.folder)?;
        refuse_published(&place, &key)?;
        show(&place, artefact, manifest).inspect_err(|_| withdraw(&place))
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.artefact.write(bytes),
            Self::Upload(upload) => upload.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.artefact.flush(),
            Self::Upload(upload) => upload.flush(),
        }
    }
}

/// Written before the artefact is visible, so that a full disk is met in time. There is one staged manifest a backup:
/// who has it publishes alone, and artefact and manifest are always of one hand.
fn staged_manifest(directory: &Directory, key: &ArtefactKey, bytes: &[u8]) -> Result<Temporary, Error> {
    let alone = Temporary::alone(&directory.staging(), &key.manifest_file())?;
    let mut manifest = alone.ok_or(Error::AlreadyPublished(*key))?;
    manifest.append(bytes)?;
    manifest.sync()?;
    Ok(manifest)
}

/// The artefact's name is durable before the manifest has one. An artefact that a crash left alone is replaced, also
/// under its other name: one that is not encrypted must not lie beside one that is.
fn show(place: &Place, artefact: Temporary, manifest: Temporary) -> Result<(), Error> {
    durable::remove(&place.other)?;
    artefact.keep(&place.artefact)?;
    durable::sync_dir(&place.folder)?;
    fail::fail_point!("snapshot.before_manifest", |_| Err(crate::error::injected("snapshot.before_manifest")));
    manifest.keep(&place.manifest)?;
    durable::sync_dir(&place.folder)
}

/// What cannot be withdrawn is an artefact without manifest at worst, which nobody takes for a snapshot.
fn withdraw(place: &Place) {
    if let Err(error) = place.remove() {
        tracing::warn!(path = %place.artefact.display(), error = &error as &dyn std::error::Error, "unpublished artefact stays on the shelf");
    }
}

fn refuse_published(place: &Place, key: &ArtefactKey) -> Result<(), Error> {
    if place.manifest.exists() { Err(Error::AlreadyPublished(*key)) } else { Ok(()) }
}
