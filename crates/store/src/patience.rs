//! How long PostgreSQL is waited for. A connection that was cut off in silence never says so: without a bound, whoever asks on it
//! waits for ever, and those who wait for him too.

use std::{io, time::Duration};

/// For a word of an idle server.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);
/// For a connection to go back to its pool: what it was at is undone first.
pub(crate) const RETURN: Duration = Duration::from_secs(10);
/// For the end of a statement of ours.
pub(crate) const STATEMENT: Duration = Duration::from_secs(60);

/// What is asked, or an error after so long.
pub(crate) async fn in_time<T>(most: Duration, asked: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    tokio::time::timeout(most, asked).await.unwrap_or_else(|_| Err(silent()))
}

pub(crate) fn silent() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "PostgreSQL does not answer"))
}
