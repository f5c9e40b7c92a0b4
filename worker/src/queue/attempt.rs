//! One attempt at one job: the handler, bounded and guarded, and the end of it, written down.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chiliview_store::{
    Error, Timestamp, Tx,
    queue::{self, Claim, Ending, JobId, Payload, Work},
    reason::{Cause, Reason},
};
use chiliview_telemetry::context;
use futures::FutureExt;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Outcome, Shop};
use crate::supervise::{Backoff, panic_message};

const WRITE_AGAIN: Backoff = Backoff { first: Duration::from_millis(100), most: Duration::from_secs(2) };
/// More would be a defect of the handler, not of the database: without that, the lease ends first.
const FAREWELLS: u32 = 8;
/// For a newer version's worker to take the job: two versions run side by side while one replaces the other…
const UNKNOWN: Duration = Duration::from_mins(1);
/// …or the newer one was taken back.
const NOBODY_KNOWS: Duration = Duration::from_hours(7 * 24);
/// A database that is held by somebody, or away: what a frozen process holds is taken from it within half a minute…
const FOR_THE_DATABASE: Duration = Duration::from_secs(5);
/// …and a server comes back, or somebody has to see to it.
const NO_DATABASE: Duration = Duration::from_mins(15);

/// What a handler knows of the attempt that it makes.
#[derive(Clone, Debug)]
pub struct Attempt {
    claim: Claim,
    over: CancellationToken,
}

impl Attempt {
    /// The job.
    #[must_use]
    pub fn job(&self) -> JobId {
        self.claim.job
    }

    /// Which attempt this is, from 1; crashed ones are counted.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.claim.attempt
    }

    /// Whether a failure for this reason is final: there is no attempt left, and it does not end by itself.
    #[must_use]
    pub fn gives_up(&self, reason: &Reason) -> bool {
        self.is_last() && !passes(reason)
    }

    /// Whether there is no attempt left after this one.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.claim.attempt >= self.claim.max_attempts
    }

    /// Whether the job is still this attempt's. To be asked in the transaction that ends the work: until that commits, nobody
    /// else is given the job. When not, leave everything as it is.
    pub async fn holds(&self, tx: &mut Tx) -> Result<bool, Error> {
        queue::holds(tx, &self.claim).await
    }

    /// Cancelled when the attempt is over in any way: for threads that the handler's end does not stop.
    #[must_use]
    pub fn over(&self) -> &CancellationToken {
        &self.over
    }
}

/// Makes the attempt, and returns when its end is written or the job is somebody else's.
pub(super) async fn run(shop: Arc<Shop>, claim: Claim) {
    let kind = claim.payload.as_ref().map_or("unknown", |payload| payload.work.kind());
    let subject = claim.payload.as_ref().ok().map(|payload| payload.subject.to_string());
    let span = tracing::info_span!(
        "job",
        job.id = %claim.job,
        job.kind = kind,
        job.subject = subject,
        attempt = claim.attempt
    );
    if let Ok(payload) = &claim.payload {
        context::set_parent(&span, &payload.carrier);
    }
    context::rename(&span, format!("job {kind}"));
    async {
        let over = CancellationToken::new();
        let _guard = over.clone().drop_guard();
        let attempt = Attempt { claim, over };
        let mut running = shop.options.attempts.begin(kind);
        let outcome = perform(&shop, &attempt).await;
        let ending = conclude(&shop, &attempt, outcome).await;
        running.ended(&ending);
        drop(running);
        write(&shop, &attempt.claim, &ending).await;
    }
    .instrument(span)
    .await;
}

async fn perform(shop: &Shop, attempt: &Attempt) -> Outcome {
    let claim = &attempt.claim;
    let Payload { work, .. } = match &claim.payload {
        Ok(payload) => payload,
        Err(reason) => {
            let reason = format!("this version does not know what to do: {reason}").into();
            return Outcome::PutOff { after: UNKNOWN, at_most: NOBODY_KNOWS, reason };
        }
    };
    if claim.attempt > claim.max_attempts {
        // A crash leaves no other trace than the count.
        let words = format!("{} attempts ended with their process", claim.max_attempts);
        return Outcome::GiveUp { reason: Reason::new(Cause::Crashed, words) };
    }
    let limit = shop.handler.time_limit(work);
    let handled = async { shop.handler.handle(*work, attempt.clone()).await };
    match timeout(limit, AssertUnwindSafe(handled).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Outcome::Retry { after: None, reason: panic_message(panic.as_ref()).into() },
        Err(_) => {
            let reason = Reason::new(Cause::TooLong, format!("it took longer than {limit:?}"));
            Outcome::Retry { after: None, reason }
        }
    }
}

