//! The shelf: where snapshots lie, an artefact and its manifest for each.
//!
//! A snapshot is complete when its manifest is there: the manifest is published last and taken away first. What is being
//! uploaded lies there too until it is a snapshot, since the shelf is what all processes share (`pieces`).
//! The seam between kinds of shelves is this file: a directory, whose work is done on blocking threads, and a bucket,
//! whose work is asynchronous. Each `…_now` is the same on a blocking thread.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use crate::artefact::Artefact;
use crate::error::Error;
use crate::key::ArtefactKey;
use crate::manifest::Manifest;
use crate::piece::PieceKey;
use crate::task::{self, wait};
use crate::temporary::Swept;
use crate::watch::Watch;

pub use bucket::{Bucket, BucketSettings, Credentials, Patience, ServerSide, SettingsError, Trouble};
pub(crate) use bucket::{Object, ObjectReader};
pub use directory::Directory;
pub use location::Location;
pub(crate) use staged::Staged;

mod bucket;
mod directory;
mod identity;
mod listing;
mod location;
mod marker;
mod pieces;
mod staged;

/// Entries that a slow reader of [`Shelf::list`] leaves waiting.
const AHEAD: usize = 64;

/// A place for snapshots. Cheap to clone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Shelf {
    /// A directory, on a local or a shared file system.
    Directory(Directory),
    /// A bucket that speaks S3.
    Bucket(Bucket),
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
    /// A piece of a file that is being uploaded.
    Piece {
        /// Its name.
        key: PieceKey,
    },
    /// An artefact or a piece that is being written, or the leftover of a killed writer.
    Partial {
        /// Its name, relative to the shelf.
        name: String,
        /// Its length so far; 0 where nobody knows.
        bytes: u64,
        /// Whether its writer lives; in a bucket, whether it may.
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
    /// [`Error::NotFound`], [`Error::Io`], [`Error::Shelf`].
    pub async fn open(&self, key: &ArtefactKey) -> Result<Artefact, Error> {
        match self {
            Self::Directory(directory) => directory.blocking(key, Directory::open_artefact).await,
            Self::Bucket(bucket) => bucket.open_artefact(key).await,
        }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Io`], [`Error::Shelf`], [`Error::Manifest`].
    pub async fn manifest(&self, key: &ArtefactKey) -> Result<Manifest, Error> {
        match self {
            Self::Directory(directory) => directory.blocking(key, Directory::manifest).await,
            Self::Bucket(bucket) => bucket.manifest(key).await,
        }
    }

    /// Removes for good what this attempt at a backup and those before it have put there: artefacts, encrypted or not, and
    /// manifests; whether there was anything. What a later attempt made stays.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Shelf`].
    pub async fn remove(&self, key: &ArtefactKey) -> Result<bool, Error> {
        match self {
            Self::Directory(directory) => directory.blocking(key, Directory::remove).await,
            Self::Bucket(bucket) => bucket.remove(key).await,
        }
    }

    /// Everything on the shelf, in no order, as fast as it is received. Dropping the receiver ends the walk.
    pub fn list(&self) -> mpsc::Receiver<Result<Entry, Error>> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        match self.clone() {
            Self::Directory(directory) => drop(tokio::task::spawn_blocking(move || {
                if let Err(error) = directory.walk(&sender) {
                    // A receiver that is gone wants no errors either.
                    let _ = sender.blocking_send(Err(error));
                }
            })),
            Self::Bucket(bucket) => drop(tokio::spawn(async move {
                if let Err(error) = bucket.walk(&sender).await {
                    let _ = sender.send(Err(error)).await;
                }
            })),
        }
        receiver
    }

    /// Removes what killed writers left; what belongs to living ones stays.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Shelf`].
    pub async fn sweep(&self) -> Result<Swept, Error> {
        match self.clone() {
            Self::Directory(directory) => task::blocking(move || directory.sweep()).await,
            Self::Bucket(bucket) => bucket.sweep().await,
        }
    }

    /// Room that is left, in bytes; `None` where a shelf has no bound. It tells too whether the shelf is there.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Shelf`].
    pub async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        match self.clone() {
            Self::Directory(directory) => task::blocking(move || directory.free_bytes().map(Some)).await,
            Self::Bucket(bucket) => bucket.answers().await.map(|()| None),
        }
    }

    /// Where it is.
    pub fn location(&self) -> Location {
        match self {
            Self::Directory(directory) => Location::Directory(directory.root().to_path_buf()),
            Self::Bucket(bucket) => Location::Bucket(Box::new(bucket.settings().clone())),
        }
    }

    /// When this shelf was begun, as far as it knows: nothing older was ever written to it.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Shelf`].
    pub async fn begun(&self) -> Result<Option<DateTime<Utc>>, Error> {
        match self.clone() {
            Self::Directory(directory) => task::blocking(move || directory.begun()).await,
            Self::Bucket(bucket) => bucket.begun().await,
        }
    }

    pub(crate) fn begun_now(&self) -> Result<Option<DateTime<Utc>>, Error> {
        match self {
            Self::Directory(directory) => directory.begun(),
            Self::Bucket(bucket) => wait(bucket.begun()),
        }
    }

    pub(crate) fn open_now(&self, key: &ArtefactKey) -> Result<Artefact, Error> {
        match self {
            Self::Directory(directory) => directory.open_artefact(key),
            Self::Bucket(bucket) => wait(bucket.open_artefact(key)),
        }
    }

    pub(crate) fn manifest_now(&self, key: &ArtefactKey) -> Result<Manifest, Error> {
        match self {
            Self::Directory(directory) => directory.manifest(key),
            Self::Bucket(bucket) => wait(bucket.manifest(key)),
        }
    }

    /// Starts a new artefact; on a blocking thread. Writing to it ends with an error once `watch` is cancelled.
    ///
    /// # Errors
    /// [`Error::AlreadyPublished`] when a complete snapshot has that name.
    pub(crate) fn stage(&self, key: &ArtefactKey, watch: &Watch) -> Result<Staged, Error> {
        match self {
            Self::Directory(directory) => Staged::in_directory(directory, key),
            Self::Bucket(bucket) => Staged::in_bucket(bucket, key, &watch.cancel),
        }
    }
}

impl fmt::Display for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => write!(f, "{}", directory.root().display()),
            Self::Bucket(bucket) => write!(f, "{bucket}"),
        }
    }
}
