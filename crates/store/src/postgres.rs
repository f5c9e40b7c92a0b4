//! PostgreSQL: one pool for the platform, one schema for the central database and one per tenant.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    AssertSqlSafe, Executor, PgExecutor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};

use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    error::{Error, Result},
    ids::TenantId,
    lent::{Lent, PostgresTx},
    migrations,
    patience::{ANSWER, STATEMENT, in_time},
    seam::{Tx, commit_span},
    turns::Turns,
    upgrade,
    write_lock::{self, Pass},
};

/// The central database's schema. A tenant's is [`tenant_schema`].
pub const CENTRAL: &str = "chiliview";

/// Notified by each commit in the central schema: a change is seen at once in every process that listens.
pub(crate) const CHANGED: &str = "chiliview_changed";

/// The advisory lock of a schema's one writer, and of those who count on its keeping its name. Both end with a transaction, so
/// that a pooler between us and the server does no harm.
pub(crate) const WRITER: i64 = 0;
pub(crate) const STAYS: i64 = 2;

/// What each session begins with. Whoever waits for a lock for so long is told, and whoever holds one and was frozen, or cut off
/// from the server, loses it. What was acknowledged is on the disk, also where the server was told otherwise.
const SESSION: &str = "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '20s';
    SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; SET tcp_user_timeout = '60s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
/// The snapshot of a writer is to be taken when it has the lock, and what is set for all is not ours.
const WRITING: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
const READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// What a standby answers to [`WRITING`].
const NOT_SUPPORTED: &str = "0A000";

/// As PostgreSQL counts its versions.
const OLDEST: i32 = 150_000;

/// On a Citus cluster that distributes schemas as they are made, the central ones stay where they are. Elsewhere it is a setting
/// that nobody reads.
pub(crate) const STAYS_HERE: &str = "SET citus.enable_schema_based_sharding = off";
pub(crate) const MAY_MOVE: &str = "RESET citus.enable_schema_based_sharding";

/// A migration waits so long at most for those who read, then lets those behind it go first…
const STEP: &str = "SET lock_timeout = '1s'";
/// …and tries again, for so long.
const PATIENCE: Duration = Duration::from_mins(10);
const BETWEEN: Duration = Duration::from_millis(500);

/// The relations `c` in the schema that a parameter names, found by what depends on a schema, of which there is an index. By
/// the schema that they name themselves they are looked for among those of all tenants: a tenth of a second, of ten thousand.
macro_rules! relations_of {
    ($schema:literal) => {
        concat!(
            "pg_namespace n
             JOIN pg_depend d ON d.refclassid = CAST('pg_namespace' AS regclass) AND d.refobjid = n.oid
                 AND d.classid = CAST('pg_class' AS regclass)
             JOIN pg_class c ON c.oid = d.objid AND n.nspname = ",
            $schema
        )
    };
}
pub(crate) use relations_of;

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
    turns: Turns,
}

/// Commits. PostgreSQL answers the COMMIT of a transaction in which a statement failed like any other, and rolls back: when
/// the work made nothing of its error, only another statement tells.
pub(crate) async fn commit(tx: Tx) -> Result<()> {
    let Tx::Postgres(mut transaction) = tx else { unreachable!("the transaction stays what it was") };
    in_time(STATEMENT, transaction.execute("SELECT 1")).await?;
    Ok(in_time(STATEMENT, transaction.commit().instrument(commit_span())).await?)
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.name).finish()
    }
}

/// Who connects, and where to.
pub fn options(url: &SecretString) -> Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url.expose_secret());
    // What is wrong with it could quote a password.
    let options = options.map_err(|_| Error::Unsafe("CHILIVIEW_DATABASE_URL is no PostgreSQL URL".into()))?;
    // PostgreSQL's own default since version 12; a pooler refuses to be told.
    Ok(options.application_name("chiliview").extra_float_digits(None::<i8>))
}

