//! Keeps the traces worth keeping, whether a collector runs or not: what spans this process has finished comes out of a
//! bounded queue and goes into the central database. Nobody ever waits for it, and what cannot be kept is counted.

mod pick;

use std::time::Duration;

use chiliview_store::{Error, Store, spans};
use chiliview_telemetry::{SpanQueue, lose_spans};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::pick::Picker;

/// After a write, for more to come: one commit for many.
const GATHER: Duration = Duration::from_millis(200);
/// In one transaction.
const MOST_AT_ONCE: usize = 500;
/// For the last spans, before the databases are closed.
const LAST: Duration = Duration::from_secs(1);

/// The keeping of one process.
pub(crate) struct Keeping {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Keeping {
    /// Begins; `service` names the process in each span.
    pub(crate) fn start(store: Store, queue: SpanQueue, service: &str) -> Self {
        let stop = CancellationToken::new();
        let keeper = Keeper { store, queue, picker: Picker::new(service), stop: stop.clone() };
        Self { task: tokio::spawn(keeper.run()), stop }
    }

    /// Keeps what is left, if that goes fast.
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        if tokio::time::timeout(LAST, self.task).await.is_err() {
            tracing::warn!("traces.last_spans_lost");
        }
    }
}

struct Keeper {
    store: Store,
    queue: SpanQueue,
    picker: Picker,
    stop: CancellationToken,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            let finished = tokio::select! {
                () = self.stop.cancelled() => break,
                finished = self.queue.take() => finished,
            };
            if finished.is_empty() {
                return;
            }
            if self.keep(finished).await {
                tokio::select! {
                    () = self.stop.cancelled() => {}
                    () = tokio::time::sleep(GATHER) => {}
                }
            }
        }
        let last = self.queue.take_now();
        self.keep(last).await;
    }

    /// Whether anything was written.
    async fn keep(&mut self, finished: Vec<chiliview_telemetry::FinishedSpan>) -> bool {
        let chosen: Vec<_> = finished.into_iter().flat_map(|span| self.picker.take(span)).collect();
        for some in chosen.chunks(MOST_AT_ONCE) {
            let kept = self.store.central().write(async |tx| spans::keep(tx, some).await).await;
            if let Err(error) = kept as Result<(), Error> {
                lose_spans(some.len());
                tracing::warn!(%error, spans = some.len(), "traces.not_kept");
            }
        }
        !chosen.is_empty()
    }
}
