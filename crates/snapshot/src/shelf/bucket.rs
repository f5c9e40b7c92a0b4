//! A shelf that is a bucket, or a part of one: any server that speaks S3.
//!
//! `<prefix>/<folder>/<backup>.db.zst` (or `.db.zst.age`) and `<prefix>/<folder>/<backup>.manifest.json` for each snapshot,
//! as in a directory, and `<prefix>/uploads/` for pieces of what is being uploaded to us. What is not published yet is an upload
//! of ours that nobody has completed.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::AmazonS3;
use object_store::client::HttpClient;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use tokio::sync::OnceCell;
use tokio::sync::mpsc::Sender;

use crate::artefact::Artefact;
use crate::error::Error;
use crate::key::ArtefactKey;
use crate::manifest::{Manifest, ManifestError};
use crate::temporary::Swept;

use super::Entry;
use super::identity::Expected;
use super::listing::entry_of;
use super::marker;

pub(crate) use object::{Object, ObjectReader};
pub use settings::{BucketSettings, Credentials, Patience, ServerSide, SettingsError};
use transport::Transport;
pub use trouble::Trouble;
pub(super) use upload::Upload;

mod connect;
mod marking;
mod object;
mod pieces;
mod settings;
mod transport;
mod trouble;
mod unfinished;
mod upload;

/// A bucket of snapshots. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bucket(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: BucketSettings,
    store: AmazonS3,
    client: HttpClient,
    /// What a new shelf notes as its beginning; nothing for one who only reads.
    now: Option<DateTime<Utc>>,
    marked: OnceCell<()>,
    expected: Expected,
}

impl Bucket {
    /// Speaks to nobody yet.
    pub(super) fn of(settings: BucketSettings, now: Option<DateTime<Utc>>) -> Result<Self, Error> {
        let transport = Transport::new(&settings);
        let client = transport.client();
        let store = connect::builder(&settings).with_http_connector(transport).build();
        let store = store.map_err(|error| trouble::explain("use the settings of", settings.to_string(), &error))?;
        Ok(Self(Arc::new(Inner {
            settings,
            store,
            client,
            now,
            marked: OnceCell::new(),
            expected: Expected::default(),
        })))
    }

    pub(super) fn settings(&self) -> &BucketSettings {
        &self.0.settings
    }

    pub(super) fn expected(&self) -> &Expected {
        &self.0.expected
    }

    fn store(&self) -> &AmazonS3 {
        &self.0.store
    }

    fn client(&self) -> &HttpClient {
        &self.0.client
    }

    fn top(&self, name: &str) -> Path {
        self.settings().prefix.clone().join(name)
    }

    fn place(&self, folder: &str, file: &str) -> Path {
        self.top(folder).join(file)
    }

    fn artefact(&self, key: &ArtefactKey) -> Path {
        self.place(&key.folder(), &key.artefact_file())
    }

    fn manifest_path(&self, key: &ArtefactKey) -> Path {
        self.place(&key.folder(), &key.manifest_file())
    }

    fn url_of(&self, path: &Path) -> String {
        format!("s3://{}/{path}", self.settings().bucket)
    }

    fn failed(&self, action: &'static str, path: &Path, error: &object_store::Error) -> Error {
        trouble::explain(action, self.url_of(path), error)
    }

    pub(super) async fn open_artefact(&self, key: &ArtefactKey) -> Result<Artefact, Error> {
        let path = self.artefact(key);
        let found = match self.store().head(&path).await {
            Err(object_store::Error::NotFound { .. }) => return Err(self.missing(key).await),
            Ok(found) => found,
            // The answer to this question has no words; that to another one has.
            Err(error) => {
                let told = self.answers().await.err();
                return Err(told.unwrap_or_else(|| self.failed("open", &path, &error)));
            }
        };
        let object = Object { bucket: self.clone(), path, e_tag: found.e_tag };
        Ok(Artefact::object(object, found.size, found.last_modified.into()))
    }

    pub(super) async fn manifest(&self, key: &ArtefactKey) -> Result<Manifest, Error> {
        match self.get(&self.manifest_path(key)).await? {
            Some(bytes) => Ok(Manifest::read(&*bytes)?),
            None => Err(self.missing(key).await),
        }
    }

    /// A small object; nothing when there is none. A longer one is not read.
    async fn get(&self, path: &Path) -> Result<Option<Bytes>, Error> {
        self.get_within(path, Manifest::MAX_BYTES, || ManifestError::TooLarge.into()).await
    }

