//! A shelf that is a directory.
//!
//! `<folder>/<backup>.db.zst` (or `.db.zst.age`) and `<folder>/<backup>.manifest.json` for each snapshot, `uploads/` for pieces
//! of what is being uploaded, and `.staging/` for what is not published yet: all on one file system, so that a rename is
//! enough.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use chiliview_store::ShelfId;
use chrono::{DateTime, Utc};

use crate::artefact::Artefact;
use crate::durable;
use crate::error::Error;
use crate::key::ArtefactKey;
use crate::manifest::{Manifest, ManifestError};
use crate::task;
use crate::temporary::{self, Swept, Temporary};

use super::identity::Expected;
use super::listing;
use super::marker::{self, Marker};

pub(super) const STAGING: &str = ".staging";
/// So many attempts at a backup are looked for by their names, more in the list of the folder.
const FEW: i64 = 8;

/// A directory of snapshots, 0700, with files 0600.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
    pub(super) expected: Expected,
}

impl Directory {
    pub(super) fn open(root: PathBuf) -> Result<Self, Error> {
        durable::create_dir(&root.join(STAGING))?;
        Ok(Self::at(root))
    }

    pub(super) fn existing(root: PathBuf) -> Result<Self, Error> {
        root.read_dir().map_err(Error::io("open the shelf", &root))?;
        Ok(Self::at(root))
    }

    /// Whatever lies there.
    pub(super) fn at(root: PathBuf) -> Self {
        Self { root, expected: Expected::default() }
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
        Place::below(&self.root, key)
    }

    pub(super) fn open_artefact(&self, key: &ArtefactKey) -> Result<Artefact, Error> {
        let path = self.place(key).artefact;
        Artefact::open(path.clone()).map_err(|error| self.missing(key, &path, error))
    }

    pub(super) fn manifest(&self, key: &ArtefactKey) -> Result<Manifest, Error> {
        let path = self.place(key).manifest;
        let file = File::open(&path).map_err(|error| self.missing(key, &path, error))?;
        Manifest::read(file).map_err(|error| match error {
            ManifestError::Io(error) => Error::io("read", &path)(error),
            other => Error::Manifest(other),
        })
    }

    pub(super) fn remove(&self, key: &ArtefactKey) -> Result<bool, Error> {
        self.is_itself()?;
        let mut found = false;
        for attempt in self.attempts(key)? {
            found |= self.place(&key.by(attempt)).remove()?;
        }
        Ok(found)
    }

    /// The attempts up to this one that may have left something.
    fn attempts(&self, key: &ArtefactKey) -> Result<Vec<i64>, Error> {
        if key.attempt() <= FEW {
            return Ok((1..=key.attempt()).collect());
        }
        let mut found = BTreeSet::new();
        let folder = key.folder();
        listing::each(&self.root.join(&folder), |name, _| {
            let named = ArtefactKey::of_artefact(&folder, name).or_else(|_| ArtefactKey::of_manifest(&folder, name));
            found.extend(named.ok().filter(|named| named.is_up_to(key)).map(|named| named.attempt()));
            Ok(true)
        })?;
        Ok(found.into_iter().collect())
    }

    /// Ready to take a new snapshot.
    pub(super) fn prepare(&self) -> Result<(), Error> {
        self.is_itself()?;
        durable::create_dir(&self.staging())
    }

    pub(super) fn is_itself(&self) -> Result<(), Error> {
        match self.expected.get() {
            None => Ok(()),
            Some(_) => self.expected.check(self.root.display(), self.id()?),
        }
    }

    pub(super) fn id(&self) -> Result<Option<ShelfId>, Error> {
        Ok(self.marker()?.and_then(|marker| marker.id))
    }

    /// Gives it an id, unless it has one.
    pub(super) fn name(&self, id: ShelfId) -> Result<(), Error> {
        let marker = self.marker()?.unwrap_or_default();
        if marker.id.is_some() { Ok(()) } else { self.put(Marker { id: Some(id), ..marker }) }
    }

    /// Notes when it was begun, unless it has a note or snapshots already.
    pub(super) fn mark(&self, now: DateTime<Utc>) -> Result<(), Error> {
        let path = self.root.join(marker::NAME);
        if path.exists() || self.has_folders()? {
            return Ok(());
        }
        self.put(Marker { begun: Some(now), id: None })
    }

    fn put(&self, marker: Marker) -> Result<(), Error> {
        let mut file = Temporary::create(&self.staging(), marker::NAME)?;
        file.append(&marker.to_json())?;
        file.sync()?;
        file.keep(&self.root.join(marker::NAME))?;
        durable::sync_dir(&self.root)
    }

    pub(super) fn begun(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.marker()?.and_then(|marker| marker.begun))
    }

    fn marker(&self) -> Result<Option<Marker>, Error> {
        let path = self.root.join(marker::NAME);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(Error::io("open", &path))?,
        };
        let mut bytes = Vec::new();
        file.take(marker::MAX_BYTES).read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
        Ok(Some(Marker::read(&bytes)))
    }

    fn has_folders(&self) -> Result<bool, Error> {
        let failed = || Error::io("list", &self.root);
        for entry in self.root.read_dir().map_err(failed())? {
            if ArtefactKey::is_folder(&entry.map_err(failed())?.file_name().to_string_lossy()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Runs `work` on a blocking thread.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        key: &ArtefactKey,
        work: impl FnOnce(&Self, &ArtefactKey) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (directory, key) = (self.clone(), *key);
        task::blocking(move || work(&directory, &key)).await
    }

    pub(super) fn sweep(&self) -> Result<Swept, Error> {
        self.is_itself()?;
        temporary::sweep(&self.staging(), "")
    }

    pub(super) fn free_bytes(&self) -> Result<u64, Error> {
        Ok(durable::room(&self.root)?.free_bytes)
    }

    fn missing(&self, key: &ArtefactKey, path: &Path, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::NotFound => self.lacks(error).err().unwrap_or(Error::NotFound(*key)),
            _ => Error::io("open", path)(error),
        }
    }

    /// That the shelf is there, when it does not have what was asked for. Where there is no staging directory there is no
    /// shelf: a file system that is not mounted, say. Nothing can be said about a snapshot then, least of all that it is gone.
    pub(super) fn lacks(&self, error: io::Error) -> Result<(), Error> {
        self.is_itself()?;
        if self.staging().is_dir() { Ok(()) } else { Err(Error::io("find the shelf", &self.root)(error)) }
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
    fn below(root: &Path, key: &ArtefactKey) -> Self {
        let folder = root.join(key.folder());
        let other = if key.is_sealed() { key.plain() } else { key.sealed() };
        let (artefact, other) = (folder.join(key.artefact_file()), folder.join(other.artefact_file()));
        let manifest = folder.join(key.manifest_file());
        Self { folder, artefact, other, manifest }
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
