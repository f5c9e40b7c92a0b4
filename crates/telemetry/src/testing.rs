//! Help for this crate's own tests: a subscriber for one closure, and a sink that remembers.

use std::sync::{Arc, Mutex};

use tracing::dispatcher;

use crate::{Console, FinishedSpan, Settings, SpanSink, build};

/// Runs `body` under a subscriber made from `settings`, silent on the console, and flushes it.
pub(crate) fn scoped<T>(settings: Settings, body: impl FnOnce() -> T) -> T {
    let settings = Settings { console: Console::None, ..settings };
    let (dispatch, guard) = build(settings).expect("the settings are sound");
    let answer = dispatcher::with_default(&dispatch, body);
    guard.shutdown();
    answer
}

/// Remembers every span in the order in which they ended.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<FinishedSpan>>>);

impl Recorder {
    pub(crate) fn sink(&self) -> Arc<dyn SpanSink> {
        Arc::new(self.clone())
    }

    pub(crate) fn spans(&self) -> Vec<FinishedSpan> {
        self.0.lock().expect("no test panicked here").clone()
    }
}

impl SpanSink for Recorder {
    fn record(&self, span: FinishedSpan) {
        self.0.lock().expect("no test panicked here").push(span);
    }
}
