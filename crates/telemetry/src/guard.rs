//! Ends telemetry in order: traces first, then the log writers, which may still have to say that the traces failed.

use tracing_appender::non_blocking::WorkerGuard;

use crate::export::Traces;
use crate::output::LostLines;

/// Keeps the log writers and the exporter running; flushes and stops them when it goes.
///
/// Hold it in `main` until everything else has ended. Both ways to end block the calling thread, for about seven seconds if
/// the collector is silent, and need no runtime: they are safe inside tokio, where they cannot deadlock.
#[must_use = "logs and traces are flushed and stopped when the guard goes"]
pub struct Guard {
    traces: Traces,
    lost: LostLines,
    // Dropped after `Guard::drop` has run, hence after the last line was written.
    _writers: Vec<WorkerGuard>,
}

impl Guard {
    pub(crate) fn new(traces: Traces, lost: LostLines, writers: Vec<WorkerGuard>) -> Self {
        Self { traces, lost, _writers: writers }
    }

    /// Flushes and stops traces and logs now, as dropping it would.
    pub fn shutdown(self) {
        drop(self);
    }

    /// A live count of the log lines that were lost.
    #[must_use]
    pub fn lost_lines(&self) -> LostLines {
        self.lost.clone()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = self.traces.stop() {
            tracing::warn!(error = %error, "the last traces were not delivered");
        }
    }
}
