//! Connections lent by the pool, and transactions on them. sqlx asks the server once more when a connection comes back, and
//! waits for as long as it takes: one that fell silent just then would keep its place in the pool for ever.

use std::ops::{Deref, DerefMut};

use sqlx::{PgConnection, PgPool, Postgres, SqlSafeStr as _, pool::PoolConnection, postgres::PgTransactionManager};
use sqlx_core::transaction::TransactionManager as _;
use tokio::{runtime::Handle, time::timeout};

use crate::patience::{ANSWER, RETURN, in_time};

const LENT: &str = "a connection is there until it is given back";

/// A connection of the pool. Dropped, it goes back, or is closed when that takes too long.
#[derive(Debug)]
pub struct Lent(Option<PoolConnection<Postgres>>);

impl Lent {
    /// The pool bounds the wait for it.
    pub(crate) async fn by(pool: &PgPool) -> sqlx::Result<Self> {
        Ok(Self(Some(pool.acquire().await?)))
    }

    /// Its place in the pool is free for another.
    pub(crate) fn detach(mut self) -> PgConnection {
        self.0.take().expect(LENT).detach()
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0.as_ref().expect(LENT)
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect(LENT)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Without a runtime, sqlx says so.
        let (Some(mut connection), Ok(runtime)) = (self.0.take(), Handle::try_current()) else { return };
        runtime.spawn(async move {
            if timeout(RETURN, connection.return_to_pool()).await.is_err() {
                tracing::warn!("postgres.connection_given_up");
            }
        });
    }
}

/// A transaction. Dropped before it is committed, it is rolled back.
#[derive(Debug)]
pub struct PostgresTx {
    connection: Lent,
}

impl PostgresTx {
    /// Begins one. The pool has just heard of the server.
    pub async fn begin(pool: &PgPool, how: &'static str) -> sqlx::Result<Self> {
        let mut connection = Lent::by(pool).await?;
        in_time(ANSWER, PgTransactionManager::begin(&mut connection, Some(how.into_sql_str()))).await?;
        Ok(Self { connection })
    }

    /// Commits. Whoever waits bounds it.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        PgTransactionManager::commit(&mut self.connection).await
    }
}

impl Deref for PostgresTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for PostgresTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for PostgresTx {
    fn drop(&mut self) {
        // After a commit there is nothing to roll back.
        PgTransactionManager::start_rollback(&mut self.connection);
    }
}
