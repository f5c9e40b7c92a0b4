//! Whether a pooler stands between us and PostgreSQL that lends one session to several clients. Presence, `LISTEN`, the lock of
//! a migration and prepared statements belong to a session: behind such a pooler they would be somebody else's.

use sqlx::{Connection as _, PgConnection, Row as _, postgres::PgConnectOptions};

use crate::error::{Error, Result};

/// A pooler that has several idle sessions may lend the same one twice by chance.
const LOOKS: usize = 8;

/// # Errors
/// When one connection is served by two sessions, or two connections by one: a pooler in transaction or statement mode.
pub(crate) async fn refuse(options: &PgConnectOptions) -> Result<()> {
    let mut one = PgConnection::connect_with(options).await?;
    let mut other = PgConnection::connect_with(options).await?;
    let mut lent = false;
    for _ in 0..LOOKS {
        let (first, again) = (session(&mut one).await?, session(&mut one).await?);
        lent |= first != again || again == session(&mut other).await?;
    }
    one.close().await?;
    other.close().await?;
    if lent {
        let words = "between ChiliView and PostgreSQL stands a pooler that lends one session to several clients, and would \
                     lend our locks and LISTEN with it; set pool_mode = session, or connect to PostgreSQL directly";
        return Err(Error::Unsafe(words.to_owned()));
    }
    Ok(())
}

/// Asked without a prepared statement, which such a pooler may not know any more.
async fn session(connection: &mut PgConnection) -> Result<i32> {
    Ok(sqlx::raw_sql("SELECT pg_backend_pid()").fetch_one(connection).await?.try_get(0)?)
}
