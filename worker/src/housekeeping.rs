//! What is swept up now and then: ended sessions, old answers, old failures, finished jobs, a WAL that grew.

use std::time::Duration;

use chiliview_store::{
    Database, Error, api_keys, deliveries, doctor_runs, idempotency, login_networks, notices, queue, sessions, spans,
    throttle,
};
use tokio_util::sync::CancellationToken;

use crate::{context::Context, import, restore, uploads};

const EVERY: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const FINISHED_JOBS: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long it can be looked up how a delivery went.
const DELIVERY_LOG: Duration = Duration::from_hours(30 * 24);
/// How long it can be looked up what there was to tell.
const NOTICES: Duration = Duration::from_hours(365 * 24);
/// How long it can be looked up how a backup went.
const TRACES: Duration = Duration::from_hours(14 * 24);
/// How long it can be looked up what the doctor found.
const DOCTOR_RUNS: Duration = Duration::from_hours(90 * 24);
/// How long people can see that a key has ended.
const ENDED_KEYS: Duration = Duration::from_hours(30 * 24);
/// How long an account is known where it logged in; the API asks for as much.
const LOGIN_NETWORKS: Duration = Duration::from_hours(30 * 24);
const LARGE_WAL: u64 = 16 << 20;

/// Sweeps every ten minutes until `shutdown`.
pub(crate) async fn run(context: &Context, session_idle: Duration, shutdown: &CancellationToken) {
    loop {
        if let Err(error) = sweep(context, session_idle).await {
            tracing::warn!(%error, "housekeeping.failed");
        }
        // By itself: a shelf that is away keeps nothing else from being swept.
        if let Err(error) = uploads::sweep(context).await {
            tracing::warn!(error = format!("{error:#}"), "uploads.not_swept");
        }
        if let Err(error) = restore::sweep(context).await {
            tracing::warn!(%error, "restores.not_swept");
        }
        if let Err(error) = import::sweep(context).await {
            tracing::warn!(%error, "imports.not_swept");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn sweep(context: &Context, session_idle: Duration) -> Result<(), Error> {
    let now = context.now();
    let central = context.store.central();
    central
        .write(async |tx| {
            sessions::delete_ended(tx, now, now.minus(session_idle)).await?;
            idempotency::delete_older(tx, now.minus(DAY)).await?;
            throttle::delete_older(tx, now.minus(DAY)).await?;
            login_networks::delete_older(tx, now.minus(LOGIN_NETWORKS)).await?;
            deliveries::delete_older(tx, now.minus(DELIVERY_LOG)).await?;
            notices::delete_older(tx, now.minus(NOTICES)).await?;
            spans::delete_older(tx, now.minus(TRACES)).await?;
            doctor_runs::delete_older(tx, now.minus(DOCTOR_RUNS)).await?;
            api_keys::delete_ended(tx, now.minus(ENDED_KEYS)).await?;
            queue::purge_finished(tx, now.minus(FINISHED_JOBS)).await?;
            Ok::<_, Error>(())
        })
        .await?;
    if let Database::Sqlite(file) = central
        && file.wal_bytes() > LARGE_WAL
    {
        file.checkpoint().await?;
    }
    Ok(())
}
