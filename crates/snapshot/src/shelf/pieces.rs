//! Pieces of uploads on the shelf, below `uploads/`: each put whole, durably, under a name that nothing else ever had.

use std::fs::{DirEntry, File};
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;
use chiliview_store::UploadId;
use tokio_util::sync::CancellationToken;

use crate::durable;
use crate::error::Error;
use crate::piece::{self, FOLDER, PieceKey, sealed_bytes};
use crate::task::{self, wait};
use crate::temporary::Temporary;
use crate::uploaded::Piece;

use super::{Directory, Shelf};

/// So many uploads are listed at once.
pub(super) const PAGE: usize = 1000;

impl Shelf {
    /// Puts a piece there. It is safe when this returns.
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::AnotherShelf`], [`Error::Io`], [`Error::Shelf`].
    pub async fn put_piece(&self, key: &PieceKey, sealed: Vec<Bytes>) -> Result<(), Error> {
        let key = *key;
        match self.clone() {
            Self::Directory(directory) => task::blocking(move || directory.put_piece(&key, &sealed)).await,
            Self::Bucket(bucket) => bucket.put_piece(&key, sealed).await,
        }
    }

    /// What lies there as `piece`; nothing when the shelf is there and has no such piece.
    pub(crate) fn read_piece_now(&self, piece: &Piece, cancel: &CancellationToken) -> Result<Option<Bytes>, Error> {
        match self {
            Self::Directory(directory) => directory.read_piece(piece),
            Self::Bucket(bucket) => {
                wait(cancel.run_until_cancelled(bucket.read_piece(piece))).unwrap_or(Err(Error::Cancelled))
            }
        }
    }

    /// Removes a piece; one that is not there is no error.
    ///
    /// # Errors
    /// [`Error::AnotherShelf`], [`Error::Io`], [`Error::Shelf`].
    pub async fn remove_piece(&self, key: &PieceKey) -> Result<(), Error> {
        let key = *key;
        match self.clone() {
            Self::Directory(directory) => task::blocking(move || directory.remove_piece(&key)).await,
            Self::Bucket(bucket) => bucket.remove_piece(&key).await,
        }
    }

    /// Removes all pieces of an upload.
    ///
    /// # Errors
    /// [`Error::AnotherShelf`], [`Error::Io`], [`Error::Shelf`].
    pub async fn remove_upload(&self, upload: UploadId) -> Result<(), Error> {
        match self.clone() {
            Self::Directory(directory) => task::blocking(move || directory.remove_upload(upload)).await,
            Self::Bucket(bucket) => bucket.remove_upload(upload).await,
        }
    }

    /// The uploads that have pieces there, in order, behind `after`; a thousand at the most.
    ///
    /// # Errors
    /// [`Error::AnotherShelf`], [`Error::Io`], [`Error::Shelf`].
    pub async fn uploads(&self, after: Option<UploadId>) -> Result<Vec<UploadId>, Error> {
        match self.clone() {
            Self::Directory(directory) => task::blocking(move || directory.uploads(after)).await,
            Self::Bucket(bucket) => bucket.uploads(after).await,
        }
    }

    /// When one of an upload's pieces was put there last; nothing when there are none.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Shelf`].
    pub async fn upload_touched(&self, upload: UploadId) -> Result<Option<SystemTime>, Error> {
        match self.clone() {
            Self::Directory(directory) => task::blocking(move || directory.touched(upload)).await,
            Self::Bucket(bucket) => bucket.touched(upload).await,
        }
    }

    /// What pieces may take of the shelf, in bytes; `None` where a shelf has no bound.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn spare_bytes(&self) -> Result<Option<u64>, Error> {
        match self.clone() {
            Self::Directory(directory) => {
                task::blocking(move || Ok(Some(durable::room(directory.root())?.spare_bytes()))).await
            }
            Self::Bucket(_) => Ok(None),
        }
    }
}

impl Directory {
    fn uploads_folder(&self) -> PathBuf {
        self.root().join(FOLDER)
    }

    fn folder_of(&self, upload: UploadId) -> PathBuf {
        self.uploads_folder().join(upload.to_string())
    }

    fn put_piece(&self, key: &PieceKey, sealed: &[Bytes]) -> Result<(), Error> {
        self.prepare()?;
        let mut file = Temporary::create(&self.staging(), &key.file())?;
        sealed.iter().try_for_each(|part| file.append(part))?;
        file.sync()?;
        let folder = self.folder_of(key.upload());
        durable::create_dir(&folder)?;
        file.keep(&folder.join(key.file()))?;
        durable::sync_dir(&folder)
    }

    fn read_piece(&self, piece: &Piece) -> Result<Option<Bytes>, Error> {
        let path = self.root().join(piece.key.to_string());
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.lacks(error).map(|()| None),
            opened => opened.map_err(Error::io("open", &path))?,
        };
        let mut bytes = Vec::new();
        file.take(sealed_bytes(piece.bytes) + 1).read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
        Ok(Some(bytes.into()))
    }

    fn remove_piece(&self, key: &PieceKey) -> Result<(), Error> {
        self.is_itself()?;
        let folder = self.folder_of(key.upload());
        if durable::remove(&folder.join(key.file()))? { durable::sync_dir(&folder) } else { Ok(()) }
    }

    fn remove_upload(&self, upload: UploadId) -> Result<(), Error> {
        self.is_itself()?;
        let folder = self.folder_of(upload);
        for entry in entries(folder.clone())? {
            durable::remove(&entry.path())?;
        }
        match std::fs::remove_dir(&folder) {
            Ok(()) => durable::sync_dir(&self.uploads_folder()),
            // One that arrives just now is of an upload that is known no more, and goes as such.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => Ok(()),
            Err(error) => Err(Error::io("remove", &folder)(error)),
        }
    }

    fn uploads(&self, after: Option<UploadId>) -> Result<Vec<UploadId>, Error> {
        self.is_itself()?;
        let names = entries(self.uploads_folder())?.into_iter().map(|entry| entry.file_name());
        let mut all: Vec<_> = names.filter_map(|name| piece::upload_id(name.to_str()?).ok()).collect();
        all.retain(|id| Some(*id) > after);
        all.sort_unstable();
        all.truncate(PAGE);
        Ok(all)
    }

    fn touched(&self, upload: UploadId) -> Result<Option<SystemTime>, Error> {
        let folder = self.folder_of(upload);
        match folder.metadata().and_then(|stat| stat.modified()) {
            Ok(modified) => Ok(Some(modified)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("look at", &folder)(error)),
        }
    }
}

/// What is in a directory; nothing in one that is not there.
fn entries(directory: PathBuf) -> Result<Vec<DirEntry>, Error> {
    match directory.read_dir().and_then(Iterator::collect) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(Error::io("list", &directory)),
    }
}