    async fn get_within(
        &self,
        path: &Path,
        most: u64,
        too_long: impl FnOnce() -> Error,
    ) -> Result<Option<Bytes>, Error> {
        let failed = |error: object_store::Error| self.failed("read", path, &error);
        let got = match self.store().get(path).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            got => got.map_err(failed)?,
        };
        if got.meta.size > most {
            return Err(too_long());
        }
        let len = got.meta.size;
        let bytes = got.bytes().await.map_err(failed)?;
        if bytes.len() as u64 != len {
            let detail = " (fewer bytes came than were announced)".to_owned();
            return Err(Error::Shelf { action: "read", object: self.url_of(path), trouble: Trouble::Failing, detail });
        }
        Ok(Some(bytes))
    }

    /// Removes manifests before artefacts; whether there was anything. A writer of such a name that may still live is ended
    /// too: what it would put there is not wanted any more.
    pub(super) async fn remove(&self, key: &ArtefactKey) -> Result<bool, Error> {
        self.is_itself().await?;
        self.end_uploads(key).await?;
        let mut found = Vec::new();
        for name in self.names(&self.beginning(key)).await? {
            let path = Path::from(name);
            let entry = self.entry_at(&path);
            found.extend(entry.filter(|(named, _)| named.is_up_to(key)).map(|(_, is_manifest)| (!is_manifest, path)));
        }
        found.sort();
        for (_, path) in &found {
            self.delete(path).await?;
        }
        Ok(!found.is_empty())
    }

    /// The snapshot that lies at `path`, and whether that is its manifest; nothing when it is no snapshot's.
    fn entry_at(&self, path: &Path) -> Option<(ArtefactKey, bool)> {
        let name = self.relative(path);
        let (folder, file) = name.split_once('/')?;
        let artefact = ArtefactKey::of_artefact(folder, file).map(|key| (key, false));
        artefact.or_else(|_| ArtefactKey::of_manifest(folder, file).map(|key| (key, true))).ok()
    }

    async fn delete(&self, path: &Path) -> Result<(), Error> {
        match self.store().delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("remove", path, &error)),
        }
    }

    /// What lies there of an attempt at a backup: artefact, encrypted or not, and manifest.
    async fn names_of(&self, key: &ArtefactKey) -> Result<Vec<Path>, Error> {
        let ours = [self.manifest_path(key), self.artefact(&key.plain()), self.artefact(&key.sealed())];
        let names = self.names(&self.beginning(key)).await?;
        Ok(ours.into_iter().filter(|path| names.iter().any(|name| name == path.as_ref())).collect())
    }

    async fn end_uploads(&self, key: &ArtefactKey) -> Result<(), Error> {
        for upload in self.unfinished(&self.beginning(key)).await? {
            if self.entry_at(&upload.path).is_some_and(|(named, _)| named.is_up_to(key)) {
                self.end(&upload).await?;
            }
        }
        Ok(())
    }

    /// How every name of a backup begins.
    fn beginning(&self, key: &ArtefactKey) -> String {
        self.place(&key.folder(), &format!("{}.", key.backup_id())).to_string()
    }

    pub(super) async fn walk(&self, found: &Sender<Result<Entry, Error>>) -> Result<(), Error> {
        let prefix = &self.settings().prefix;
        let failed = |error: object_store::Error| self.failed("list", prefix, &error);
        let mut objects = self.store().list(Some(prefix)).map_err(failed);
        while let Some(object) = objects.next().await {
            let object = object?;
            let name = self.relative(&object.location);
            let (folder, file) = name.split_once('/').unwrap_or(("", name.as_str()));
            if name != marker::NAME
                && found.send(Ok(entry_of(folder, file, object.size, object.last_modified.into()))).await.is_err()
            {
                return Ok(());
            }
        }
        for upload in self.unfinished(&self.below()).await? {
            let entry = Entry::Partial { name: self.relative(&upload.path), bytes: 0, alive: upload.alive };
            if found.send(Ok(entry)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    pub(super) async fn sweep(&self) -> Result<Swept, Error> {
        self.is_itself().await?;
        let mut swept = Swept::default();
        for upload in self.unfinished(&self.below()).await? {
            let name = self.relative(&upload.path);
            if !upload.alive && name.parse::<ArtefactKey>().is_ok() {
                self.end(&upload).await?;
                swept.files += 1;
            }
        }
        Ok(swept)
    }

    /// What every name of the shelf begins with.
    fn below(&self) -> String {
        let prefix = &self.settings().prefix;
        if prefix.as_ref().is_empty() { String::new() } else { format!("{prefix}/") }
    }

    fn relative(&self, path: &Path) -> String {
        path.as_ref().strip_prefix(&self.below()).unwrap_or(path.as_ref()).to_owned()
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.settings())
    }
}
