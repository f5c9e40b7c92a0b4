//! Long work on a blocking thread that ends when its caller loses interest.

use std::panic::resume_unwind;

use tokio::task::{JoinError, spawn_blocking};
use tracing::Span;

use crate::error::Error;
use crate::watch::Watch;

/// Runs `work` off the async threads, inside the caller's span. Dropping the future cancels the watch that `work` sees,
/// and work that fails once it is cancelled has failed for that reason (SQLite calls it an interrupt).
pub(crate) async fn watched<T: Send + 'static>(
    watch: &Watch,
    work: impl FnOnce(&Watch) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let watch = watch.child();
    let _ends_with_this_future = watch.cancel.clone().drop_guard();
    blocking(move || work(&watch).map_err(|error| if watch.cancel.is_cancelled() { Error::Cancelled } else { error }))
        .await
}

/// Runs short `work` off the async threads, inside the caller's span.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let span = Span::current();
    spawn_blocking(move || span.in_scope(work)).await.unwrap_or_else(|error| Err(ended(error)))
}

/// Waits on a blocking thread, also on one that runs a future just now: a writer that is called from there waits so. What
/// is waited for must be driven by other threads, as everything is that a runtime or its tasks do.
pub(crate) fn wait<F: Future>(work: F) -> F::Output {
    // The budget of the future that runs on this thread would be used up and never come back.
    futures::executor::block_on(tokio::task::unconstrained(work))
}

/// A panic goes on in the caller; the only other end is a runtime that shuts down.
fn ended(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Error::Cancelled,
    }
}
