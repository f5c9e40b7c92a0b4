//! Writes how far a backup or a restore is onto its row, a few times a second, and listens there for a cancellation.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chiliview_snapshot::{Phase, Progress, Watch};
use chiliview_store::{
    BackupId, Error, RestoreId, Timestamp, Tx,
    backups::{self, BackupStatus},
    restores,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::context::Context;

const EVERY: Duration = Duration::from_millis(300);

/// Why the work was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Somebody asked for it.
    Cancelled,
    /// The job is not ours any more.
    Overtaken,
}

/// Whose row it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    Backup(BackupId),
    Restore(RestoreId),
}

/// Follows one attempt. Dropped, it stops the work.
pub(crate) struct Follower {
    watch: Watch,
    done: CancellationToken,
    task: Option<JoinHandle<Option<Stop>>>,
    _stop: tokio_util::sync::DropGuard,
}

type Latest = Arc<Mutex<Option<Progress>>>;

impl Follower {
    /// Begins to follow; the work ends when `over` does, or when the row says so.
    pub(crate) fn start(context: Context, subject: Subject, attempt: i64, over: CancellationToken) -> Self {
        let latest = Latest::default();
        let seen = latest.clone();
        let cancel = over.child_token();
        let watch = Watch {
            cancel: cancel.clone(),
            progress: Arc::new(move |progress| *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress)),
        };
        let done = CancellationToken::new();
        let row = Row { context, subject, attempt, latest, written: None };
        let task = tokio::spawn(row.follow(cancel.clone(), over, done.clone()));
        Self { watch, done, task: Some(task), _stop: cancel.drop_guard() }
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Ends the following: why the work was stopped, if it was.
    pub(crate) async fn finish(mut self) -> Option<Stop> {
        self.done.cancel();
        match self.task.take() {
            Some(task) => task.await.unwrap_or(None),
            None => None,
        }
    }
}

struct Row {
    context: Context,
    subject: Subject,
    attempt: i64,
    latest: Latest,
    written: Option<Progress>,
}

impl Row {
    async fn follow(
        mut self,
        cancel: CancellationToken,
        over: CancellationToken,
        done: CancellationToken,
    ) -> Option<Stop> {
        loop {
            tokio::select! {
                () = done.cancelled() => return None,
                () = over.cancelled() => return Some(Stop::Overtaken),
                () = tokio::time::sleep(EVERY) => {}
            }
            match self.look().await {
                Ok(None) => {}
                Ok(Some(stop)) => {
                    cancel.cancel();
                    return Some(stop);
                }
                // The row lags behind; the end of the work is written with more patience.
                Err(error) => tracing::warn!(subject = ?self.subject, %error, "worker.progress_failed"),
            }
        }
    }

    async fn look(&mut self) -> Result<Option<Stop>, Error> {
        let latest = *self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let central = self.context.store.central();
        let (subject, attempt) = (self.subject, self.attempt);
        let Some(progress) = latest.filter(|_| latest != self.written) else {
            return central.read(async |tx| subject.stopped(tx, attempt).await).await;
        };
        let now = self.context.now();
        let stop = central
            .write(async |tx| {
                if subject.progress(tx, attempt, progress, now).await? {
                    return Ok(None);
                }
                let asked = subject.is_cancel_requested(tx).await?;
                Ok::<_, Error>(Some(if asked { Stop::Cancelled } else { Stop::Overtaken }))
            })
            .await?;
        self.written = latest;
        Ok(stop)
    }
}

impl Subject {
    async fn stopped(self, tx: &mut Tx, attempt: i64) -> Result<Option<Stop>, Error> {
        if self.is_cancel_requested(tx).await? {
            return Ok(Some(Stop::Cancelled));
        }
        let on = match self {
            Self::Backup(id) => backups::is_under_way(tx, id, attempt).await?,
            Self::Restore(id) => restores::is_under_way(tx, id, attempt).await?,
        };
        Ok((!on).then_some(Stop::Overtaken))
    }

    async fn is_cancel_requested(self, tx: &mut Tx) -> Result<bool, Error> {
        match self {
            Self::Backup(id) => backups::is_cancel_requested(tx, id).await,
            Self::Restore(id) => restores::is_cancel_requested(tx, id).await,
        }
    }

    async fn progress(self, tx: &mut Tx, attempt: i64, progress: Progress, now: Timestamp) -> Result<bool, Error> {
        match self {
            Self::Backup(id) => backups::progress(tx, id, attempt, &of_backup(progress), now).await,
            Self::Restore(id) => restores::progress(tx, id, attempt, of_restore(progress), now).await,
        }
    }
}

/// The first pass over a snapshot proves it, the second makes it ready; both unpack.
fn of_restore(progress: Progress) -> restores::Progress {
    let phase = match progress.phase {
        Phase::Unpacking => "unpacking",
        Phase::Reading | Phase::Packing | Phase::Publishing | Phase::Checking => "checking",
    };
    restores::Progress {
        phase,
        done_bytes: i64::try_from(progress.done_bytes).unwrap_or(i64::MAX),
        total_bytes: i64::try_from(progress.total_bytes).ok(),
    }
}

fn of_backup(progress: Progress) -> backups::Progress {
    let (status, phase) = match progress.phase {
        Phase::Reading => (BackupStatus::Running, "reading"),
        Phase::Packing => (BackupStatus::Running, "packing"),
        Phase::Publishing => (BackupStatus::Running, "publishing"),
        Phase::Unpacking => (BackupStatus::Verifying, "reading back"),
        Phase::Checking => (BackupStatus::Verifying, "checking"),
    };
    backups::Progress {
        status,
        phase,
        done_bytes: i64::try_from(progress.done_bytes).unwrap_or(i64::MAX),
        total_bytes: i64::try_from(progress.total_bytes).ok(),
    }
}
