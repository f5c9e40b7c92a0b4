//! A database that is only read, however damaged it may be, and left as it was.

use std::{fs, path::Path, time::Duration};

use chiliview_store::{
    Error, Result, Tx,
    data_dir::{Company, DataDir},
    lent::PostgresTx,
    sqlite::beside,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Executor as _, PgPool, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

/// Where a database is.
#[derive(Clone, Debug)]
pub enum Place<'p> {
    /// A file in the data directory.
    File(&'p DataDir, &'p Path),
    /// A file that nobody else works with, as the caller has seen to.
    Alone(&'p Path),
    /// A schema.
    Schema(&'p PgPool, &'p str),
}

/// Reads in one consistent view, and closes the database again.
pub async fn read<T, W>(place: Place<'_>, work: W) -> Result<T>
where
    W: AsyncFnOnce(&mut Tx) -> Result<T>,
{
    match place {
        Place::File(directory, path) => read_file(directory, path, work).await,
        Place::Alone(path) => read_view(path, wal_bytes(path) == 0, work).await,
        Place::Schema(pool, schema) => {
            let mut transaction = PostgresTx::begin(pool, "BEGIN").await?;
            let view = format!("SET TRANSACTION READ ONLY; SET LOCAL search_path TO \"{schema}\"");
            transaction.execute(AssertSqlSafe(view)).await.map_err(Error::from)?;
            work(&mut Tx::Postgres(transaction)).await
        }
    }
}

/// A WAL is read when there is one, or when somebody may write one. Else the file is read as it lies there, because
/// SQLite would put a `-wal` and a `-shm` beside it; whoever wants to write waits meanwhile.
async fn read_file<T, W>(directory: &DataDir, path: &Path, work: W) -> Result<T>
where
    W: AsyncFnOnce(&mut Tx) -> Result<T>,
{
    let company = directory.company()?;
    let immutable = wal_bytes(path) == 0 && matches!(company, Company::Nobody(_));
    let outcome = read_view(path, immutable, work).await;
    drop(company);
    outcome
}

fn wal_bytes(path: &Path) -> u64 {
    fs::metadata(beside(path, "-wal")).map_or(0, |meta| meta.len())
}

async fn read_view<T, W>(path: &Path, immutable: bool, work: W) -> Result<T>
where
    W: AsyncFnOnce(&mut Tx) -> Result<T>,
{
    let pool = open(path, immutable).await?;
    let outcome = match pool.begin().await {
        Ok(transaction) => work(&mut Tx::SqliteReader(transaction)).await,
        Err(error) => Err(error.into()),
    };
    pool.close().await;
    outcome
}

async fn open(path: &Path, immutable: bool) -> Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(immutable)
        .busy_timeout(Duration::from_secs(5))
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .disable_statement_logging();
    Ok(SqlitePoolOptions::new().max_connections(1).connect_with(options).await?)
}
