//! Writes how far a backup is onto its row, a few times a second, and listens there for a cancellation.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chiliview_snapshot::{Phase, Progress, Watch};
use chiliview_store::{
    BackupId, Error, Tx,
    backups::{self, BackupStatus},
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
    pub(crate) fn start(context: Context, backup: BackupId, attempt: i64, over: CancellationToken) -> Self {
        let latest = Latest::default();
        let seen = latest.clone();
        let cancel = over.child_token();
        let watch = Watch {
            cancel: cancel.clone(),
            progress: Arc::new(move |progress| *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress)),
        };
        let done = CancellationToken::new();
        let row = Row { context, backup, attempt, latest, written: None };
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
    backup: BackupId,
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
                Err(error) => tracing::warn!(backup = %self.backup, %error, "backup.progress_failed"),
            }
        }
    }

    async fn look(&mut self) -> Result<Option<Stop>, Error> {
        let latest = *self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let central = self.context.store.central();
        let (id, attempt) = (self.backup, self.attempt);
        let Some(progress) = latest.filter(|_| latest != self.written) else {
            return central.read(async |tx| stopped(tx, id, attempt).await).await;
        };
        let now = self.context.now();
        let stop = central
            .write(async |tx| {
                if backups::progress(tx, id, attempt, &on_row(progress), now).await? {
                    return Ok(None);
                }
                let asked = backups::is_cancel_requested(tx, id).await?;
                Ok::<_, Error>(Some(if asked { Stop::Cancelled } else { Stop::Overtaken }))
            })
            .await?;
        self.written = latest;
        Ok(stop)
    }
}

async fn stopped(tx: &mut Tx, id: BackupId, attempt: i64) -> Result<Option<Stop>, Error> {
    if backups::is_cancel_requested(tx, id).await? {
        return Ok(Some(Stop::Cancelled));
    }
    Ok((!backups::is_under_way(tx, id, attempt).await?).then_some(Stop::Overtaken))
}

fn on_row(progress: Progress) -> backups::Progress {
    let (status, phase) = match progress.phase {
        Phase::Reading => (BackupStatus::Running, "reading"),
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
