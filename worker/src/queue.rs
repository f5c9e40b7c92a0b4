//! Takes jobs from the queue and runs them: each as often as it may be tried, never twice at once, to an end that is
//! written down.
//!
//! Tables and queries are apalis', reached through `chiliview_store::queue`; the loop around them is ours. apalis' own
//! worker drops an acknowledgement when the database fails, stops its heartbeats while it drains or waits for a fetch (so
//! that others take the jobs that it is still running), and leaves running jobs to themselves when it restarts. Here:
//!
//! - a worker lives under a name of its own ([`life`]); when it cannot say in time that it is alive it stops what it runs
//!   *before* others may take it, and begins again under a fresh name;
//! - each attempt runs in a task of its own ([`attempt`]), bounded in time, its panics caught, its end written until the
//!   database takes it or the job is somebody else's;
//! - what was taken without our knowledge is put back, what was taken from us is stopped ([`crew`]).

mod attempt;
mod attempts;
mod crew;
mod life;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

pub use attempt::Attempt;
pub use attempts::Attempts;
pub use chiliview_store::queue::{Lane, Wake, Work};
use chiliview_store::{
    Error, Store,
    queue::{Changes, Lease},
    reason::Reason,
};
use futures::{FutureExt, future::BoxFuture};
use tokio_util::sync::CancellationToken;

use crate::supervise::{Backoff, supervise};

/// Between the last moment at which a worker may still run a job and the first at which another may take it.
const MARGIN: Duration = Duration::from_secs(2);
/// How long a job may take, unless its handler says otherwise.
pub const TIME_LIMIT: Duration = Duration::from_hours(6);

/// How a worker works.
#[derive(Clone, Debug)]
pub struct Options {
    /// What it is called in the logs and in `/api/health`; a fresh suffix is added each time that it starts.
    pub name: String,
    /// Which jobs it does.
    pub lane: Lane,
    /// How many of them it runs at once.
    pub parallel: NonZeroUsize,
    /// How often it says that it is alive.
    pub heartbeat: Duration,
    /// After so many heartbeats missed, others take its jobs. With [`Self::heartbeat`] at least 4 s.
    pub missed: u32,
    /// How often it looks for jobs when nothing wakes it: delayed ones have no bell.
    pub interval: Duration,
    /// Whether it is woken by what other processes commit; on SQLite it looks so often, on PostgreSQL it is told.
    pub watch: Option<Duration>,
    /// How long running jobs get after the shutdown began. What has not ended by then is put back, uncounted.
    pub drain: Duration,
    /// Between attempts at one job, unless the handler says otherwise.
    pub retry: Backoff,
    /// After a failure of the worker itself.
    pub restart: Backoff,
    /// Where its attempts are counted.
    pub attempts: Attempts,
}

impl Options {
    /// What suits most.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            lane: Lane::Jobs,
            parallel: NonZeroUsize::new(2).unwrap_or(NonZeroUsize::MIN),
            heartbeat: Duration::from_secs(1),
            missed: 8,
            interval: Duration::from_secs(1),
            watch: Some(Duration::from_millis(25)),
            drain: Duration::from_secs(20),
            retry: Backoff { first: Duration::from_secs(2), most: Duration::from_mins(10) },
            restart: Backoff { first: Duration::from_millis(200), most: Duration::from_secs(10) },
            attempts: Attempts::default(),
        }
    }

    fn lease(&self) -> Lease {
        Lease(self.heartbeat.saturating_mul(self.missed))
    }

    /// How long the worker itself trusts its last heartbeat.
    fn patience(&self) -> Duration {
        self.lease().0.saturating_sub(MARGIN)
    }
}

/// What does the work. It may be called again for the same job, after a crash in the middle too: whatever it does must bear
/// that, and the transaction that ends it asks [`Attempt::holds`].
pub trait Handler: Send + Sync + 'static {
    /// Does the work. Dropped when the time limit passes, the job is cancelled or the worker must stop; what it gave to other
    /// threads watches [`Attempt::over`].
    fn handle(&self, work: Work, attempt: Attempt) -> BoxFuture<'_, Outcome>;

    /// The job will not be tried again: marks the row that it was for as failed. Called until it succeeds, a few times at
    /// most, and possibly again after a crash; the job is closed after it.
    fn exhausted(&self, work: Work, attempt: Attempt, reason: Reason) -> BoxFuture<'_, anyhow::Result<()>>;

    /// How long an attempt may take.
    fn time_limit(&self, _work: &Work) -> Duration {
        TIME_LIMIT
    }
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It may go better another time. Where it is the database that is held or away, the attempt does not count for a quarter
    /// of an hour.
    Retry {
        /// Not sooner than this; [`Options::retry`] when `None`.
        after: Option<Duration>,
        /// Why.
        reason: Reason,
    },
    /// A worker of a newer version is to do it: this attempt does not count.
    PutOff {
        /// Not sooner than this.
        after: Duration,
        /// For so long in all: then it is given up.
        at_most: Duration,
        /// Why.
        reason: Reason,
    },
    /// It never will.
    GiveUp {
        /// Why.
        reason: Reason,
    },
}

/// The settings make no worker.
#[derive(Debug, thiserror::Error)]
#[error("run the queue: {0:?} is too short for others to tell a busy worker from a dead one; 4 s is the least")]
pub struct LeaseTooShort(Duration);

/// What a worker has, all its lives long.
struct Shop {
    store: Store,
    options: Options,
    handler: Arc<dyn Handler>,
    wake: Wake,
    shutdown: CancellationToken,
}

/// Runs a worker until `shutdown`, whatever the database does meanwhile. Needs a multi-threaded runtime: a job that blocks
/// its thread must not stop the heartbeat.
pub async fn run(
    store: &Store,
    options: Options,
    handler: Arc<dyn Handler>,
    wake: Wake,
    shutdown: CancellationToken,
) -> Result<(), LeaseTooShort> {
    let lease = options.lease().0;
    if lease < MARGIN * 2 {
        return Err(LeaseTooShort(lease));
    }
    let shop = Arc::new(Shop { store: store.clone(), options, handler, wake, shutdown });
    let begin = {
        let shop = shop.clone();
        move || life::live(shop.clone()).boxed()
    };
    tokio::select! {
        () = supervise("worker", &shop.shutdown, shop.options.restart, begin) => Ok(()),
        () = watch(shop.clone()) => Ok(()),
    }
}

/// Rings the bell for what other processes commit. Never ends.
async fn watch(shop: Arc<Shop>) {
    if let Some(every) = shop.options.watch {
        let begin = || ring(shop.clone(), every).boxed();
        supervise("worker.watch", &shop.shutdown, shop.options.restart, begin).await;
    }
    std::future::pending().await
}

async fn ring(shop: Arc<Shop>, every: Duration) -> Result<(), Error> {
    let mut changes = Changes::watch(shop.store.central(), every).await?;
    loop {
        // The first time for what was committed before the watch began.
        shop.wake.wake();
        tokio::select! {
            changed = changes.next() => changed?,
            () = shop.shutdown.cancelled() => return Ok(()),
        }
    }
}
