//! Keeps something running until it is told to stop: whatever ends it before, it begins again, after a pause that grows.

use std::{any::Any, fmt::Display, panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Pauses that double.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// Never longer than this.
    pub most: Duration,
}

impl Backoff {
    /// The pause after so many failures in a row, from 1.
    #[must_use]
    pub fn after(self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.most)
    }
}

/// Who ran for this long before he failed has failed for the first time.
const RECOVERED: Duration = Duration::from_mins(1);

/// Runs `start` over and over until `shutdown`. A run that ends in an error or a panic is followed by the next, after a
/// pause; so is one that ends for no reason.
pub async fn supervise<E: Display>(
    what: &'static str,
    shutdown: &CancellationToken,
    backoff: Backoff,
    start: impl Fn() -> BoxFuture<'static, Result<(), E>>,
) {
    let mut failures = 0;
    while !shutdown.is_cancelled() {
        let began = Instant::now();
        let error = match AssertUnwindSafe(start()).catch_unwind().await {
            Ok(Ok(())) if shutdown.is_cancelled() => return,
            Ok(Ok(())) => "it ended by itself".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic_message(panic.as_ref()),
        };
        failures = if began.elapsed() > RECOVERED { 1 } else { failures + 1 };
        let pause = backoff.after(failures);
        tracing::error!(what, error, ?pause, failures, "supervise.restart");
        let _ = shutdown.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

/// What a panic said.
#[must_use]
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("without a word"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_millis(1), most: Duration::from_millis(5) };

    #[test]
    fn pauses_double_and_end() {
        let pauses: Vec<_> = [1, 2, 3, 4, 100].map(|failures| BACKOFF.after(failures).as_millis()).into();
        assert_eq!(pauses, [1, 2, 4, 5, 5]);
    }

    #[tokio::test]
    async fn errors_panics_and_silent_ends_are_followed_by_another_run() {
        let shutdown = CancellationToken::new();
        let runs = AtomicU32::new(0);
        supervise("test", &shutdown, BACKOFF, || {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            let shutdown = shutdown.clone();
            Box::pin(async move {
                match run {
                    0 => return Err("no database"),
                    1 => panic!("on purpose"),
                    2 => {}
                    _ => shutdown.cancel(),
                }
                Ok(())
            })
        })
        .await;
        assert_eq!(runs.load(Ordering::SeqCst), 4);
    }
}