async fn conclude(shop: &Shop, attempt: &Attempt, outcome: Outcome) -> Ending {
    match outcome {
        Outcome::Done => {
            // Handled: how what it was for came out, its own line says.
            tracing::info!("job.ended");
            Ending::Done
        }
        Outcome::Retry { after, reason } => {
            if passes(&reason)
                && let Some(ending) = put_off(shop, attempt, FOR_THE_DATABASE, NO_DATABASE, &reason).await
            {
                return ending;
            }
            if attempt.is_last() {
                return give_up(shop, attempt, reason).await;
            }
            let after = after.unwrap_or_else(|| shop.options.retry.after(attempt.number()));
            tracing::warn!(%reason, ?after, "job.retry");
            Ending::Retry { after, reason: reason.words }
        }
        Outcome::PutOff { after, at_most, reason } => {
            if let Some(ending) = put_off(shop, attempt, after, at_most, &reason).await {
                return ending;
            }
            let waited = humantime::format_duration(at_most);
            give_up(shop, attempt, Reason::new(reason.cause, format!("{reason}; no other worker took it for {waited}")))
                .await
        }
        Outcome::GiveUp { reason } => give_up(shop, attempt, reason).await,
    }
}

/// Whether it is nobody's fault and ends by itself.
fn passes(reason: &Reason) -> bool {
    reason.cause == Cause::DatabaseBusy
}

/// Nothing when it was put off for long enough.
async fn put_off(
    shop: &Shop,
    attempt: &Attempt,
    after: Duration,
    at_most: Duration,
    reason: &Reason,
) -> Option<Ending> {
    let now = shop.store.clock().now();
    let since = put_off_since(shop, attempt).await.unwrap_or(now);
    (now.since(since) < at_most).then(|| {
        tracing::warn!(%reason, ?after, "job.put_off");
        Ending::PutOff { after, reason: reason.words.clone(), since }
    })
}

/// When it cannot be found out, the next one who puts it off may.
async fn put_off_since(shop: &Shop, attempt: &Attempt) -> Option<Timestamp> {
    match shop.store.central().read(async |tx| queue::find(tx, attempt.job()).await).await {
        Ok(job) => job?.put_off_since,
        Err(error) => {
            tracing::warn!(%error, "job.look_failed");
            None
        }
    }
}

async fn give_up(shop: &Shop, attempt: &Attempt, reason: Reason) -> Ending {
    tracing::error!(%reason, "job.failed");
    if let Ok(payload) = &attempt.claim.payload {
        say_farewell(shop, attempt, payload.work, &reason).await;
    }
    Ending::Failed { reason: reason.words }
}

async fn say_farewell(shop: &Shop, attempt: &Attempt, work: Work, reason: &Reason) {
    for failures in 1..=FAREWELLS {
        let told = async { shop.handler.exhausted(work, attempt.clone(), reason.clone()).await };
        let error = match AssertUnwindSafe(told).catch_unwind().await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => format!("{error:#}"),
            Err(panic) => panic_message(panic.as_ref()),
        };
        tracing::error!(error, failures, "job.exhausted_failed");
        sleep(WRITE_AGAIN.after(failures)).await;
    }
}

/// Writes the end until the database takes it. Ends the wait when the worker must stop: the lease bounds it.
async fn write(shop: &Shop, claim: &Claim, ending: &Ending) {
    for failures in 1.. {
        match queue::settle(shop.store.central(), claim, ending).await {
            Ok(true) => return,
            // Cancelled, taken over, or written by the try before, whose answer was lost.
            Ok(false) => return tracing::info!("job.not_ours_to_end"),
            Err(error) => tracing::warn!(%error, failures, "job.settle_failed"),
        }
        sleep(WRITE_AGAIN.after(failures)).await;
    }
}
