//! How long PostgreSQL is waited for. A connection that was cut off in silence never says so: without a bound, whoever asks on it
//! waits for ever, and those who wait for him too.

use std::{io, time::Duration};

use sqlx::{PgPool, Postgres, SqlSafeStr as _, Transaction};

/// For a word of an idle server.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);
/// For the end of a statement of ours.
pub(crate) const STATEMENT: Duration = Duration::from_secs(60);

/// What is asked, or an error after so long.
pub(crate) async fn in_time<T>(most: Duration, asked: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    tokio::time::timeout(most, asked).await.unwrap_or_else(|_| Err(silent()))
}

pub(crate) fn silent() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "PostgreSQL does not answer"))
}

/// Begins a transaction. The pool bounds the wait for a connection, and has just heard of the server on it.
pub(crate) async fn begin(pool: &PgPool, how: &'static str) -> sqlx::Result<Transaction<'static, Postgres>> {
    let connection = pool.acquire().await?;
    in_time(ANSWER, Transaction::begin(connection, Some(how.into_sql_str()))).await
}