/// Whether somebody in between could read or change what is sent: to another machine, without insisting on TLS.
#[must_use]
pub fn is_exposed(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let insists = matches!(options.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    options.get_socket().is_none() && !host.starts_with('/') && !local && !insists
}

/// Opens the pool.
///
/// A connection that comes back inside a transaction (a cancelled `begin` can leave one so) is rolled back, and
/// what its session still locks (a cancelled migration) is unlocked. The BEGIN is for all others, where a ROLLBACK alone would
/// leave a warning in the server's log each time. One that does not answer, or leads to a server that became a standby, is
/// closed.
pub async fn connect(options: PgConnectOptions, connections: u32) -> Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(SESSION).await?;
                Ok(())
            })
        })
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            Box::pin(async move {
                let standby = sqlx::query_scalar::<_, bool>("SELECT pg_is_in_recovery()").fetch_one(&mut *connection);
                Ok(!in_time(ANSWER, standby).await?)
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                let clear = connection.execute("BEGIN; ROLLBACK; SELECT pg_advisory_unlock_all()");
                in_time(ANSWER, clear).await?;
                Ok(true)
            })
        })
        .connect_with(options)
        .await?)
}

/// A standby begins no transaction that may write: the server that takes its place is waited for.
fn not_written(error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|error| error.code());
    if code.as_deref() == Some(NOT_SUPPORTED) { Error::Unreachable(error) } else { error.into() }
}

/// Refuses a server that is too old, and warns of one that may lose what it has acknowledged.
pub(crate) async fn look_at_server(pool: &PgPool) -> Result<()> {
    let ask = "SELECT CAST(current_setting('server_version_num') AS INT), current_setting('server_version'),
                      current_setting('fsync'), current_setting('full_page_writes')";
    let (number, version, fsync, whole): (i32, String, String, String) = sqlx::query_as(ask).fetch_one(pool).await?;
    if number < OLDEST {
        return Err(Error::Unsafe(format!("the server is PostgreSQL {version}; ChiliView works with 15 and later")));
    }
    if fsync == "off" || whole == "off" {
        tracing::warn!(fsync, full_page_writes = whole, "postgres.may_lose_what_it_acknowledged");
    }
    Ok(())
}

impl Schema {
    /// A handle on the schema `name`, which need not exist yet. The name is ours: letters, digits and `_` only.
    pub fn new(pool: PgPool, name: &str) -> Self {
        debug_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        let turns = Turns::of(&pool, name);
        Self { pool, name: name.into(), turns }
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
        let mut connection = Lent::by(&self.pool).await?;
        let lock = format!("SET lock_timeout = 0; SELECT pg_advisory_lock(hashtextextended('{}', 1))", self.name);
        connection.execute(AssertSqlSafe(lock)).await?;
        let outcome = self.migrate_locked(&mut connection, kind).await;
        let unlock = format!("SELECT pg_advisory_unlock(hashtextextended('{}', 1))", self.name);
        let reset = connection
            .execute(AssertSqlSafe(format!(
                "{unlock}; RESET search_path; RESET statement_timeout; {MAY_MOVE}; {SESSION}"
            )))
            .await;
        if reset.is_err() {
            drop(connection.detach());
        }
        outcome
    }

    async fn migrate_locked(&self, connection: &mut sqlx::PgConnection, kind: migrations::Kind) -> Result<()> {
        connection.execute(STEP).await?;
        if kind == migrations::Kind::Central {
            connection.execute(STAYS_HERE).await?;
        }
        // Not by IF NOT EXISTS alone: Citus would distribute the one that is there.
        if !self.exists_for(&mut *connection).await? {
            let create = format!("CREATE SCHEMA IF NOT EXISTS \"{}\"", self.name);
            connection.execute(AssertSqlSafe(create)).await?;
        }
        let enter = format!("SET search_path TO \"{}\"; SET statement_timeout = 0", self.name);
        connection.execute(AssertSqlSafe(enter)).await?;
        let begun = Instant::now();
        loop {
            match upgrade::postgres(kind, connection).await {
                Err(Error::Busy(_)) if begun.elapsed() < PATIENCE => tokio::time::sleep(BETWEEN).await,
                done => return done,
            }
        }
    }

    /// For whoever looks more than once inside a transaction: until it ends, no other schema takes this one's name.
    pub(crate) fn stays(&self) -> String {
        format!(
            "SET LOCAL search_path TO \"{0}\"; SELECT pg_advisory_xact_lock_shared(hashtextextended('{0}', {STAYS}))",
            self.name
        )
    }

