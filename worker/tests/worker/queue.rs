//! The worker's promises, on every engine at hand: every job runs, none twice at once, and each to an end.

use std::{collections::BTreeSet, num::NonZeroUsize, sync::Arc, time::Duration};

use chiliview_store::{
    Engine, Error, Store,
    queue::{self, JobStatus, NewJob},
    reason::{Cause, Reason},
};
use chiliview_worker::queue::{Options, Outcome};
use tokio::sync::Notify;

use crate::{
    engines::on_every_engine,
    workshop::{Running, Scripted, Seen, add, all_are, job, jobs, options, until},
};

const HOUR: Duration = Duration::from_hours(1);

fn done(store: &Store) -> Scripted {
    Scripted::new(store, async |_| Outcome::Done)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_job_of_a_commit_runs_once_and_none_of_a_rollback() {
    on_every_engine(async |store| {
        let handler = done(&store);
        let worker = Running::start(&store, &handler, options());
        let wanted: Vec<NewJob> = (0..20).map(|_| job()).collect();
        let undone: Result<(), Error> = store
            .central()
            .write(async |tx| {
                queue::enqueue(tx, &job()).await?;
                Err(Error::VersionMismatch)
            })
            .await;
        assert!(undone.is_err());
        add(&store, &wanted).await;
        until("all done", async || jobs(&store).await.len() == 20 && all_are(&store, JobStatus::Done).await).await;
        worker.stop().await;
        let began: BTreeSet<_> = handler.began().into_iter().collect();
        assert_eq!(began, wanted.iter().map(|job| (job.id, 1)).collect());
        assert_eq!(handler.seen().len(), 20);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_runs_once() {
    on_every_engine(async |store| {
        let handler = done(&store);
        add(&store, [job().once("noon"), job().once("noon"), job()]).await;
        add(&store, [job().once("noon")]).await;
        let worker = Running::start(&store, &handler, options());
        until("all done", async || all_are(&store, JobStatus::Done).await).await;
        worker.stop().await;
        assert_eq!((jobs(&store).await.len(), handler.seen().len()), (2, 2));
    })
    .await;
}

/// During a rolling upgrade, or after one that was taken back.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_newer_version_knows_waits_for_it_and_fails_when_that_does_not_come() {
    on_every_engine(async |store| {
        let handler = done(&store);
        let unknown = job();
        add(&store, [&unknown]).await;
        in_the_queue(&store, "job = CAST('{\"work\":{\"kind\":\"teleport\"}}' AS BLOB)").await;
        let worker = Running::start(&store, &handler, options());
        let only = async || jobs(&store).await.remove(0);
        until("it is put off", async || only().await.put_off_since.is_some()).await;
        let waiting = only().await;
        assert_eq!((waiting.status, waiting.attempts, waiting.kind.as_str()), (JobStatus::Queued, 0, "teleport"));
        assert!(waiting.reason.unwrap().starts_with("this version does not know what to do"));

        let since = waiting.put_off_since;
        in_the_queue(&store, "run_at = 0").await;
        until("it is put off again", async || only().await.run_at > store.clock().now()).await;
        assert_eq!((only().await.put_off_since, only().await.attempts), (since, 0));

        in_the_queue(&store, "run_at = 0, last_result = '{\"Err\":\"long ago\",\"put_off_since\":0}'").await;
        until("it has failed", async || all_are(&store, JobStatus::Failed).await).await;
        worker.stop().await;
        let reason = only().await.reason.unwrap();
        assert!(reason.contains("teleport") && reason.ends_with("no other worker took it for 7days"), "{reason}");
        assert!(handler.seen().is_empty());
    })
    .await;
}

/// Held by a process that stands still, or its server away.
#[tokio::test(flavor = "multi_thread")]
async fn what_meets_a_database_that_is_held_or_away_waits_uncounted_but_not_for_ever() {
    on_every_engine(async |store| {
        let held = Reason::new(Cause::DatabaseBusy, "somebody holds it");
        let handler = Scripted::new(&store, move |_| {
            let reason = held.clone();
            async move { Outcome::Retry { after: None, reason } }
        });
        let once = NewJob { max_attempts: 1, ..job() };
        add(&store, [&once]).await;
        let worker = Running::start(&store, &handler, options());
        let only = async || jobs(&store).await.remove(0);
        for attempts in 1..=3 {
            until("it is put off", async || only().await.run_at > store.clock().now()).await;
            assert_eq!((only().await.status, only().await.attempts), (JobStatus::Queued, 0));
            assert_eq!(handler.began(), vec![(once.id, 1); attempts]);
            in_the_queue(&store, "run_at = 0").await;
            until("it is tried again", async || handler.began().len() > attempts).await;
        }
        until("it is put off", async || only().await.run_at > store.clock().now()).await;
        in_the_queue(&store, "run_at = 0, last_result = '{\"Err\":\"long ago\",\"put_off_since\":0}'").await;
        until("it has failed", async || all_are(&store, JobStatus::Failed).await).await;
        worker.stop().await;
        assert_eq!(handler.seen().last(), Some(&Seen::Exhausted(once.id, "somebody holds it".into())));
    })
    .await;
}

/// Past the store, in SQLite's words.
pub(crate) async fn in_the_queue(store: &Store, set: &str) {
    let sql = match store.central().engine() {
        Engine::Sqlite => format!("UPDATE Jobs SET {set}"),
        Engine::Postgres => {
            let set = set.replace("run_at = 0", "run_at = now()").replace("AS BLOB)", "AS BYTEA)");
            format!("UPDATE apalis.jobs SET {set}")
        }
    };
    let sql: &'static str = sql.leak();
    store.central().write(async |tx| tx.query(sql).execute().await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_tried_again_until_it_succeeds() {
    on_every_engine(async |store| {
        let handler = Scripted::new(&store, async |attempt| match attempt.number() {
            1 => Outcome::Retry { after: None, reason: "the shelf is away".into() },
            2 => Outcome::Retry { after: Some(Duration::from_secs(1)), reason: "the shelf is slow".into() },
            _ => Outcome::Done,
        });
        let job = job();
        add(&store, [&job]).await;
        let worker = Running::start(&store, &handler, options());
        until("done", async || all_are(&store, JobStatus::Done).await).await;
        worker.stop().await;
        assert_eq!(handler.began(), [(job.id, 1), (job.id, 2), (job.id, 3)]);
        assert_eq!(jobs(&store).await[0].attempts, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_tried_again_and_ends_as_a_failure() {
    on_every_engine(async |store| {
        let handler = Scripted::new(&store, async |_| panic!("on purpose"));
        let job = NewJob { max_attempts: 2, ..job() };
        add(&store, [&job]).await;
        let worker = Running::start(&store, &handler, options());
        until("failed", async || all_are(&store, JobStatus::Failed).await).await;
        worker.stop().await;
        let reason = "it panicked: on purpose".to_owned();
        assert_eq!(
            handler.seen(),
            [Seen::Began(job.id, 1), Seen::Began(job.id, 2), Seen::Exhausted(job.id, reason.clone())]
        );
        assert_eq!(jobs(&store).await[0].reason, Some(reason));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_is_not_tried_again() {
    on_every_engine(async |store| {
        let handler = Scripted::new(&store, async |_| Outcome::GiveUp { reason: "the tenant is gone".into() });
        let job = job();
        add(&store, [&job]).await;
        let worker = Running::start(&store, &handler, options());
        until("failed", async || all_are(&store, JobStatus::Failed).await).await;
        worker.stop().await;
        assert_eq!(handler.seen(), [Seen::Began(job.id, 1), Seen::Exhausted(job.id, "the tenant is gone".into())]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_job_does_not_run_before_its_time() {
    on_every_engine(async |store| {
        let handler = done(&store);
        let worker = Running::start(&store, &handler, options());
        let at = store.clock().now().plus(Duration::from_millis(1500));
        add(&store, [job().at(at)]).await;
        until("done", async || all_are(&store, JobStatus::Done).await).await;
        worker.stop().await;
        assert!(handler.last_at() >= at);
    })
    .await;
}

/// The one wait of these tests: that so much time has passed is the condition.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_takes_longer_than_its_lease_runs_once() {
    on_every_engine(async |store| {
        let options = Options { missed: 8, ..options() };
        let longer = options.heartbeat * (options.missed + 2);
        let handler = Scripted::new(&store, move |_| async move {
            tokio::time::sleep(longer).await;
            Outcome::Done
        });
        let workers = [1, 2].map(|_| Running::start(&store, &handler, options.clone()));
        add(&store, [job()]).await;
        until("done", async || all_are(&store, JobStatus::Done).await).await;
        for worker in workers {
            worker.stop().await;
        }
        assert_eq!(handler.began().len(), 1, "{:?}", handler.seen());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_a_hundred_jobs() {
    on_every_engine(async |store| {
        let handler = done(&store);
        let parallel = NonZeroUsize::new(4).unwrap();
        let many = || Running::start(&store, &handler, Options { parallel, ..options() });
        let workers = [many(), many()];
        for _ in 0..10 {
            add(&store, (0..10).map(|_| job())).await;
        }
        until("all done", async || all_are(&store, JobStatus::Done).await).await;
        for worker in workers {
            worker.stop().await;
        }
        assert_eq!(handler.began().len(), 100);
        assert_eq!(handler.began().into_iter().collect::<BTreeSet<_>>().len(), 100);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_wakes_a_worker_that_would_sleep_for_an_hour() {
    on_every_engine(async |store| {
        let handler = done(&store);
        let worker = Running::start(&store, &handler, Options { interval: HOUR, watch: None, ..options() });
        for count in 1..=3 {
            add(&store, [job()]).await;
            worker.wake.wake();
            until("done", async || handler.seen().len() == count && all_are(&store, JobStatus::Done).await).await;
        }
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_elsewhere_wakes_a_worker_that_would_sleep_for_an_hour() {
    on_every_engine(async |store| {
        let handler = done(&store);
        let worker = Running::start(&store, &handler, Options { interval: HOUR, ..options() });
        for count in 1..=3 {
            add(&store, [job()]).await;
            until("done", async || handler.seen().len() == count && all_are(&store, JobStatus::Done).await).await;
        }
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_waits_for_what_runs_and_puts_back_what_takes_too_long() {
    on_every_engine(async |store| {
        let gate = Arc::new(Notify::new());
        let handler = Scripted::new(&store, {
            let gate = gate.clone();
            move |_| {
                let gate = gate.clone();
                async move {
                    gate.notified().await;
                    Outcome::Done
                }
            }
        });
        add(&store, [job()]).await;
        let worker = Running::start(&store, &handler, options());
        until("begun", async || handler.seen().len() == 1).await;
        let stopping = tokio::spawn(worker.stop());
        gate.notify_one();
        stopping.await.unwrap();
        assert!(all_are(&store, JobStatus::Done).await);

        let late = job();
        add(&store, [&late]).await;
        let worker = Running::start(&store, &handler, Options { drain: Duration::ZERO, ..options() });
        until("begun", async || handler.seen().len() == 2).await;
        worker.stop().await;
        let put_back = jobs(&store).await.remove(0);
        assert_eq!((put_back.id, put_back.status, put_back.attempts), (late.id, JobStatus::Queued, 0));
        assert!(store.central().read(queue::workers).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_stops_a_running_job() {
    on_every_engine(async |store| {
        let stopped = Arc::new(Notify::new());
        let handler = Scripted::new(&store, {
            let stopped = stopped.clone();
            move |attempt| {
                let stopped = stopped.clone();
                async move {
                    let over = attempt.over().clone();
                    // A thread that the handler's end does not stop.
                    tokio::spawn(async move {
                        over.cancelled().await;
                        stopped.notify_one();
                    });
                    std::future::pending().await
                }
            }
        });
        let job = job();
        add(&store, [&job]).await;
        let worker = Running::start(&store, &handler, options());
        until("begun", async || handler.seen().len() == 1).await;
        store.central().write(async |tx| queue::cancel(tx, job.id).await).await.unwrap();
        stopped.notified().await;
        worker.stop().await;
        assert!(all_are(&store, JobStatus::Cancelled).await);
        assert_eq!(handler.seen().len(), 1);
    })
    .await;
}
