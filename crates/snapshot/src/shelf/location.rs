//! Where a shelf is, before anybody has opened it: what a setting says.

use std::fmt;
use std::path::{self, PathBuf};

use chiliview_store::ShelfId;
use chrono::{DateTime, Utc};

use crate::error::Error;
use crate::task;

use super::bucket::{Bucket, BucketSettings};
use super::{Directory, Shelf};

/// A directory, or a bucket and how it is spoken to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Location {
    /// A directory.
    Directory(PathBuf),
    /// A bucket.
    Bucket(Box<BucketSettings>),
}

impl Location {
    /// Opens it for whoever writes there. What is missing is made, and a new shelf notes that it was begun at `now`. Of a
    /// bucket nothing is asked yet: one that is out of reach keeps nobody from starting.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NoSpace`], [`Error::Shelf`].
    pub async fn open(&self, now: DateTime<Utc>) -> Result<Shelf, Error> {
        match self.clone() {
            Self::Directory(path) => {
                task::blocking(move || {
                    let directory = Directory::open(path)?;
                    directory.mark(now)?;
                    Ok(Shelf::Directory(directory))
                })
                .await
            }
            Self::Bucket(settings) => Bucket::of(*settings, Some(now)).map(Shelf::Bucket),
        }
    }

    /// Opens it for whoever writes there, where `id` is remembered to lie: nothing is made, because what is not there
    /// now, a volume that is not mounted, say, may be there later.
    ///
    /// # Errors
    /// [`Error::Shelf`] for settings that make no bucket.
    pub fn known(&self, id: ShelfId, now: DateTime<Utc>) -> Result<Shelf, Error> {
        let shelf = match self.clone() {
            Self::Directory(path) => Shelf::Directory(Directory::at(path)),
            Self::Bucket(settings) => Shelf::Bucket(Bucket::of(*settings, Some(now))?),
        };
        shelf.expect(id);
        Ok(shelf)
    }

    /// What a shelf there is remembered under: the whole path, or bucket, prefix and server.
    pub fn address(&self) -> String {
        match self {
            Self::Directory(path) => path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string(),
            Self::Bucket(settings) => settings.address(),
        }
    }

    /// Opens it for one who only reads from it: nothing is made there.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Shelf`] when it is not there.
    pub async fn existing(&self) -> Result<Shelf, Error> {
        match self.clone() {
            Self::Directory(path) => Shelf::existing(path).await,
            Self::Bucket(settings) => {
                let bucket = Bucket::of(*settings, None)?;
                bucket.answers().await?;
                Ok(Shelf::Bucket(bucket))
            }
        }
    }

    /// The directory, when it is one.
    pub fn as_directory(&self) -> Option<&PathBuf> {
        match self {
            Self::Directory(path) => Some(path),
            Self::Bucket(_) => None,
        }
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::Directory(path)
    }
}

impl PartialEq for Location {
    /// Whether both are the same place.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Directory(one), Self::Directory(other)) => one == other,
            (Self::Bucket(one), Self::Bucket(other)) => one.is_same_place(other),
            _ => false,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::Bucket(settings) => write!(f, "{settings}"),
        }
    }
}
