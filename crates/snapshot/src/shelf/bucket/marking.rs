//! Whether a bucket is a shelf, and since when.

use chiliview_store::ShelfId;
use chrono::{DateTime, Utc};
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions};

use crate::error::Error;
use crate::key::ArtefactKey;

use super::super::marker::{self, Marker};
use super::{Bucket, Trouble};

impl Bucket {
    /// A bucket that is not there, or a prefix where nothing of ours was ever put, has nothing to say about a snapshot.
    pub(super) async fn missing(&self, key: &ArtefactKey) -> Error {
        self.lacks().await.err().unwrap_or(Error::NotFound(*key))
    }

    /// That the shelf is there, when it does not have what was asked for.
    pub(super) async fn lacks(&self) -> Result<(), Error> {
        let found = self.marker().await?;
        self.check(found)?;
        found.map(drop).ok_or_else(|| Error::Shelf {
            action: "find the shelf",
            object: self.to_string(),
            trouble: Trouble::NoShelf,
            detail: String::new(),
        })
    }

    pub(in crate::shelf) async fn begun(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.marker().await?.and_then(|marker| marker.begun))
    }

    pub(in crate::shelf) async fn id(&self) -> Result<Option<ShelfId>, Error> {
        Ok(self.marker().await?.and_then(|marker| marker.id))
    }

    pub(in crate::shelf) async fn is_itself(&self) -> Result<(), Error> {
        if self.expected().get().is_none() { Ok(()) } else { self.check(self.marker().await?) }
    }

    fn check(&self, marker: Option<Marker>) -> Result<(), Error> {
        self.expected().check(self, marker.and_then(|marker| marker.id))
    }

    /// Ready to take a new snapshot. A shelf that is known has its marker, or is not the one.
    pub(super) async fn prepare(&self) -> Result<(), Error> {
        if self.expected().get().is_some() { self.is_itself().await } else { self.mark().await }
    }

    /// Gives it an id, unless it has one.
    pub(in crate::shelf) async fn name(&self, id: ShelfId) -> Result<(), Error> {
        self.mark().await?;
        let marker = self.marker().await?.unwrap_or_default();
        if marker.id.is_some() {
            return Ok(());
        }
        let path = self.top(marker::NAME);
        let put = self.store().put(&path, Marker { id: Some(id), ..marker }.to_json().into()).await;
        put.map(drop).map_err(|error| self.failed("name the shelf in", &path, &error))
    }

    /// Looked for each time: what is missing must not count as lost because a bucket was there an hour ago.
    async fn marker(&self) -> Result<Option<Marker>, Error> {
        let path = self.top(marker::NAME);
        // Asked for by its name alone, a missing bucket would look like a missing marker.
        if !self.names(path.as_ref()).await?.iter().any(|name| name == path.as_ref()) {
            return Ok(None);
        }
        Ok(self.get(&path).await?.map(|bytes| Marker::read(&bytes)))
    }

    /// Sees to it that the shelf has its marker, before anything is put there.
    pub(super) async fn mark(&self) -> Result<(), Error> {
        self.0.marked.get_or_try_init(|| self.put_marker()).await.map(|_| ())
    }

    async fn put_marker(&self) -> Result<(), Error> {
        if self.marker().await?.is_some() {
            return Ok(());
        }
        let path = self.top(marker::NAME);
        let marker = Marker { begun: self.0.now, id: None };
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store().put_opts(&path, marker.to_json().into(), options).await {
            // Another process was faster.
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(self.failed("begin the shelf with", &path, &error)),
        }
    }

    /// Whether it is there and lets us look.
    pub(in crate::shelf) async fn answers(&self) -> Result<(), Error> {
        self.names(self.top(marker::NAME).as_ref()).await.map(drop)
    }
}
