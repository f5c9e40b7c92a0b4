//! The shelf: where snapshots lie, an artefact and its manifest for each.
//!
//! A snapshot is complete when its manifest is there: the manifest is published last and taken away first.
//! The seam between kinds of shelves is this file; today there is one kind, a directory.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use tokio::sync::mpsc;

use crate::artefact::Artefact;
use crate::error::Error;
use crate::key::ArtefactKey;
use crate::manifest::{Manifest, ManifestError};
use crate::task;
use crate::temporary::Swept;

pub use directory::Directory;
pub(crate) use staged::Staged;

mod directory;
mod listing;
mod staged;

/// Entries that a slow reader of [`Shelf::list`] leaves waiting.
const AHEAD: usize = 64;

/// A place for snapshots. Cheap to clone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Shelf {
    /// A directory, on a local or a shared file system.
    Directory(Directory),
}

/// Something that lies on the shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An artefact.
    Artefact {
        /// Its name.
        key: ArtefactKey,
        /// Its length.
        bytes: u64,
        /// When it was published.
        modified: SystemTime,
    },
    /// A manifest.
    Manifest {
        /// The name of the artefact that it is about, as if it were not encrypted.
        key: ArtefactKey,
        /// Its length.
        bytes: u64,
    },
    /// An artefact that was moved to the trash.
    Trashed {
        /// Its name.
        key: ArtefactKey,
        /// Its length.
        bytes: u64,
    },
    /// A file that is being written, or the leftover of a killed writer.
    Partial {
        /// Its name, relative to the shelf.
        name: String,
        /// Its length so far.
        bytes: u64,
        /// Whether its writer lives.
        alive: bool,
    },
    /// Something that ChiliView did not put there.
    Unknown {
        /// Its name, relative to the shelf.
        name: String,
    },
}

impl Shelf {
    /// The shelf in the directory `path`, which is made (0700) when it is missing.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::NoSpace`] when it cannot be made.
    pub async fn directory(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        task::blocking(move || Directory::open(path).map(Self::Directory)).await
    }

    /// The shelf in a directory that is there, for one who only reads from it: nothing is made in it.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no such directory.
    pub async fn existing(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        task::blocking(move || Directory::existing(path).map(Self::Directory)).await
    }

    /// Opens an artefact for reading.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Io`].
    pub async fn open(&self, key: &ArtefactKey) -> Result<Artefact, Error> {
        self.blocking(key, Self::open_now).await
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Io`], [`Error::Manifest`].
    pub async fn manifest(&self, key: &ArtefactKey) -> Result<Manifest, Error> {
        self.blocking(key, Self::manifest_now).await
    }

    /// Removes artefact, encrypted or not, and manifest for good; whether there was anything.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn remove(&self, key: &ArtefactKey) -> Result<bool, Error> {
        self.blocking(key, |Self::Directory(directory), key| directory.remove(key)).await
    }

    /// Takes a snapshot, encrypted or not, off the shelf so that it can still be brought back.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Io`].
    pub async fn move_to_trash(&self, key: &ArtefactKey) -> Result<(), Error> {
        self.blocking(key, |Self::Directory(directory), key| directory.move_to_trash(key)).await
    }

    /// Brings a snapshot back from the trash.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyPublished`], [`Error::Io`].
    pub async fn restore_from_trash(&self, key: &ArtefactKey) -> Result<(), Error> {
        self.blocking(key, |Self::Directory(directory), key| directory.restore_from_trash(key)).await
    }

    /// Removes a snapshot from the trash for good; whether there was anything.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn purge(&self, key: &ArtefactKey) -> Result<bool, Error> {
        self.blocking(key, |Self::Directory(directory), key| directory.purge(key)).await
    }

    /// Everything on the shelf, in no order, as fast as it is received. Dropping the receiver ends the walk.
    pub fn list(&self) -> mpsc::Receiver<Result<Entry, Error>> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let Self::Directory(directory) = self.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = directory.walk(&sender) {
                // A receiver that is gone wants no errors either.
                let _ = sender.blocking_send(Err(error));
            }
        });
        receiver
    }

    /// Removes what killed writers left; the files of living ones stay.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn sweep(&self) -> Result<Swept, Error> {
        let Self::Directory(directory) = self.clone();
        task::blocking(move || directory.sweep()).await
    }

    /// Room that is left, in bytes; `None` where a shelf has no bound.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        let Self::Directory(directory) = self.clone();
        task::blocking(move || directory.free_bytes().map(Some)).await
    }

    /// As [`open`](Self::open), on a blocking thread.
    pub(crate) fn open_now(&self, key: &ArtefactKey) -> Result<Artefact, Error> {
        let Self::Directory(directory) = self;
        directory.open_artefact(key)
    }

    /// As [`manifest`](Self::manifest), on a blocking thread.
    pub(crate) fn manifest_now(&self, key: &ArtefactKey) -> Result<Manifest, Error> {
        let Self::Directory(directory) = self;
        let (path, file) = directory.open_manifest(key)?;
        Manifest::read(file).map_err(|error| match error {
            ManifestError::Io(error) => Error::io("read", &path)(error),
            other => Error::Manifest(other),
        })
    }

    /// Starts a new artefact; on a blocking thread.
    ///
    /// # Errors
    /// [`Error::AlreadyPublished`] when a complete snapshot has that name.
    pub(crate) fn stage(&self, key: &ArtefactKey) -> Result<Staged, Error> {
        let Self::Directory(directory) = self;
        Staged::create(directory, key)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        key: &ArtefactKey,
        work: impl FnOnce(&Self, &ArtefactKey) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (shelf, key) = (self.clone(), *key);
        task::blocking(move || work(&shelf, &key)).await
    }
}

impl fmt::Display for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Directory(directory) = self;
        write!(f, "{}", directory.root().display())
    }
}
