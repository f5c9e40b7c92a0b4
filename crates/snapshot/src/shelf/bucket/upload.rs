//! An artefact on its way into a bucket: a multipart upload, whose parts are sent while the next is filled, and which is
//! completed last. Dropped before [`Upload::publish`] returned `Ok`, it is ended, and nothing of it stays.
//!
//! Nobody can lock a name in a bucket. What keeps two publishers of one backup apart:
//!
//! 1. a manifest is put only where there is none, so one of the two is refused;
//! 2. who has put his manifest ends every other upload of that name, so nobody can put other bytes beside it from then on
//!    (one who begins later sees the manifest);
//! 3. only then is the snapshot read back and proven, so bytes of another hand, put there before, are found.

use std::io;
use std::sync::mpsc as blocking;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::key::ArtefactKey;
use crate::task::wait;

use super::Bucket;

/// Some servers want all parts but the last to be equal, and 5 MiB at least.
const PART: usize = 8 << 20;
/// A server takes 10,000; some room is left for what does not compress.
const PARTS: u64 = 9_000;
/// Parts that are sent at once hold so much memory at most, or one part.
const SENT_AT_ONCE: usize = 32 << 20;
/// For a manifest, each with the store's own within it.
const TRIES: u32 = 3;
/// For a server that has to be told that an upload is over.
const FAREWELL: Duration = Duration::from_secs(10);

/// Bytes on their way.
pub(crate) struct Upload {
    // Before the next field: nothing is sent any more when the upload is ended.
    sending: Option<Sending>,
    begun: Begun,
    part: usize,
    waiting: BytesMut,
    bytes: u64,
    cancel: CancellationToken,
}

struct Sending {
    parts: Option<mpsc::Sender<Bytes>>,
    task: JoinHandle<Result<Vec<PartId>, Error>>,
}

/// An upload that the server knows of. It is ended when dropped before it was completed.
struct Begun {
    bucket: Bucket,
    key: ArtefactKey,
    path: Path,
    id: String,
    runtime: Handle,
    over: bool,
}

impl Upload {
    pub(in crate::shelf) fn begin(
        bucket: &Bucket,
        key: &ArtefactKey,
        cancel: &CancellationToken,
    ) -> Result<Self, Error> {
        let begun = wait(Begun::new(bucket, key))?;
        // After it was begun: see above.
        wait(begun.refuse_published())?;
        let waiting = BytesMut::new();
        Ok(Self { begun, part: PART, waiting, bytes: 0, sending: None, cancel: cancel.clone() })
    }

    pub(in crate::shelf) fn url(&self) -> String {
        self.begun.bucket.url_of(&self.begun.path)
    }

    /// Makes parts large enough for `bytes`.
    pub(in crate::shelf) fn expect(&mut self, bytes: u64) {
        let wanted = usize::try_from(bytes.div_ceil(PARTS)).unwrap_or(usize::MAX);
        self.part = PART.max(wanted.next_multiple_of(1 << 20));
    }

    fn send(&mut self) -> Result<(), Error> {
        let part = self.waiting.split().freeze();
        let sending = self.sending.get_or_insert_with(|| start(&self.begun, self.part, &self.cancel));
        if sending.parts.as_ref().is_some_and(|parts| wait(parts.send(part)).is_ok()) {
            return Ok(());
        }
        // The task does not let go of its end while all is well.
        Err(self.sent().err().unwrap_or(Error::Cancelled))
    }

    /// Waits until everything is sent.
    fn sent(&mut self) -> Result<Vec<PartId>, Error> {
        let Some(mut sending) = self.sending.take() else { return Ok(Vec::new()) };
        sending.parts = None;
        wait(&mut sending.task).unwrap_or(Err(Error::Cancelled))
    }

    pub(in crate::shelf) fn publish(mut self, manifest: &[u8]) -> Result<(), Error> {
        if !self.waiting.is_empty() {
            self.send()?;
        }
        let parts = self.sent()?;
        let manifest = Bytes::copy_from_slice(manifest);
        wait(self.begun.refuse_published())?;
        wait(self.begun.complete(parts, self.bytes))?;
        show(&mut self.begun, manifest).inspect_err(|error| {
            // Another's manifest is there: so is another's artefact, or he will find that it is not.
            if !matches!(error, Error::AlreadyPublished(_)) {
                wait(self.begun.withdraw());
            }
        })
    }
}

fn show(begun: &mut Begun, manifest: Bytes) -> Result<(), Error> {
    fail::fail_point!("snapshot.before_manifest", |_| Err(crate::error::injected("snapshot.before_manifest")));
    wait(async {
        begun.put_manifest(manifest).await?;
        begun.end_others().await
    })
}

