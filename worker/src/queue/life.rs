//! One life of a worker: registered under a fresh name, it takes jobs for as long as it can say that it is alive.

use std::{sync::Arc, time::Duration};

use chiliview_store::{Error, queue};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use super::{
    Shop,
    crew::{Crew, Panicked, Roster},
};

/// Workers that were not heard of for so long are forgotten.
const FORGET: Duration = Duration::from_hours(24);
/// For the last words of a life, that nothing depends on.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why a life ended before the shutdown.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("register the worker: {0}")]
    Register(Error),
    #[error("say in time that the worker is alive")]
    Silent,
    #[error("find the worker in the queue")]
    Forgotten,
    #[error("run an attempt: its own code panicked")]
    Panicked,
}

impl From<Panicked> for Ended {
    fn from(Panicked: Panicked) -> Self {
        Self::Panicked
    }
}

/// Lives until the shutdown, or until something ends it. Nothing runs any more when it returns.
pub(super) async fn live(shop: Arc<Shop>) -> Result<(), Ended> {
    let shop = &shop;
    let central = shop.store.central();
    let name: Arc<str> = format!("{} {}", shop.options.name, shop.store.ids().next::<Uuid>()).into();
    let now = shop.store.clock().now();
    let registered = Instant::now();
    queue::register(central, shop.options.lane, &name, shop.options.lease(), now).await.map_err(Ended::Register)?;
    tracing::info!(worker = %name, parallel = shop.options.parallel, "worker.started");
    if let Err(error) = queue::forget_workers(central, now.minus(FORGET)).await {
        tracing::warn!(%error, "worker.forget_failed");
    }

    let mut crew = Crew::default();
    let roster = crew.roster.clone();
    let ended = tokio::select! {
        ended = heartbeat(shop, &name, &roster, registered) => Err(ended),
        ended = work(shop, &name, &mut crew) => ended,
    };
    crew.stop().await;
    if !matches!(timeout(LAST_WORDS, queue::sign_off(central, &name)).await, Ok(Ok(()))) {
        tracing::warn!(worker = %name, "worker.sign_off_failed");
    }
    tracing::info!(worker = %name, "worker.stopped");
    ended
}

/// Says that the worker is alive, until it cannot: then its attempts must end before others may take their jobs.
async fn heartbeat(shop: &Shop, name: &str, roster: &Roster, registered: Instant) -> Ended {
    let mut heard = registered;
    loop {
        sleep(shop.options.heartbeat).await;
        let began = Instant::now();
        let beat = queue::beat(shop.store.central(), shop.options.lane, name, shop.options.lease());
        match timeout_at(heard + shop.options.patience(), beat).await {
            Err(_) => return Ended::Silent,
            Ok(Ok(None)) => return Ended::Forgotten,
            // The process stood still between question and answer: what it said is old.
            Ok(Ok(Some(_))) if began.elapsed() > shop.options.patience() => return Ended::Silent,
            Ok(Ok(Some(beat))) => {
                heard = began;
                roster.dismiss(&beat.held, began);
                if beat.recovered > 0 {
                    tracing::warn!(jobs = beat.recovered, "worker.recovered");
                    shop.wake.wake();
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "worker.heartbeat_failed"),
        }
    }
}

/// Takes jobs while there is room, then waits for a reason to look again.
async fn work(shop: &Arc<Shop>, name: &Arc<str>, crew: &mut Crew) -> Result<(), Ended> {
    let mut failures = 0;
    while !shop.shutdown.is_cancelled() {
        let pause = match fill(shop, name, crew, failures > 0).await {
            Ok(()) => {
                failures = 0;
                shop.options.interval
            }
            Err(error) => {
                failures += 1;
                tracing::warn!(%error, failures, "worker.claim_failed");
                shop.options.restart.after(failures)
            }
        };
        let room = crew.len() < shop.options.parallel.get();
        tokio::select! {
            () = shop.shutdown.cancelled() => break,
            done = crew.next_done() => done?,
            () = shop.wake.woken(), if room && failures == 0 => {}
            () = sleep(pause), if room => {}
        }
    }
    drain(shop, crew).await;
    Ok(())
}

/// After a failure a job may have been taken that nobody knows of: its commit succeeded, and the answer was lost.
async fn fill(shop: &Arc<Shop>, name: &Arc<str>, crew: &mut Crew, failed_before: bool) -> Result<(), Error> {
    let central = shop.store.central();
    if failed_before {
        queue::release_strays(central, name, &crew.roster.jobs()).await?;
    }
    while crew.len() < shop.options.parallel.get() && !shop.shutdown.is_cancelled() {
        let Some(claim) = queue::claim(central, shop.options.lane, name).await? else { return Ok(()) };
        crew.take_on(shop, claim, Instant::now());
    }
    Ok(())
}

/// Lets the running attempts end, and puts back what does not in time.
async fn drain(shop: &Shop, crew: &mut Crew) {
    let deadline = Instant::now() + shop.options.drain;
    while !crew.is_empty() {
        match timeout_at(deadline, crew.next_done()).await {
            Ok(Ok(())) => {}
            Ok(Err(Panicked)) => tracing::error!("worker.attempt_panicked"),
            Err(_) => break,
        }
    }
    for claim in crew.stop().await {
        match queue::release(shop.store.central(), &claim).await {
            Ok(()) => tracing::info!(job.id = %claim.job, "worker.job_put_back"),
            Err(error) => tracing::warn!(job.id = %claim.job, %error, "worker.release_failed"),
        }
    }
}
