//! Finished spans on their way to whoever keeps them: a bounded queue that never makes a request wait. What does not fit is
//! counted and gone.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc;

use crate::{FinishedSpan, SpanSink};

/// At a few hundred bytes each, some megabytes.
const WAITING: usize = 8192;

/// Spans that nobody kept though they were handed over, in this process.
static LOST: AtomicU64 = AtomicU64::new(0);

/// How many finished spans were lost since the start: nobody took them in time, or they could not be stored.
#[must_use]
pub fn lost_spans() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// Counts spans that could not be kept.
pub fn lose_spans(count: usize) {
    LOST.fetch_add(count as u64, Ordering::Relaxed);
}

/// The end at which spans come out.
pub struct SpanQueue(mpsc::Receiver<FinishedSpan>);

struct Entrance(mpsc::Sender<FinishedSpan>);

impl SpanSink for Entrance {
    fn record(&self, span: FinishedSpan) {
        if self.0.try_send(span).is_err() {
            lose_spans(1);
        }
    }
}

impl SpanQueue {
    /// A queue, and the sink that fills it.
    #[must_use]
    pub fn new() -> (Arc<dyn SpanSink>, Self) {
        let (entrance, exit) = mpsc::channel(WAITING);
        (Arc::new(Entrance(entrance)), Self(exit))
    }

    /// Waits until there are some and takes all that wait; none when there will be no more.
    pub async fn take(&mut self) -> Vec<FinishedSpan> {
        let mut taken = Vec::new();
        self.0.recv_many(&mut taken, WAITING).await;
        taken
    }

    /// Takes what waits now.
    pub fn take_now(&mut self) -> Vec<FinishedSpan> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use tracing::info_span;

    use super::*;
    use crate::{Settings, testing::scoped};

    #[tokio::test]
    async fn what_does_not_fit_is_counted_and_nobody_waits() {
        let (sink, mut queue) = SpanQueue::new();
        let settings = Settings { sink: Some(sink), ..Settings::default() };
        scoped(settings, || (0..WAITING + 3).for_each(|_| drop(info_span!("request").entered())));
        assert_eq!(lost_spans(), 3);
        assert_eq!(queue.take().await.len(), WAITING);
        assert!(queue.take_now().is_empty());
    }
}
