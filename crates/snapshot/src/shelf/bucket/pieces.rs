//! Pieces of uploads in a bucket: one object each.

use std::time::SystemTime;

use bytes::Bytes;
use chiliview_store::UploadId;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutPayload};

use crate::adopt::Refusal;
use crate::error::Error;
use crate::piece::{self, FOLDER, PieceKey, sealed_bytes};
use crate::uploaded::Piece;

use super::super::pieces::PAGE;
use super::{Bucket, trouble};

/// A hundred thousand pieces of one upload.
const PAGES: usize = 100;
const REMOVED_AT_ONCE: usize = 8;

impl Bucket {
    fn piece(&self, key: &PieceKey) -> Path {
        self.folder_of(key.upload()).join(key.file())
    }

    fn folder_of(&self, upload: UploadId) -> Path {
        self.place(FOLDER, &upload.to_string())
    }

    pub(in crate::shelf) async fn put_piece(&self, key: &PieceKey, sealed: Vec<Bytes>) -> Result<(), Error> {
        self.prepare().await?;
        let path = self.piece(key);
        let put = self.store().put(&path, PutPayload::from_iter(sealed)).await;
        put.map(drop).map_err(|error| self.failed("write", &path, &error))
    }

    pub(in crate::shelf) async fn read_piece(&self, piece: &Piece) -> Result<Option<Bytes>, Error> {
        let too_long = || Refusal::PieceChanged { at: piece.first_byte }.into();
        match self.get_within(&self.piece(&piece.key), sealed_bytes(piece.bytes), too_long).await? {
            Some(bytes) => Ok(Some(bytes)),
            None => self.lacks().await.map(|()| None),
        }
    }

    pub(in crate::shelf) async fn remove_piece(&self, key: &PieceKey) -> Result<(), Error> {
        self.is_itself().await?;
        self.delete(&self.piece(key)).await
    }

    pub(in crate::shelf) async fn remove_upload(&self, upload: UploadId) -> Result<(), Error> {
        self.is_itself().await?;
        let below = format!("{}/", self.folder_of(upload));
        for _ in 0..PAGES {
            let names = self.names(&below).await?;
            if names.is_empty() {
                break;
            }
            let removals = stream::iter(names).map(|name| self.remove_named(name));
            removals.buffer_unordered(REMOVED_AT_ONCE).try_collect::<()>().await?;
        }
        Ok(())
    }

    async fn remove_named(&self, name: String) -> Result<(), Error> {
        match Path::parse(&name) {
            Ok(path) => self.delete(&path).await,
            Err(error) => Err(trouble::explain("remove", format!("{self}: {name}"), &error)),
        }
    }

    pub(in crate::shelf) async fn uploads(&self, after: Option<UploadId>) -> Result<Vec<UploadId>, Error> {
        self.is_itself().await?;
        let below = format!("{}/", self.top(FOLDER));
        let folders = self.folders(&below, after.map(|after| format!("{below}{after}/"))).await?;
        let names = folders.iter().filter_map(|folder| folder.strip_prefix(&below)?.strip_suffix('/'));
        Ok(names.filter_map(|name| piece::upload_id(name).ok()).filter(|id| Some(*id) > after).take(PAGE).collect())
    }

    pub(in crate::shelf) async fn touched(&self, upload: UploadId) -> Result<Option<SystemTime>, Error> {
        let folder = self.folder_of(upload);
        let pieces = self.store().list(Some(&folder)).take(PAGE).map_ok(|found| found.last_modified);
        let newest = pieces.try_fold(None, async |newest, modified| Ok(newest.max(Some(modified)))).await;
        newest.map(|found| found.map(Into::into)).map_err(|error| self.failed("list", &folder, &error))
    }
}
