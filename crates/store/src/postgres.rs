//! PostgreSQL: one pool for the platform, one schema for the central database and one per tenant.

use std::{fmt, sync::Arc};

use sqlx::{
    AssertSqlSafe, Executor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use tracing::Instrument;

use crate::{
    error::{Error, Result},
    ids::TenantId,
    migrations,
    seam::{Tx, commit_span},
    upgrade,
    write_lock::{self, Pass},
};

/// The central database's schema. A tenant's is [`tenant_schema`].
pub const CENTRAL: &str = "chiliview";

/// Notified by each commit in the central schema: a change is seen at once in every process that listens.
pub(crate) const CHANGED: &str = "chiliview_changed";

/// The name of a tenant's schema.
#[must_use]
pub fn tenant_schema(id: TenantId) -> String {
    format!("tenant_{}", id.uuid().simple())
}

/// A schema of the platform's PostgreSQL database.
#[derive(Clone)]
pub struct Schema {
    pool: PgPool,
    name: Arc<str>,
}

/// Commits. PostgreSQL answers the COMMIT of a transaction in which a statement failed like any other, and rolls back: when
/// the work made nothing of its error, only another statement tells.
pub(crate) async fn commit(tx: Tx) -> Result<()> {
    let Tx::Postgres(mut transaction) = tx else { unreachable!("the transaction stays what it was") };
    transaction.execute("SELECT 1").await?;
    Ok(transaction.commit().instrument(commit_span()).await?)
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.name).finish()
    }
}

/// Opens the pool. A connection that comes back inside a transaction (a cancelled `begin` can leave one so) is rolled back.
pub(crate) async fn connect(options: PgConnectOptions, connections: u32) -> Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        .after_release(|connection, _| {
            Box::pin(async move {
                connection.execute("ROLLBACK").await?;
                Ok(true)
            })
        })
        .connect_with(options)
        .await?)
}

impl Schema {
    /// A handle on the schema `name`, which need not exist yet. The name is ours: letters, digits and `_` only.
    pub(crate) fn new(pool: PgPool, name: &str) -> Self {
        debug_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        Self { pool, name: name.into() }
    }

    /// The schema's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pool that the queue's tables are reached through.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Creates the schema when it is missing and brings it up to the newest migration, in one transaction's lock.
    pub(crate) async fn migrate(&self, kind: migrations::Kind) -> Result<()> {
        let mut connection = self.pool.acquire().await?;
        let lock = format!("SELECT pg_advisory_lock(hashtextextended('{}', 1))", self.name);
        connection.execute(AssertSqlSafe(lock)).await?;
        let outcome = self.migrate_locked(&mut connection, kind).await;
        let unlock = format!("SELECT pg_advisory_unlock(hashtextextended('{}', 1))", self.name);
        let reset = connection.execute(AssertSqlSafe(format!("{unlock}; RESET search_path"))).await;
        if reset.is_err() {
            connection.detach();
        }
        outcome
    }

    async fn migrate_locked(&self, connection: &mut sqlx::PgConnection, kind: migrations::Kind) -> Result<()> {
        let create = format!("CREATE SCHEMA IF NOT EXISTS \"{0}\"; SET search_path TO \"{0}\"", self.name);
        connection.execute(AssertSqlSafe(create)).await?;
        upgrade::postgres(kind, connection).await
    }

    /// Removes the schema and all that is in it.
    pub(crate) async fn drop_schema(&self) -> Result<()> {
        let drop = format!("DROP SCHEMA IF EXISTS \"{}\" CASCADE", self.name);
        self.pool.execute(AssertSqlSafe(drop)).await?;
        Ok(())
    }

    /// Whether the schema exists.
    pub(crate) async fn exists(&self) -> Result<bool> {
        let found: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_namespace WHERE nspname = $1")
            .bind(&*self.name)
            .fetch_optional(&self.pool)
            .await?;
        Ok(found.is_some())
    }

    pub(crate) async fn write<T, E, W>(&self, pass: Pass, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        let mut tx = Tx::Postgres(self.pool.begin().await.map_err(Error::from)?);
        // One writer at a time per database, as on SQLite: the audit chain and the last-owner rule count on it.
        let central = &*self.name == CENTRAL;
        let refuse = if pass == Pass::Anybody && !central { write_lock::REFUSE } else { "" };
        let notify = if central { format!("NOTIFY {CHANGED};") } else { String::new() };
        let lock = format!(
            "SET LOCAL search_path TO \"{0}\"; SELECT pg_advisory_xact_lock(hashtextextended('{0}', 0)); {notify} {refuse}",
            self.name
        );
        self.prepare(&mut tx, lock).await?;
        let value = work(&mut tx).await?;
        commit(tx).await?;
        Ok(value)
    }

    pub(crate) async fn read<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        let mut tx = Tx::Postgres(self.pool.begin().await.map_err(Error::from)?);
        let view = format!(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path TO \"{}\"",
            self.name
        );
        self.prepare(&mut tx, view).await?;
        work(&mut tx).await
    }

    async fn prepare(&self, tx: &mut Tx, sql: String) -> Result<()> {
        let Tx::Postgres(transaction) = tx else { return Ok(()) };
        transaction.execute(AssertSqlSafe(sql)).await?;
        Ok(())
    }
}
