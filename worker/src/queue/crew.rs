//! The attempts that a worker runs right now.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chiliview_store::queue::{Claim, JobId};
use tokio::{
    task::{AbortHandle, Id, JoinSet},
    time::{Instant, timeout},
};

use super::{Shop, attempt};

/// How long a stopped attempt may take to notice. Only code that blocks its thread takes longer.
const NOTICE: Duration = Duration::from_secs(2);

/// The tasks. Dropped, it stops them all.
#[derive(Default)]
pub(super) struct Crew {
    tasks: JoinSet<()>,
    pub(super) roster: Roster,
}

/// Who is at what, for the heartbeat to compare with what the queue says.
#[derive(Clone, Default)]
pub(super) struct Roster(Arc<Mutex<HashMap<Id, Entry>>>);

struct Entry {
    claim: Claim,
    since: Instant,
    abort: AbortHandle,
}

/// An attempt's own code panicked, outside its handler.
#[derive(Debug)]
pub(super) struct Panicked;

impl Crew {
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Runs an attempt at a job that was taken no earlier than `since`.
    pub(super) fn take_on(&mut self, shop: &Arc<Shop>, claim: Claim, since: Instant) {
        let abort = self.tasks.spawn(attempt::run(shop.clone(), claim.clone()));
        self.roster.entries().insert(abort.id(), Entry { claim, since, abort });
    }

    /// Waits for one to end. Pending for ever when there is none.
    pub(super) async fn next_done(&mut self) -> Result<(), Panicked> {
        match self.tasks.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, ()))) => {
                self.roster.entries().remove(&id);
                Ok(())
            }
            Some(Err(error)) => {
                self.roster.entries().remove(&error.id());
                if error.is_panic() { Err(Panicked) } else { Ok(()) }
            }
        }
    }

    /// Stops them all, and returns the claims of those that had not ended and certainly run no more.
    pub(super) async fn stop(&mut self) -> Vec<Claim> {
        self.tasks.abort_all();
        let mut stopped = Vec::new();
        while let Ok(Some(ended)) = timeout(NOTICE, self.tasks.join_next_with_id()).await {
            let id = match &ended {
                Ok((id, ())) => *id,
                Err(error) => error.id(),
            };
            let entry = self.roster.entries().remove(&id);
            stopped.extend(entry.filter(|_| ended.is_err()).map(|entry| entry.claim));
        }
        stopped
    }
}

impl Roster {
    fn entries(&self) -> MutexGuard<'_, HashMap<Id, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn jobs(&self) -> Vec<JobId> {
        self.entries().values().map(|entry| entry.claim.job).collect()
    }

    /// Stops every attempt that was there `before` and is at a job that is not `held` any more.
    pub(super) fn dismiss(&self, held: &[JobId], before: Instant) {
        for entry in self.entries().values() {
            if entry.since < before && !held.contains(&entry.claim.job) && !entry.abort.is_finished() {
                tracing::info!(job.id = %entry.claim.job, "worker.job_stopped");
                entry.abort.abort();
            }
        }
    }
}
