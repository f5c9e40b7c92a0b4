//! One writer per SQLite file, with group commit: writes that wait for each other share one fsync. The first of a
//! batch opens the transaction, each later one works in a savepoint of its own, whoever finds nobody waiting (or the
//! batch full, or old) seals it, and nobody is answered before the COMMIT that carries his change has returned, nor before
//! that of the changes which made his own fail.

mod slot;

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::FutureExt;
use sqlx::SqliteConnection;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tracing::Instrument;

use crate::{
    error::{Error, Result},
    migrations::Kind,
    seam::{Tx, commit_span},
    write_lock::Pass,
};

use self::slot::{Batch, Slot};

const BATCH_MEMBERS: usize = 256;
const BATCH_AGE: Duration = Duration::from_millis(10);
/// After this long with the lock, other processes that write the same file get a chance…
const WORK: Duration = Duration::from_millis(15);
/// …of this length; without it they starve in SQLite's busy handler.
const REST: Duration = Duration::from_millis(2);

type Outcome = Option<Result<(), Arc<Error>>>;

/// The writer of one file.
pub(crate) struct Writer {
    slot: Arc<Mutex<Slot>>,
    waiting: AtomicUsize,
}

impl Writer {
    pub(crate) fn new(path: &Path, kind: Kind, connection: SqliteConnection) -> Self {
        Self { slot: Arc::new(Mutex::new(Slot::new(path, kind, connection))), waiting: AtomicUsize::new(0) }
    }

    pub(crate) async fn write<T, E, W>(self: &Arc<Self>, pass: Pass, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        let mut turn = self.turn().await;
        let tx = turn.begin(pass).await?;
        match AssertUnwindSafe(work(tx)).catch_unwind().await {
            Ok(Ok(value)) => {
                turn.keep().await?;
                Ok(value)
            }
            Ok(Err(error)) => {
                turn.undo().await?;
                Err(error)
            }
            Err(panic) => {
                // Whatever became of the others.
                let _ = turn.undo().await;
                resume_unwind(panic)
            }
        }
    }

    /// Commits what is under way and closes the connection for good.
    pub(crate) async fn close(self: &Arc<Self>) {
        let Some(slot) = self.turn().await.slot.take() else { return };
        // Tasks of their own, here and below: half of it, for a caller who leaves, would be a batch that nobody commits.
        if let Ok(Err(error)) = tokio::spawn(close(slot)).await {
            tracing::warn!(%error, "store.close_failed");
        }
    }

    pub(crate) async fn checkpoint(self: &Arc<Self>) -> Result<()> {
        let Some(slot) = self.turn().await.slot.take() else { return Err(Error::Panicked) };
        tokio::spawn(checkpoint(slot)).await.unwrap_or(Err(Error::Panicked))
    }

    async fn turn(self: &Arc<Self>) -> Turn {
        let mut place = Place { writer: self, served: false };
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let slot = self.slot.clone().lock_owned().await;
        place.served = true;
        drop(place);
        Turn { writer: self.clone(), slot: Some(slot), nested: false, stage: Stage::Idle }
    }

    /// Commits the open batch when nobody is left who would.
    async fn settle(self: Arc<Self>) {
        let slot = self.slot.clone().lock_owned().await;
        if slot.batch.is_some() && self.waiting.load(Ordering::SeqCst) == 0 {
            seal(self, slot).await;
        }
    }
}

/// A place in the queue. Who leaves it unserved may have been the one that a batch counted on.
struct Place<'w> {
    writer: &'w Arc<Writer>,
    served: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.writer.waiting.fetch_sub(1, Ordering::SeqCst);
        if !self.served {
            tokio::spawn(self.writer.clone().settle());
        }
    }
}

/// One caller's turn at the connection. Dropped in the middle of its work, it is undone in the background.
struct Turn {
    writer: Arc<Writer>,
    slot: Option<OwnedMutexGuard<Slot>>,
    nested: bool,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Working,
    /// The savepoint's RELEASE was sent, and will be executed whoever waits for it.
    Releasing,
}

impl Turn {
    fn slot(&mut self) -> &mut Slot {
        self.slot.as_mut().expect("a turn has the slot until it ends")
    }

    async fn begin(&mut self, pass: Pass) -> Result<&mut Tx> {
        self.nested = self.slot().batch.is_some();
        self.stage = Stage::Working;
        let begun = self.start(pass).await;
        if begun.is_err() {
            self.stage = Stage::Idle;
        }
        begun?;
        let nested = self.nested;
        let slot = self.slot();
        if !nested {
            let (begun, past_lock) = (Instant::now(), pass == Pass::Holder);
            slot.batch = Some(Batch { begun, members: 0, past_lock, outcome: watch::Sender::new(None) });
            if let Some(Tx::SqliteWriter(_, full)) = &mut slot.tx {
                *full = false;
            }
        }
        slot.tx.as_mut().ok_or(Error::Panicked)
    }

