//! The queue's statements, on every engine at hand: enqueue in a transaction, take, end, recover, read.
use std::{sync::Arc, time::Duration};

use chiliview_store::{
    BackupId, Clock, Engine, Error, Ids, Store,
    queue::{self, Ending, Filter, JobId, JobStatus, Lane, Lease, NewJob, Work},
    skew,
};

use crate::engines::on_every_engine;

const LEASE: Lease = Lease(Duration::from_secs(8));

fn job() -> NewJob {
    NewJob::new(Ids.next(), Work::BackUp { backup: Ids.next::<BackupId>() })
}

async fn add(store: &Store, job: &NewJob) -> bool {
    store.central().write(async |tx| queue::enqueue(tx, job).await).await.unwrap()
}

async fn status(store: &Store, id: JobId) -> JobStatus {
    store.central().read(async |tx| queue::find(tx, id).await).await.unwrap().unwrap().status
}

async fn worker(store: &Store) -> Arc<str> {
    let name: Arc<str> = format!("test {}", Ids.next::<JobId>()).into();
    queue::register(store.central(), Lane::Jobs, &name, LEASE, store.clock().now()).await.unwrap();
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_shares_the_fate_of_its_transaction() {
    on_every_engine(async |store| {
        let (kept, lost) = (job(), job());
        add(&store, &kept).await;
        let undone: Result<(), Error> = store
            .central()
            .write(async |tx| {
                queue::enqueue(tx, &lost).await?;
                Err(Error::VersionMismatch)
            })
            .await;
        assert!(undone.is_err());
        let listed = store.central().read(async |tx| queue::list(tx, &Filter::default(), 10).await).await.unwrap();
        assert_eq!(listed.iter().map(|job| job.id).collect::<Vec<_>>(), [kept.id]);
        assert_eq!(listed[0].work, Some(kept.work));
        assert_eq!(listed[0].subject, Some(kept.work.subject()));
        assert_eq!(listed[0].kind, "back_up");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_adds_nothing_and_the_transaction_goes_on() {
    on_every_engine(async |store| {
        let first = job().once("schedule 1 at noon");
        let again = job().once("schedule 1 at noon");
        let other = job();
        let added = store
            .central()
            .write(async |tx| {
                let first = queue::enqueue(tx, &first).await?;
                let again = queue::enqueue(tx, &again).await?;
                Ok::<_, Error>((first, again, queue::enqueue(tx, &other).await?))
            })
            .await
            .unwrap();
        assert_eq!(added, (true, false, true));
        let counts = store.central().read(queue::counts).await.unwrap();
        assert_eq!(counts, [(JobStatus::Queued, 2)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_ends_once_and_only_while_it_holds_the_job() {
    on_every_engine(async |store| {
        let db = store.central();
        let job = job();
        add(&store, &job).await;
        let name = worker(&store).await;
        let claim = queue::claim(db, Lane::Jobs, &name).await.unwrap().unwrap();
        assert_eq!((claim.job, claim.attempt, status(&store, job.id).await), (job.id, 1, JobStatus::Running));
        assert!(queue::claim(db, Lane::Jobs, &name).await.unwrap().is_none());

        let retry = Ending::Retry { after: Duration::ZERO, reason: "the disk is full".into() };
        assert!(queue::settle(db, &claim, &retry).await.unwrap());
        assert!(!queue::settle(db, &claim, &Ending::Done).await.unwrap());
        assert_eq!(status(&store, job.id).await, JobStatus::Queued);

        let second = queue::claim(db, Lane::Jobs, &name).await.unwrap().unwrap();
        assert_eq!(second.attempt, 2);
        let holds = async |claim| db.write(async |tx| queue::holds(tx, claim).await).await.unwrap();
        assert_eq!((holds(&claim).await, holds(&second).await), (false, true));
        assert!(!queue::settle(db, &claim, &Ending::Done).await.unwrap());
        assert!(queue::settle(db, &second, &Ending::Failed { reason: "it is gone".into() }).await.unwrap());
        assert!(queue::claim(db, Lane::Jobs, &name).await.unwrap().is_none());
        let found = db.read(async |tx| queue::find(tx, job.id).await).await.unwrap().unwrap();
        assert_eq!((found.status, found.attempts), (JobStatus::Failed, 2));
        assert_eq!(found.reason.as_deref(), Some("it is gone"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_attempt_is_not_followed_by_another() {
    on_every_engine(async |store| {
        let job = NewJob { max_attempts: 1, ..job() };
        add(&store, &job).await;
        let name = worker(&store).await;
        let claim = queue::claim(store.central(), Lane::Jobs, &name).await.unwrap().unwrap();
        let retry = Ending::Retry { after: Duration::ZERO, reason: "no".into() };
        assert!(queue::settle(store.central(), &claim, &retry).await.unwrap());
        assert_eq!(status(&store, job.id).await, JobStatus::Failed);
        assert!(queue::claim(store.central(), Lane::Jobs, &name).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_can_be_put_back_as_if_it_had_not_been() {
    on_every_engine(async |store| {
        let db = store.central();
        add(&store, &job()).await;
        let name = worker(&store).await;
        let claim = queue::claim(db, Lane::Jobs, &name).await.unwrap().unwrap();
        queue::release(db, &claim).await.unwrap();
        let again = queue::claim(db, Lane::Jobs, &name).await.unwrap().unwrap();
        assert_eq!(again.attempt, 1);
        assert_eq!(queue::release_strays(db, &name, &[again.job]).await.unwrap(), 0);
        assert_eq!(queue::release_strays(db, &name, &[]).await.unwrap(), 1);
        assert!(queue::claim(db, Lane::Jobs, &name).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_takes_a_job_from_its_worker() {
    on_every_engine(async |store| {
        let db = store.central();
        let (waiting, running) = (job().at(store.clock().now().plus(Duration::from_hours(1))), job());
        add(&store, &waiting).await;
        add(&store, &running).await;
        let name = worker(&store).await;
        let claim = queue::claim(db, Lane::Jobs, &name).await.unwrap().unwrap();
        assert_eq!(claim.job, running.id);
        assert_eq!(queue::beat(db, Lane::Jobs, &name, LEASE).await.unwrap().unwrap().held, [running.id]);
        for (id, was) in [(waiting.id, JobStatus::Queued), (running.id, JobStatus::Running)] {
            assert_eq!(db.write(async |tx| queue::cancel(tx, id).await).await.unwrap(), Some(was));
            assert_eq!(db.write(async |tx| queue::cancel(tx, id).await).await.unwrap(), None);
            assert_eq!(status(&store, id).await, JobStatus::Cancelled);
        }
        assert!(queue::beat(db, Lane::Jobs, &name, LEASE).await.unwrap().unwrap().held.is_empty());
        assert!(!queue::settle(db, &claim, &Ending::Done).await.unwrap());

        let later = store.clock().now().plus(Duration::from_mins(1));
        assert_eq!(db.write(async |tx| queue::purge_finished(tx, later).await).await.unwrap(), 2);
        queue::sign_off(db, &name).await.unwrap();
        assert!(db.read(queue::workers).await.unwrap().is_empty());
        assert!(queue::beat(db, Lane::Jobs, &name, LEASE).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_move_is_stuck_and_a_gone_worker_is_forgotten() {
    on_every_engine(async |store| {
        let db = store.central();
        let now = store.clock().now();
        let old = job().at(now.minus(Duration::from_hours(1)));
        let first = NewJob { priority: 1, ..job() };
        add(&store, &old).await;
        add(&store, &first).await;
        let name = worker(&store).await;
        assert_eq!(queue::claim(db, Lane::Jobs, &name).await.unwrap().unwrap().job, first.id);
        let stuck = db.read(async |tx| queue::stuck(tx, now).await).await.unwrap();
        assert_eq!(stuck.iter().map(|job| job.id).collect::<Vec<_>>(), [old.id]);
        let later = now.plus(Duration::from_mins(5));
        let stuck = db.read(async |tx| queue::stuck(tx, later).await).await.unwrap();
        assert_eq!(stuck.iter().map(|job| job.id).collect::<Vec<_>>(), [old.id, first.id]);

        let seen = db.read(queue::workers).await.unwrap();
        assert!(seen[0].is_alive(now) && !seen[0].is_alive(later));
        assert_eq!(queue::forget_workers(db, later).await.unwrap(), 0, "it still holds a job");
        db.write(async |tx| queue::cancel(tx, first.id).await).await.unwrap();
        assert_eq!(queue::forget_workers(db, later).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_narrowed_and_paged() {
    on_every_engine(async |store| {
        let db = store.central();
        let jobs = [job(), job(), NewJob::new(Ids.next(), Work::PurgeTenant { tenant: Ids.next() })];
        for job in &jobs {
            add(&store, job).await;
        }
        let ids = async |filter: Filter, limit| -> Vec<JobId> {
            let listed = db.read(async |tx| queue::list(tx, &filter, limit).await).await.unwrap();
            listed.iter().map(|job| job.id).collect()
        };
        assert_eq!(ids(Filter::default(), 2).await, [jobs[2].id, jobs[1].id]);
        assert_eq!(ids(Filter { after: Some(jobs[1].id), ..Filter::default() }, 2).await, [jobs[0].id]);
        assert_eq!(ids(Filter { kind: Some("purge_tenant".into()), ..Filter::default() }, 9).await, [jobs[2].id]);
        assert_eq!(ids(Filter { subject: Some(jobs[0].work.subject()), ..Filter::default() }, 9).await, [jobs[0].id]);
        assert!(ids(Filter { status: Some(JobStatus::Done), ..Filter::default() }, 9).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_again_finds_the_queue_as_it_was_and_as_safe() {
    let directory = tempfile::tempdir().unwrap();
    let settings = chiliview_store::Settings::sqlite(directory.path());
    let store = Store::open(&settings, Clock::system(), Ids).await.unwrap();
    let job = job();
    add(&store, &job).await;
    store.close().await;
    drop(store);
    let store = Store::open(&settings, Clock::system(), Ids).await.unwrap();
    assert_eq!(status(&store, job.id).await, JobStatus::Queued);
    let (synchronous,) = store
        .central()
        .write(async |tx| tx.query("SELECT synchronous FROM pragma_synchronous").fetch_one::<(i64,)>().await)
        .await
        .unwrap();
    assert_eq!(synchronous, 2, "apalis' own set-up would have turned it off");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_not_the_servers_is_noticed_on_postgresql() {
    on_every_engine(async |store| {
        let now = store.central().read(queue::now).await.unwrap();
        let apart =
            async |clock: Clock| store.central().read(async |tx| skew::measure(tx, &clock).await).await.unwrap();
        assert_eq!(apart(Clock::system()).await, None);
        store.look_at_clock().await.unwrap();
        let (ahead, behind) = (now.plus(Duration::from_mins(5)), now.minus(Duration::from_mins(5)));
        let found = [apart(Clock::manual(ahead)).await, apart(Clock::manual(behind)).await];
        match store.engine() {
            Engine::Sqlite => assert_eq!(found, [None, None]),
            Engine::Postgres => assert_eq!(found.map(|skew| skew.unwrap().ahead), [true, false]),
        }
    })
    .await;
}
