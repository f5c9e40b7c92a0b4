//! Workers whose handler does what the test says, and notes what it did.

use std::{
    borrow::Borrow,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use chiliview_store::{
    BackupId, Ids, Store, Timestamp,
    queue::{self, Filter, Job, JobId, JobStatus, NewJob},
    reason::Reason,
};
use chiliview_worker::{
    queue::{Attempt, Handler, Options, Outcome, Wake, Work},
    supervise::Backoff,
};
use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

type Script = dyn Fn(Attempt) -> BoxFuture<'static, Outcome> + Send + Sync;

/// What a handler saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Began(JobId, u32),
    Exhausted(JobId, String),
}

/// Notes every call, then follows the script.
#[derive(Clone)]
pub(crate) struct Scripted {
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<(Seen, Timestamp)>>>,
    store: Store,
}

impl Scripted {
    pub(crate) fn new<F, Fut>(store: &Store, script: F) -> Self
    where
        F: Fn(Attempt) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        Self { script: Arc::new(move |attempt| Box::pin(script(attempt))), seen: Arc::default(), store: store.clone() }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().map(|(seen, _)| seen.clone()).collect()
    }

    /// How many attempts began, and when the last one did.
    pub(crate) fn began(&self) -> Vec<(JobId, u32)> {
        let began = |seen| if let Seen::Began(job, number) = seen { Some((job, number)) } else { None };
        self.seen().into_iter().filter_map(began).collect()
    }

    pub(crate) fn last_at(&self) -> Timestamp {
        self.seen.lock().unwrap().last().unwrap().1
    }

    fn note(&self, seen: Seen) {
        self.seen.lock().unwrap().push((seen, self.store.clock().now()));
    }
}

impl Handler for Scripted {
    fn handle(&self, _: Work, attempt: Attempt) -> BoxFuture<'_, Outcome> {
        self.note(Seen::Began(attempt.job(), attempt.number()));
        (self.script)(attempt)
    }

    fn exhausted(&self, _: Work, attempt: Attempt, reason: Reason) -> BoxFuture<'_, anyhow::Result<()>> {
        self.note(Seen::Exhausted(attempt.job(), reason.words));
        Box::pin(async { Ok(()) })
    }

    fn time_limit(&self, _: &Work) -> Duration {
        Duration::from_secs(60)
    }
}

/// A worker in the background.
pub(crate) struct Running {
    pub(crate) wake: Wake,
    shutdown: CancellationToken,
    ended: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(store: &Store, handler: &Scripted, options: Options) -> Self {
        let (wake, shutdown) = (Wake::new(), CancellationToken::new());
        let ended = tokio::spawn({
            let (store, handler, wake, shutdown) = (store.clone(), handler.clone(), wake.clone(), shutdown.clone());
            async move {
                chiliview_worker::queue::run(&store, options, Arc::new(handler), wake, shutdown).await.unwrap();
            }
        });
        Self { wake, shutdown, ended }
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.ended.await.unwrap();
    }
}

/// Quick to retry, and to be taken over from.
pub(crate) fn options() -> Options {
    let at_once = Backoff { first: Duration::ZERO, most: Duration::ZERO };
    let soon = Backoff { first: Duration::from_millis(10), most: Duration::from_millis(100) };
    Options { missed: 4, retry: at_once, restart: soon, ..Options::new("test") }
}

/// …and not taken over from on a busy machine, for tests that count attempts.
pub(crate) fn calm() -> Options {
    Options { missed: 60, ..options() }
}

pub(crate) fn job() -> NewJob {
    NewJob::new(Ids.next(), Work::BackUp { backup: Ids.next::<BackupId>() })
}

pub(crate) async fn add(store: &Store, jobs: impl IntoIterator<Item: Borrow<NewJob>>) {
    let jobs: Vec<NewJob> = jobs.into_iter().map(|job| job.borrow().clone()).collect();
    let added = store
        .central()
        .write(async |tx| {
            for job in &jobs {
                queue::enqueue(tx, job).await?;
            }
            Ok::<_, chiliview_store::Error>(())
        })
        .await;
    added.unwrap();
}

pub(crate) async fn jobs(store: &Store) -> Vec<Job> {
    store.central().read(async |tx| queue::list(tx, &Filter::default(), 1000).await).await.unwrap()
}

pub(crate) async fn all_are(store: &Store, status: JobStatus) -> bool {
    jobs(store).await.iter().all(|job| job.status == status)
}

/// Waits for a condition, half a minute at most.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(tokio::time::Instant::now() < limit, "it never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// This program again, running one test alone.
pub(crate) fn child(test: &str) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]).stdin(Stdio::null());
    child
}

/// Runs `body` in a process where nothing else happens: for what a process has only once.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    const ALONE: &str = "CHILIVIEW_TEST_ALONE";
    if std::env::var(ALONE).as_deref() == Ok(test) {
        return body();
    }
    let output = child(test).env(ALONE, test).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
