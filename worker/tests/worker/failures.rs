//! What the worker does when the database fails, and when its process dies.

use std::process::{Command, Stdio};

use chiliview_store::{
    Clock, Engine, Ids, Settings, Store,
    queue::{self, JobStatus, NewJob},
};
use chiliview_worker::queue::Outcome;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use crate::{
    engines::{on_every_engine, on_every_settings},
    workshop::{Running, Scripted, Seen, add, all_are, job, jobs, options, until},
};

/// For the process that hangs: its data directory, and its server if it has one.
const HANG_IN: &str = "CHILIVIEW_TEST_HANG_IN";
const HANG_ON: &str = "CHILIVIEW_TEST_HANG_ON";

async fn run(store: &Store, sqlite: &'static str, postgres: &'static str) {
    let sql = if store.engine() == Engine::Sqlite { sqlite } else { postgres };
    store.central().write(async |tx| tx.query(sql).execute().await).await.unwrap();
}

async fn names(store: &Store) -> Vec<String> {
    let workers = store.central().read(queue::workers).await.unwrap();
    workers.into_iter().map(|worker| worker.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_outlives_the_loss_of_its_jobs_table() {
    on_every_engine(async |store| {
        let handler = Scripted::new(&store, async |_| Outcome::Done);
        let worker = Running::start(&store, &handler, options());
        add(&store, [job()]).await;
        until("done", async || all_are(&store, JobStatus::Done).await).await;
        let first = names(&store).await;
        run(&store, "ALTER TABLE Jobs RENAME TO away", "ALTER TABLE apalis.jobs RENAME TO away").await;
        until("it cannot beat and begins again", async || names(&store).await != first).await;
        run(&store, "ALTER TABLE away RENAME TO Jobs", "ALTER TABLE apalis.away RENAME TO jobs").await;
        add(&store, [job()]).await;
        until("done", async || handler.seen().len() == 2 && all_are(&store, JobStatus::Done).await).await;
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_cannot_say_it_is_alive_stops_what_it_runs() {
    on_every_engine(async |store| {
        let stopped = CancellationToken::new();
        let handler = Scripted::new(&store, {
            let stopped = stopped.clone();
            move |attempt| {
                let guard = stopped.clone().drop_guard();
                async move {
                    if attempt.number() == 1 {
                        std::future::pending::<()>().await;
                    }
                    drop(guard);
                    Outcome::Done
                }
            }
        });
        let job = job();
        add(&store, [&job]).await;
        let worker = Running::start(&store, &handler, options());
        until("begun", async || handler.seen().len() == 1).await;
        run(&store, "ALTER TABLE Workers RENAME TO away", "ALTER TABLE apalis.workers RENAME TO away").await;
        until("stopped", async || stopped.is_cancelled()).await;
        assert_eq!(handler.began(), [(job.id, 1)], "not before it is stopped");
        run(&store, "ALTER TABLE away RENAME TO Workers", "ALTER TABLE apalis.away RENAME TO workers").await;
        until("done", async || all_are(&store, JobStatus::Done).await).await;
        worker.stop().await;
        assert_eq!(handler.began(), [(job.id, 1), (job.id, 2)]);
    })
    .await;
}

/// In a process of its own, a worker that takes the job and never ends it. Told by the environment; else nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_hangs() {
    let Ok(directory) = std::env::var(HANG_IN) else { return };
    let mut settings = Settings::sqlite(directory);
    settings.database_url = std::env::var(HANG_ON).ok().map(Into::into);
    let store = Store::open(&settings, Clock::system(), Ids).await.unwrap();
    let handler = Scripted::new(&store, async |_| std::future::pending().await);
    let _worker = Running::start(&store, &handler, options());
    std::future::pending::<()>().await;
}

async fn take_over(settings: Settings, attempts: u32) -> (Scripted, NewJob, Store) {
    let store = Store::open(&settings, Clock::system(), Ids).await.unwrap();
    let handler = Scripted::new(&store, async |_| Outcome::Done);
    let job = NewJob { max_attempts: attempts, ..job() };
    add(&store, [&job]).await;

    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "failures::a_process_that_hangs", "--nocapture"]).env(HANG_IN, &settings.data_dir);
    if let Some(url) = &settings.database_url {
        child.env(HANG_ON, url.expose_secret());
    }
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("taken by the other process", async || all_are(&store, JobStatus::Running).await).await;
    child.kill().unwrap();
    child.wait().unwrap();

    let began = std::time::Instant::now();
    let worker = Running::start(&store, &handler, options());
    let over = |status| status == JobStatus::Done || status == JobStatus::Failed;
    until("over", async || jobs(&store).await.iter().all(|job| over(job.status))).await;
    println!("taken over after {:?}", began.elapsed());
    worker.stop().await;
    (handler, job, store)
}

async fn after_each_kill(attempts: u32, story: impl AsyncFn(Scripted, NewJob, Store)) {
    on_every_settings(async |settings| {
        let (handler, job, store) = take_over(settings, attempts).await;
        story(handler, job, store).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_of_a_killed_process_is_done_by_another() {
    after_each_kill(2, async |handler, job, store| {
        assert_eq!(handler.seen(), [Seen::Began(job.id, 2)]);
        assert!(all_are(&store, JobStatus::Done).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kills_its_process_is_not_tried_for_ever() {
    after_each_kill(1, async |handler, job, store| {
        let reason = "1 attempts ended with their process".to_owned();
        assert_eq!(handler.seen(), [Seen::Exhausted(job.id, reason)]);
        assert!(all_are(&store, JobStatus::Failed).await);
    })
    .await;
}