    /// The newest migration that ran in it; `None`: there is no such schema, or it is none of ours.
    pub(crate) async fn version(&self) -> Result<Option<i64>> {
        let table = format!("\"{}\"._sqlx_migrations", self.name);
        let there = sqlx::query_scalar::<_, bool>("SELECT to_regclass($1) IS NOT NULL").bind(&table);
        if !in_time(STATEMENT, there.fetch_one(&mut *Lent::by(&self.pool).await?)).await? {
            return Ok(None);
        }
        let query = format!("SELECT coalesce(max(version), 0) FROM {table}");
        let version = sqlx::query_scalar(AssertSqlSafe(query));
        Ok(Some(in_time(STATEMENT, version.fetch_one(&mut *Lent::by(&self.pool).await?)).await?))
    }

    /// What the schema was marked with; outer `None`: there is no such schema.
    pub async fn mark(&self) -> Result<Option<Option<String>>> {
        self.mark_for(&mut *Lent::by(&self.pool).await?).await
    }

    /// As a transaction sees it.
    pub(crate) async fn mark_for(&self, executor: impl PgExecutor<'_>) -> Result<Option<Option<String>>> {
        let query = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = $1";
        Ok(in_time(STATEMENT, sqlx::query_scalar(query).bind(&*self.name).fetch_optional(executor)).await?)
    }

    /// How much room its tables and indexes take, in bytes.
    pub async fn bytes(&self) -> Result<u64> {
        let query = concat!(
            "SELECT CAST(coalesce(sum(pg_total_relation_size(c.oid)), 0) AS BIGINT) FROM ",
            relations_of!("$1"),
            " WHERE c.relkind = 'r'"
        );
        let bytes = sqlx::query_scalar(query).bind(&*self.name);
        let bytes: i64 = in_time(STATEMENT, bytes.fetch_one(&mut *Lent::by(&self.pool).await?)).await?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    /// Removes the schema and all that is in it.
    pub async fn drop_schema(&self) -> Result<()> {
        let drop = format!("DROP SCHEMA IF EXISTS \"{}\" CASCADE", self.name);
        in_time(STATEMENT, Lent::by(&self.pool).await?.execute(AssertSqlSafe(drop))).await?;
        Ok(())
    }

    /// Whether the schema exists.
    pub async fn exists(&self) -> Result<bool> {
        self.exists_for(&mut *Lent::by(&self.pool).await?).await
    }

    /// As a transaction sees it.
    pub(crate) async fn exists_for(&self, executor: impl PgExecutor<'_>) -> Result<bool> {
        let found = sqlx::query_scalar::<_, i32>("SELECT 1 FROM pg_namespace WHERE nspname = $1").bind(&*self.name);
        Ok(in_time(STATEMENT, found.fetch_optional(executor)).await?.is_some())
    }

    pub(crate) async fn write<T, E, W>(&self, pass: Pass, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        let _turn = self.turns.next().await?;
        let mut tx = Tx::Postgres(PostgresTx::begin(&self.pool, WRITING).await.map_err(not_written)?);
        // One writer at a time per database, as on SQLite: the audit chain and the last-owner rule count on it.
        let central = &*self.name == CENTRAL;
        let refuse = if pass == Pass::Anybody && !central { write_lock::REFUSE } else { "" };
        let notify = if central { format!("NOTIFY {CHANGED};") } else { String::new() };
        let lock = format!(
            "SET LOCAL search_path TO \"{0}\"; SELECT pg_advisory_xact_lock(hashtextextended('{0}', {WRITER})); {notify} {refuse}",
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
        let mut tx = Tx::Postgres(PostgresTx::begin(&self.pool, READING).await.map_err(Error::from)?);
        // Compiling a statement (`jit`) takes longer than any of ours runs.
        let view = format!("SET LOCAL jit TO off; {}", self.stays());
        self.prepare(&mut tx, view).await?;
        work(&mut tx).await
    }

    async fn prepare(&self, tx: &mut Tx, sql: String) -> Result<()> {
        let Tx::Postgres(transaction) = tx else { return Ok(()) };
        in_time(STATEMENT, transaction.execute(AssertSqlSafe(sql))).await?;
        Ok(())
    }
}
