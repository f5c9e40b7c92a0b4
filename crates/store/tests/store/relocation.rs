//! Jobs go with their platform: those that are not over, once, whatever engine they come from.

use std::time::Duration;

use chiliview_store::{
    Error, Ids, Settings, postgres, presence,
    queue::{self, Filter, JobId, NewJob, Work},
    relocation, transfer,
};

use crate::{
    common::{at, open, read, until, write},
    engines::{on_every_engine, on_postgres},
};

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_are_not_over_go_with_their_platform_as_they_are() {
    on_every_engine(async |store| {
        let (later, key) = (at(0).plus(Duration::from_hours(24 * 365 * 9)), "once".to_owned());
        let jobs = [
            NewJob::new(Ids.next::<JobId>(), Work::Prune),
            NewJob {
                priority: -10,
                ..NewJob::new(Ids.next::<JobId>(), Work::PurgeTenant { tenant: Ids.next() }).at(later)
            },
            NewJob::new(Ids.next::<JobId>(), Work::Prune).once(&key),
            NewJob::new(Ids.next::<JobId>(), Work::Prune),
        ];
        for job in &jobs {
            write(store.central(), async |tx| queue::enqueue(tx, job).await).await;
        }
        write(store.central(), async |tx| queue::cancel(tx, jobs[3].id).await).await;
        let carried = relocation::jobs(store.central()).await.unwrap();
        assert_eq!(carried, read(store.central(), async |tx| queue::open_jobs(tx, None, 9).await).await);
        assert_eq!(carried.len(), 3, "what is over stays behind");

        let home = tempfile::tempdir().unwrap();
        let other = open(&Settings::sqlite(home.path())).await;
        for _ in 0..2 {
            relocation::put_jobs(other.central(), &carried).await.unwrap();
        }
        write(other.central(), async |tx| queue::take_in(tx, &carried[0]).await).await;
        // SQLite's queue counts in whole seconds.
        let works = |jobs: &[queue::Carried]| jobs.iter().map(queue::Carried::work).collect::<Vec<_>>();
        assert_eq!(works(&relocation::jobs(other.central()).await.unwrap()), works(&carried), "and back");
        let found = read(other.central(), async |tx| queue::list(tx, &Filter::default(), 9).await).await;
        assert_eq!(found.len(), 3);
        let (soonest, latest) = (later, later.plus(Duration::from_secs(1)));
        assert!(found.iter().any(|job| (soonest..=latest).contains(&job.run_at)), "never too early: {found:?}");
        let again = NewJob::new(Ids.next::<JobId>(), Work::Prune).once(&key);
        assert!(!write(other.central(), async |tx| queue::enqueue(tx, &again).await).await, "its key came along");
        other.close().await;
    })
    .await;
}

/// A machine that stood still for minutes was taken for dead, and others work by now.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_alone_no_more_puts_nothing_in_the_place_of_the_platform() {
    on_postgres(async |settings| {
        let store = open(&settings).await;
        let job = NewJob::new(Ids.next::<JobId>(), Work::Prune);
        write(store.central(), async |tx| queue::enqueue(tx, &job).await).await;
        store.close().await;
        drop(store);
        let home = tempfile::tempdir().unwrap();
        open(&Settings::sqlite(home.path())).await.close().await;
        let file = home.path().join("chiliview.db");

        let options = postgres::options(settings.database_url.as_ref().unwrap()).unwrap();
        let pool = postgres::connect(options.clone(), 2).await.unwrap();
        let take = async |alone: &presence::Alone| {
            relocation::take_central(&pool, alone, &file, &[], "restored", "before", &mut transfer::unheard).await
        };
        let mine = "FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let alone = presence::alone(options.clone()).await.unwrap().unwrap();
        let ended = format!("SELECT pg_terminate_backend(pid) {mine}");
        sqlx::query(sqlx::AssertSqlSafe(ended)).execute(&pool).await.unwrap();
        let refused = take(&alone).await;
        assert!(matches!(&refused, Err(Error::Unsafe(words)) if words.contains("try again")), "{refused:?}");
        let again = open(&settings).await;
        assert_eq!(relocation::jobs(again.central()).await.unwrap().len(), 1, "nothing was replaced");
        again.close().await;
        drop(again);

        until("the others to be gone", async || presence::alone(options.clone()).await.unwrap().is_some()).await;
        let alone = presence::alone(options.clone()).await.unwrap().unwrap();
        assert_eq!(take(&alone).await.unwrap().as_deref(), Some("before"));
        drop(alone);
        assert!(relocation::jobs(open(&settings).await.central()).await.unwrap().is_empty());
    })
    .await;
}
