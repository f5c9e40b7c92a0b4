//! An artefact that is being written and is not on the shelf yet.
//!
//! Dropped before [`Staged::publish`] returned `Ok`, it leaves nothing behind.

use std::io::{self, Write};
use std::path::Path;

use crate::durable;
use crate::error::Error;
use crate::key::ArtefactKey;
use crate::temporary::Temporary;

use super::Directory;
use super::directory::Place;

/// The bytes of a new artefact, in order.
pub(crate) struct Staged {
    directory: Directory,
    key: ArtefactKey,
    artefact: Temporary,
}

impl Staged {
    pub(super) fn create(directory: &Directory, key: &ArtefactKey) -> Result<Self, Error> {
        refuse_published(&directory.place(key), key)?;
        let artefact = Temporary::create(&directory.staging(), &key.artefact_file())?;
        Ok(Self { directory: directory.clone(), key: *key, artefact })
    }

    /// Where its bytes go, for errors.
    pub(crate) fn path(&self) -> &Path {
        self.artefact.path()
    }

    /// Makes the artefact durable and visible, then its manifest. Both are on disk when this returns.
    ///
    /// # Errors
    /// [`Error::AlreadyPublished`], [`Error::NoSpace`], [`Error::Io`]; then nothing new is on the shelf.
    pub(crate) fn publish(self, manifest: &[u8]) -> Result<(), Error> {
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
        self.artefact.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.artefact.file().flush()
    }
}

/// Written before the artefact is visible, so that a full disk is met in time. There is one staged manifest a backup:
/// who has it publishes alone, and artefact and manifest are always of one hand.
fn staged_manifest(directory: &Directory, key: &ArtefactKey, bytes: &[u8]) -> Result<Temporary, Error> {
    let alone = Temporary::alone(&directory.staging(), &key.manifest_file())?;
    let mut manifest = alone.ok_or(Error::AlreadyPublished(*key))?;
    manifest.write_all(bytes)?;
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