    async fn start(&mut self, pass: Pass) -> Result<()> {
        let nested = self.nested;
        let slot = self.slot();
        slot.open().await?;
        match slot.run(if nested { "SAVEPOINT request" } else { "BEGIN IMMEDIATE" }).await {
            Err(error) if nested => Err(Error::Commit(slot.fail(error))),
            Ok(()) if !nested && pass == Pass::Anybody => slot.refuse_locked().await,
            begun => begun,
        }
    }

    /// Keeps the work: hands the connection on or commits, and waits until the commit is on disk.
    async fn keep(mut self) -> Result<()> {
        if self.nested {
            self.stage = Stage::Releasing;
            if let Err(error) = self.slot().run("RELEASE request").await {
                self.stage = Stage::Idle;
                return Err(Error::Commit(self.slot().fail(error)));
            }
        }
        self.stage = Stage::Idle;
        let Some(mut slot) = self.slot.take() else { return Err(Error::Panicked) };
        let Some(batch) = slot.batch.as_mut() else { return Err(slot.lost()) };
        batch.members += 1;
        let outcome = batch.outcome.subscribe();
        end(self.writer.clone(), slot);
        sealed(outcome).await
    }

    /// Undoes the work; the others of the batch keep theirs. Why it failed may be what one of them did (a version that is
    /// another's by now, a name that is taken): nobody is told so before that is on disk, or ever if it does not get there.
    async fn undo(mut self) -> Result<()> {
        self.stage = Stage::Idle;
        let Some(slot) = self.slot.take() else { return Ok(()) };
        let others = slot.batch.as_ref().filter(|_| self.nested).map(|batch| batch.outcome.subscribe());
        if let Err(error) = tokio::spawn(undo(self.writer.clone(), slot, self.nested)).await {
            tracing::error!(%error, "store.undo_failed");
        }
        match others {
            Some(outcome) => sealed(outcome).await,
            None => Ok(()),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        match self.stage {
            Stage::Idle => {}
            Stage::Working => drop(tokio::spawn(undo(self.writer.clone(), slot, self.nested))),
            Stage::Releasing => end(self.writer.clone(), slot),
        }
    }
}

async fn undo(writer: Arc<Writer>, mut slot: OwnedMutexGuard<Slot>, nested: bool) {
    if slot.batch.is_none() && !nested {
        // The BEGIN itself was cut short: whatever it did, this connection is not trusted any more.
        slot.tx = None;
        return;
    }
    let undone =
        if nested { slot.run("ROLLBACK TO request; RELEASE request").await } else { slot.run("ROLLBACK").await };
    match undone {
        Err(error) => drop(slot.fail(error)),
        Ok(()) if !nested => slot.batch = None,
        Ok(()) => end(writer, slot),
    }
}

/// Waits until the batch is on disk, or is not.
async fn sealed(mut outcome: watch::Receiver<Outcome>) -> Result<()> {
    let sealed = outcome.wait_for(Option::is_some).instrument(commit_span()).await;
    match sealed.map(|outcome| outcome.clone()) {
        Ok(Some(Ok(()))) => Ok(()),
        Ok(Some(Err(error))) => Err(Error::Commit(error)),
        Ok(None) | Err(_) => Err(Error::Panicked),
    }
}

/// Ends a turn: the next in line goes on with the batch, or it is sealed.
fn end(writer: Arc<Writer>, slot: OwnedMutexGuard<Slot>) {
    let Some(batch) = &slot.batch else { return };
    let full = batch.past_lock || batch.members >= BATCH_MEMBERS || batch.begun.elapsed() >= BATCH_AGE;
    if full || writer.waiting.load(Ordering::SeqCst) == 0 {
        // A task of its own: a caller who hangs up must not leave a commit half asked for.
        tokio::spawn(seal(writer, slot));
    }
}

async fn seal(writer: Arc<Writer>, mut slot: OwnedMutexGuard<Slot>) {
    slot.commit().await;
    if writer.waiting.load(Ordering::SeqCst) == 0 {
        slot.rested = Instant::now();
    } else if slot.rested.elapsed() > WORK {
        tokio::time::sleep(REST).await;
        slot.rested = Instant::now();
    }
}

async fn close(mut slot: OwnedMutexGuard<Slot>) -> Result<()> {
    slot.commit().await;
    slot.close().await
}

async fn checkpoint(mut slot: OwnedMutexGuard<Slot>) -> Result<()> {
    slot.commit().await;
    slot.open().await?;
    slot.run("PRAGMA wal_checkpoint(TRUNCATE)").await
}