impl io::Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.part - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        self.bytes += taken as u64;
        if self.waiting.len() == self.part {
            self.send().map_err(io::Error::other)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn start(begun: &Begun, part: usize, cancel: &CancellationToken) -> Sending {
    let (parts, mut received) = mpsc::channel::<Bytes>(1);
    let (bucket, path, id) = (begun.bucket.clone(), begun.path.clone(), begun.id.clone());
    let at_once = (SENT_AT_ONCE / part).clamp(1, 4);
    let cancel = cancel.clone();
    let task = begun.runtime.spawn(async move {
        let numbered = stream::poll_fn(|cx| received.poll_recv(cx)).enumerate();
        let sent = numbered.map(async |(number, bytes)| {
            let part = bucket.store().put_part(&path, &id, number, bytes.into()).await;
            part.map_err(|error| bucket.failed("write", &path, &error))
        });
        let all = sent.buffered(at_once).try_collect();
        cancel.run_until_cancelled(all).await.unwrap_or(Err(Error::Cancelled))
    });
    Sending { parts: Some(parts), task }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.task.is_finished() {
            self.task.abort();
            let _ = wait(&mut self.task);
        }
    }
}

impl Begun {
    async fn new(bucket: &Bucket, key: &ArtefactKey) -> Result<Self, Error> {
        bucket.prepare().await?;
        let path = bucket.artefact(key);
        let id = bucket.store().create_multipart(&path).await;
        let id = id.map_err(|error| bucket.failed("begin to write", &path, &error))?;
        Ok(Self { bucket: bucket.clone(), key: *key, path, id, runtime: Handle::current(), over: false })
    }

    async fn refuse_published(&self) -> Result<(), Error> {
        let names = self.bucket.names_of(&self.key).await?;
        let manifest = self.bucket.manifest_path(&self.key);
        if names.contains(&manifest) { Err(Error::AlreadyPublished(self.key)) } else { Ok(()) }
    }

    /// The artefact appears, in the place of one that a crash left alone, also of one under its other name.
    async fn complete(&mut self, parts: Vec<PartId>, bytes: u64) -> Result<(), Error> {
        let store = self.bucket.store();
        match store.complete_multipart(&self.path, &self.id, parts).await {
            Ok(_) => self.over = true,
            // The answer to the first try may have been lost on its way. The bytes are looked at in the proof.
            Err(object_store::Error::NotFound { .. })
                if store.head(&self.path).await.is_ok_and(|found| found.size == bytes) =>
            {
                self.over = true;
            }
            Err(error) => return Err(self.bucket.failed("publish", &self.path, &error)),
        }
        let other = if self.key.is_sealed() { self.key.plain() } else { self.key.sealed() };
        let other = self.bucket.artefact(&other);
        if self.bucket.names_of(&self.key).await?.contains(&other) { self.bucket.delete(&other).await } else { Ok(()) }
    }

    /// A try whose answer was lost may have put it, so what lies there is looked at before another one.
    async fn put_manifest(&self, manifest: Bytes) -> Result<(), Error> {
        let (store, path) = (self.bucket.store(), self.bucket.manifest_path(&self.key));
        let mut tries = 0;
        loop {
            tries += 1;
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            let Err(error) = store.put_opts(&path, manifest.clone().into(), options).await else { return Ok(()) };
            let taken = matches!(error, object_store::Error::AlreadyExists { .. });
            match self.bucket.get(&path).await? {
                Some(found) if found == manifest => return Ok(()),
                Some(_) => return Err(Error::AlreadyPublished(self.key)),
                None if taken || tries == TRIES => return Err(self.bucket.failed("publish", &path, &error)),
                None => {}
            }
        }
    }

    async fn end_others(&self) -> Result<(), Error> {
        self.bucket.end_uploads(&self.key).await
    }

    /// What cannot be withdrawn is an artefact without manifest at worst, which nobody takes for a snapshot.
    async fn withdraw(&self) {
        if let Err(error) = self.bucket.remove(&self.key).await {
            tracing::warn!(key = %self.key, error = &error as &dyn std::error::Error, "unpublished artefact stays on the shelf");
        }
    }
}

impl Drop for Begun {
    /// Waits, so that whoever is told of a failure finds nothing left; a runtime that shuts down lets the next sweep do it.
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let (bucket, path, id) = (self.bucket.clone(), self.path.clone(), std::mem::take(&mut self.id));
        let (over, wait) = blocking::channel::<()>();
        self.runtime.spawn(async move {
            if let Err(error) = bucket.abort(&path, &id).await {
                tracing::warn!(%path, error = &error as &dyn std::error::Error, "upload stays until the next sweep");
            }
            drop(over);
        });
        let _ = wait.recv_timeout(FAREWELL);
    }
}
