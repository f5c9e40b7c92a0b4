//! SIGTERM and SIGINT: the first asks for an orderly end, the second ends the process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;

/// What a process killed by the signal would have answered.
const INTERRUPTED: i32 = 130;

/// A token that is cancelled by the first signal.
pub(crate) fn shutdown() -> Result<CancellationToken, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = CancellationToken::new();
    let cancelled = shutdown.clone();
    tokio::spawn(async move {
        for again in [false, true] {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            if again {
                eprintln!("chiliview: stopping at once");
                std::process::exit(INTERRUPTED);
            }
            tracing::info!("service.stopping");
            cancelled.cancel();
        }
    });
    Ok(shutdown)
}
