//! The seam between the two engines: `Database`, `Tx` and `Query`. Everything above writes one SQL text with `$1`
//! placeholders and never learns which engine runs it. Nothing runs a statement outside a closure given to
//! [`Database::write`] or [`Database::read`], so no change can be left uncommitted and none held across a stream.

use sqlx::{
    Encode, FromRow, PgConnection, Postgres, Sqlite, SqliteConnection, Transaction, Type,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{
    error::{Error, Result},
    lent::PostgresTx,
    patience::{STATEMENT, in_time},
    postgres::Schema,
    sqlite::File,
    write_lock::Pass,
};

/// One database, central or a tenant's, on whichever engine. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Database {
    /// A SQLite file.
    Sqlite(File),
    /// A schema in a PostgreSQL database.
    Postgres(Schema),
}

/// Which engine a database runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, inside the process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl Engine {
    /// `sqlite` or `postgres`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Database {
    /// Runs `work` in a transaction and commits it. `Ok` comes back only after the commit is on disk; after an `Err`
    /// or a panic nothing of it is left. Writes to one database run one after the other, on both engines.
    pub async fn write<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        self.write_with(Pass::Anybody, work).await
    }

    /// As [`Self::write`], past the write lock of a tenant's database: for whoever holds it.
    pub async fn write_past_lock<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        self.write_with(Pass::Holder, work).await
    }

    async fn write_with<T, E, W>(&self, pass: Pass, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        match self {
            Self::Sqlite(file) => file.write(pass, work).await,
            Self::Postgres(schema) => schema.write(pass, work).await,
        }
    }

    /// Runs `work` on one consistent view of the database; it cannot change anything.
    pub async fn read<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        match self {
            Self::Sqlite(file) => file.read(work).await,
            Self::Postgres(schema) => schema.read(work).await,
        }
    }

    /// How much room it takes, in bytes.
    pub async fn bytes(&self) -> Result<u64> {
        match self {
            Self::Sqlite(file) => {
                let size = std::fs::metadata(file.path()).map_err(Error::io("look at", file.path()))?.len();
                Ok(size + file.wal_bytes())
            }
            Self::Postgres(schema) => schema.bytes().await,
        }
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }
}

/// A transaction, lent to the closure that works in it.
#[derive(Debug)]
pub enum Tx {
    /// The one writer of a SQLite file, and whether a statement of the batch found the disk full: then SQLite may have rolled
    /// back by itself, and the others of the batch are to hear why (<https://www.sqlite.org/lang_transaction.html>).
    SqliteWriter(SqliteConnection, bool),
    /// A reader of a SQLite file.
    SqliteReader(Transaction<'static, Sqlite>),
    /// Either, on PostgreSQL.
    Postgres(PostgresTx),
}

/// The connection under a transaction, for the few places that speak one engine's dialect.
pub(crate) enum Connection<'t> {
    Sqlite(&'t mut SqliteConnection),
    Postgres(&'t mut PgConnection),
}

impl Tx {
    /// A statement with `$1`, `$2` … for [`Query::bind`].
    pub fn query<'t>(&'t mut self, sql: &'static str) -> Query<'t> {
        match self {
            Self::SqliteWriter(connection, full) => Query::Sqlite(connection, sqlx::query(sql), Some(full)),
            Self::SqliteReader(transaction) => Query::Sqlite(&mut *transaction, sqlx::query(sql), None),
            Self::Postgres(transaction) => Query::Postgres(&mut *transaction, sqlx::query(sql)),
        }
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match self {
            Self::SqliteWriter(..) | Self::SqliteReader(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    pub(crate) fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::SqliteWriter(connection, _) => Connection::Sqlite(connection),
            Self::SqliteReader(transaction) => Connection::Sqlite(&mut *transaction),
            Self::Postgres(transaction) => Connection::Postgres(&mut *transaction),
        }
    }
}

/// A statement with its values.
pub enum Query<'t> {
    /// For SQLite, and where to note that the disk is full.
    Sqlite(&'t mut SqliteConnection, sqlx::query::Query<'t, Sqlite, SqliteArguments>, Option<&'t mut bool>),
    /// For PostgreSQL.
    Postgres(&'t mut PgConnection, sqlx::query::Query<'t, Postgres, PgArguments>),
}

/// What can be bound on both engines.
pub trait Value<'t>: Encode<'t, Sqlite> + Type<Sqlite> + Encode<'t, Postgres> + Type<Postgres> + 't {}
impl<'t, T: Encode<'t, Sqlite> + Type<Sqlite> + Encode<'t, Postgres> + Type<Postgres> + 't> Value<'t> for T {}

/// What can be read from a row of both engines.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for T {}

impl<'t> Query<'t> {
    /// Binds the next value.
    #[must_use]
    pub fn bind(self, value: impl Value<'t>) -> Self {
        match self {
            Self::Sqlite(connection, query, full) => Self::Sqlite(connection, query.bind(value), full),
            Self::Postgres(connection, query) => Self::Postgres(connection, query.bind(value)),
        }
    }

    /// Runs it; the number of rows that it changed.
    pub async fn execute(self) -> Result<u64> {
        Ok(match self {
            Self::Sqlite(connection, query, full) => noted(full, query.execute(connection).await)?.rows_affected(),
            Self::Postgres(connection, query) => in_time(STATEMENT, query.execute(connection)).await?.rows_affected(),
        })
    }

    /// The first row, if there is one.
    pub async fn fetch_optional<T: Row>(self) -> Result<Option<T>> {
        Ok(match self {
            Self::Sqlite(connection, query, full) => {
                noted(full, query.fetch_optional(connection).await)?.map(|row| T::from_row(&row)).transpose()?
            }
            Self::Postgres(connection, query) => {
                in_time(STATEMENT, query.fetch_optional(connection)).await?.map(|row| T::from_row(&row)).transpose()?
            }
        })
    }

    /// The one row that there must be.
    pub async fn fetch_one<T: Row>(self) -> Result<T> {
        self.fetch_optional().await?.ok_or(Error::Database(sqlx::Error::RowNotFound))
    }

    /// All rows: the statement carries its own LIMIT.
    pub async fn fetch_all<T: Row>(self) -> Result<Vec<T>> {
        Ok(match self {
            Self::Sqlite(connection, query, full) => {
                noted(full, query.fetch_all(connection).await)?.iter().map(T::from_row).collect::<Result<_, _>>()?
            }
            Self::Postgres(connection, query) => in_time(STATEMENT, query.fetch_all(connection))
                .await?
                .iter()
                .map(T::from_row)
                .collect::<Result<_, _>>()?,
        })
    }
}

fn noted<T>(full: Option<&mut bool>, done: sqlx::Result<T>) -> Result<T> {
    let done = done.map_err(Error::from);
    if let (Some(full), Err(Error::DiskFull)) = (full, &done) {
        *full = true;
    }
    done
}

/// The wait for the fsync, inside the trace of whoever waits. What belongs to no trace (a heartbeat) begins none.
pub(crate) fn commit_span() -> tracing::Span {
    if tracing::Span::current().is_none() { tracing::Span::none() } else { tracing::info_span!("store.commit") }
}
