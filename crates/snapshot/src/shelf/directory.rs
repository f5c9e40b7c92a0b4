//! A shelf that is a directory.
//!
//! `<folder>/<backup>.db.zst` (or `.db.zst.age`) and `<folder>/<backup>.manifest.json` for each snapshot, the same below `.trash/`, and
//! `.staging/` for what is not published yet: all on one file system, so that a rename is enough.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::artefact::Artefact;
use crate::durable;
use crate::error::Error;
use crate::key::ArtefactKey;
use crate::temporary::{self, Swept};

pub(super) const STAGING: &str = ".staging";
pub(super) const TRASH: &str = ".trash";

/// A directory of snapshots, 0700, with files 0600.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    pub(super) fn open(root: PathBuf) -> Result<Self, Error> {
        durable::create_dir(&root.join(STAGING))?;
        Ok(Self { root })
    }

    pub(super) fn existing(root: PathBuf) -> Result<Self, Error> {
        root.read_dir().map_err(Error::io("open the shelf", &root))?;
        Ok(Self { root })
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.root.join(STAGING)
    }

    /// Where artefact and manifest of `key` lie.
    pub(super) fn place(&self, key: &ArtefactKey) -> Place {
        Place::below(self.root.clone(), key)
    }

    fn trash(&self, key: &ArtefactKey) -> Place {
        Place::below(self.root.join(TRASH), key)
    }

    pub(super) fn open_artefact(&self, key: &ArtefactKey) -> Result<Artefact, Error> {
        let path = self.place(key).artefact;
        Artefact::open(path.clone()).map_err(|error| self.missing(key, &path, error))
    }

    pub(super) fn open_manifest(&self, key: &ArtefactKey) -> Result<(PathBuf, File), Error> {
        let path = self.place(key).manifest;
        match File::open(&path) {
            Ok(file) => Ok((path, file)),
            Err(error) => Err(self.missing(key, &path, error)),
        }
    }

    pub(super) fn remove(&self, key: &ArtefactKey) -> Result<bool, Error> {
        self.place(key).remove()
    }

    pub(super) fn purge(&self, key: &ArtefactKey) -> Result<bool, Error> {
        self.trash(key).remove()
    }

    pub(super) fn move_to_trash(&self, key: &ArtefactKey) -> Result<(), Error> {
        let (from, to) = (self.place(key), self.trash(key));
        durable::create_dir(&to.folder)?;
        let manifest = moved(&from.manifest, &to.manifest)?;
        if manifest {
            // Without its manifest on disk first, a crash could leave a complete-looking snapshot without its artefact.
            durable::sync_dir(&from.folder)?;
        }
        let artefact = from.move_artefacts(&to)?;
        if !manifest && !artefact {
            return Err(Error::NotFound(*key));
        }
        durable::sync_dir(&to.folder)?;
        durable::sync_dir(&from.folder)
    }

    pub(super) fn restore_from_trash(&self, key: &ArtefactKey) -> Result<(), Error> {
        let (from, to) = (self.trash(key), self.place(key));
        if to.manifest.exists() {
            return Err(Error::AlreadyPublished(*key));
        }
        // The artefact may have come back before a crash; the manifest comes last.
        let whole = from.manifest.exists() && (from.has_artefact() || to.has_artefact());
        if !whole {
            return Err(Error::NotFound(*key));
        }
        durable::create_dir(&to.folder)?;
        from.move_artefacts(&to)?;
        durable::sync_dir(&to.folder)?;
        durable::rename(&from.manifest, &to.manifest)?;
        durable::sync_dir(&to.folder)?;
        durable::sync_dir(&from.folder)
    }

    pub(super) fn sweep(&self) -> Result<Swept, Error> {
        temporary::sweep(&self.staging(), "")
    }

    pub(super) fn free_bytes(&self) -> Result<u64, Error> {
        durable::free_bytes(&self.root)
    }

    /// Where there is no staging directory there is no shelf: a file system that is not mounted, say. Nothing can be said
    /// about a snapshot then, least of all that it is gone.
    fn missing(&self, key: &ArtefactKey, path: &Path, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::NotFound if self.staging().is_dir() => Error::NotFound(*key),
            io::ErrorKind::NotFound => Error::io("find the shelf", &self.root)(error),
            _ => Error::io("open", path)(error),
        }
    }
}

/// The paths of one backup's snapshot, encrypted or not.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) artefact: PathBuf,
    /// Where the artefact would lie if it were not encrypted, or were. What is removed or moved is removed or moved
    /// under both names: a setting may have changed between two attempts.
    pub(super) other: PathBuf,
    pub(super) manifest: PathBuf,
}

impl Place {
    fn below(root: PathBuf, key: &ArtefactKey) -> Self {
        let folder = root.join(key.folder());
        let other = if key.is_sealed() { key.plain() } else { key.sealed() };
        let (artefact, other) = (folder.join(key.artefact_file()), folder.join(other.artefact_file()));
        let manifest = folder.join(key.manifest_file());
        Self { folder, artefact, other, manifest }
    }

    fn has_artefact(&self) -> bool {
        self.artefact.exists() || self.other.exists()
    }

    /// Whether there was any.
    fn move_artefacts(&self, to: &Self) -> Result<bool, Error> {
        let artefact = moved(&self.artefact, &to.artefact)?;
        Ok(moved(&self.other, &to.other)? || artefact)
    }

    /// Removes everything, the manifest durably before the artefact.
    pub(super) fn remove(&self) -> Result<bool, Error> {
        let manifest = durable::remove(&self.manifest)?;
        if manifest {
            durable::sync_dir(&self.folder)?;
        }
        let artefact = durable::remove(&self.artefact)?;
        let artefact = durable::remove(&self.other)? || artefact;
        if artefact {
            durable::sync_dir(&self.folder)?;
        }
        Ok(manifest || artefact)
    }
}

/// Renames; whether there was anything to rename.
fn moved(from: &Path, to: &Path) -> Result<bool, Error> {
    match std::fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("rename", from)(error)),
    }
}
