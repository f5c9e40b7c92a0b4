//! The orderly end of what runs for long: within 25 seconds of the signal, whatever is still under way.

use std::time::Duration;

use chiliview_store::Store;
use chiliview_telemetry::Guard;
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;

/// For requests and jobs that are under way; the rest of the 25 s is for closing the databases.
pub(crate) const DRAIN: Duration = Duration::from_secs(22);
const CLOSE: Duration = Duration::from_secs(1);

/// Waits for `work`, and after the signal for no longer than the drain allows.
pub(crate) async fn in_time(
    shutdown: &CancellationToken,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let too_late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN + CLOSE).await;
    };
    tokio::select! {
        outcome = work => outcome,
        () = too_late => {
            tracing::warn!("service.stopped_unfinished");
            Ok(())
        }
    }
}

/// Closes the databases, then the logs.
pub(crate) async fn close(store: &Store, guard: Guard) {
    if tokio::time::timeout(CLOSE, store.close()).await.is_err() {
        tracing::warn!("store.close_unfinished");
    }
    tracing::info!("service.stopped");
    guard.shutdown();
}
