//! Which shelf this is: the id in its marker, against the one that the central database remembers for its address.
//!
//! Where a volume is not mounted, an empty directory lies in the shelf's place. It must not count as the shelf: nothing is
//! written there, and nothing is missing on it.

use std::sync::{Arc, PoisonError, RwLock};

use chiliview_store::{Error as StoreError, ShelfId, Store, shelves};

use crate::error::Error;
use crate::task;

use super::Shelf;

/// The id that a shelf must have, once it is known. Shared by all handles of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected(Arc<RwLock<Option<ShelfId>>>);

impl Expected {
    pub(super) fn set(&self, id: ShelfId) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(id);
    }

    /// Refuses a place whose marker has another id, or none. Anything goes while nothing is known.
    pub(super) fn check(&self, place: impl ToString, found: Option<ShelfId>) -> Result<(), Error> {
        match self.get() {
            Some(wanted) if found != Some(wanted) => {
                Err(Error::AnotherShelf { place: place.to_string(), wanted, found })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn get(&self) -> Option<ShelfId> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// What the shelf is remembered under: another address is another shelf.
    pub fn address(&self) -> String {
        self.location().address()
    }

    /// The id in its marker.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Shelf`].
    pub async fn id(&self) -> Result<Option<ShelfId>, Error> {
        match self.clone() {
            Self::Directory(directory) => task::blocking(move || directory.id()).await,
            Self::Bucket(bucket) => bucket.id().await,
        }
    }

    /// That it is the shelf that is remembered; anything is, as long as nothing is remembered.
    ///
    /// # Errors
    /// [`Error::AnotherShelf`]; [`Error::Io`], [`Error::Shelf`].
    pub async fn is_itself(&self) -> Result<(), Error> {
        match self.clone() {
            Self::Directory(directory) => task::blocking(move || directory.is_itself()).await,
            Self::Bucket(bucket) => bucket.is_itself().await,
        }
    }

    /// Learns from the central database which shelf lies here. One that is used for the first time is remembered, and
    /// given an id if it has none; after that, another one in its place is refused by everything that looks or writes.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NoSpace`], [`Error::Shelf`], [`Error::Store`].
    pub async fn recognise(&self, store: &Store) -> Result<(), Error> {
        let (address, central, now) = (self.address(), store.central(), store.clock().now());
        let known = central.read(async |tx| shelves::find(tx, &address).await).await?;
        if let Some(shelf) = known.filter(|shelf| shelf.marked_at.is_some()) {
            self.expect(shelf.id);
            return Ok(());
        }
        if self.id().await?.is_none() {
            // The database first: of several processes that begin at once, all give it the same id.
            let new = store.ids().next();
            let id = central.write(async |tx| shelves::propose(tx, &address, new, now).await).await?;
            self.name(id).await?;
        }
        let Some(found) = self.id().await? else { return Err(Error::Unmarked(address)) };
        let id = central.write(async |tx| Ok::<_, StoreError>(shelves::seen(tx, &address, found, now).await?));
        self.expect(id.await?);
        Ok(())
    }

    /// From now on another one in its place is refused.
    pub fn expect(&self, id: ShelfId) {
        match self {
            Self::Directory(directory) => directory.expected.set(id),
            Self::Bucket(bucket) => bucket.expected().set(id),
        }
    }

    /// Writes the id into its marker, unless that has one.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NoSpace`], [`Error::Shelf`].
    pub async fn name(&self, id: ShelfId) -> Result<(), Error> {
        match self.clone() {
            Self::Directory(directory) => task::blocking(move || directory.name(id)).await,
            Self::Bucket(bucket) => bucket.name(id).await,
        }
    }
}
