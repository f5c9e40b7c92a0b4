//! A SQLite file: how it is opened, what every connection to it is made to promise, and its readers.

use std::{
    fmt,
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Connection as _, Executor as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    error::{Error, Result},
    group_commit::Writer,
    migrations,
    seam::Tx,
    upgrade,
    write_lock::Pass,
};

/// Below this, two connections that write and checkpoint at once can lose commits (<https://www.sqlite.org/wal.html#walreset>).
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const WAL_LIMIT_BYTES: &str = "67108864";
const STATEMENT_CACHE: usize = 256;
const READER_IDLE: Duration = Duration::from_secs(60);

/// An open database file: one writer, a small pool of readers. Cheap to clone; closed with its last clone.
#[derive(Clone)]
pub struct File {
    path: Arc<Path>,
    writer: Arc<Writer>,
    readers: SqlitePool,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("File").field(&self.path).finish()
    }
}

/// What to do when the file is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Make it.
    Create,
    /// Answer [`Error::DatabaseMissing`].
    Refuse,
}

impl File {
    /// Opens the file and brings its schema up to date. At most `readers` connections read at once.
    pub async fn open(path: &Path, missing: Missing, kind: migrations::Kind, readers: u32) -> Result<Self> {
        if missing == Missing::Refuse && !path.exists() {
            return Err(Error::DatabaseMissing(path.to_owned()));
        }
        let mut connection = connect(path, missing).await?;
        upgrade::sqlite(kind, &mut connection).await?;
        let writer = Arc::new(Writer::new(path, kind, connection));
        Ok(Self { path: path.into(), writer, readers: reader_pool(path, readers) })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether somebody else works with it.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.writer) > 1
    }

    /// Closes every connection, waiting for the ones in use. The WAL is then empty and gone.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Moves what the WAL holds into the file and empties it, unless a reader or writer is at work.
    pub async fn checkpoint(&self) -> Result<()> {
        self.writer.checkpoint().await
    }

    /// The size of the WAL, in bytes.
    #[must_use]
    pub fn wal_bytes(&self) -> u64 {
        wal_bytes(&self.path)
    }

    pub(crate) async fn write<T, E, W>(&self, pass: Pass, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        self.writer.write(pass, work).await
    }

    pub(crate) async fn read<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        let mut tx = Tx::SqliteReader(self.readers.begin().await.map_err(Error::from)?);
        let value = work(&mut tx).await?;
        if let Tx::SqliteReader(transaction) = tx {
            transaction.rollback().await.map_err(Error::from)?;
        }
        Ok(value)
    }
}

/// `path` with `suffix` behind it, as SQLite names its companions: `-wal`, `-shm`, `-journal`.
#[must_use]
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The options that every connection of ours is opened with.
pub fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("journal_size_limit", WAL_LIMIT_BYTES)
        .pragma("trusted_schema", "OFF")
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(STATEMENT_CACHE)
}

pub(crate) async fn connect(path: &Path, missing: Missing) -> Result<SqliteConnection> {
    if missing == Missing::Create {
        create_private(path)?;
    }
    let left = wal_bytes(path) > 0;
    let mut connection = SqliteConnection::connect_with(&options(path)).await?;
    assert_promises(&mut connection).await?;
    if left {
        anchor(&mut connection).await?;
    }
    Ok(connection)
}

/// Moves what a WAL holds that was there before us into the file, and that to the disk. A process that died after a sync had
/// failed leaves commits that can be read and are not on the disk, nor ever will be: Linux tells of a failed write once
/// (<https://wiki.postgresql.org/wiki/Fsync_Errors>), and SQLite takes them for good. What is appended behind them would go
/// with them when the power fails. On a full disk there is nothing to append: reading goes on.
async fn anchor(connection: &mut SqliteConnection) -> Result<()> {
    match connection.execute("PRAGMA wal_checkpoint(PASSIVE)").await.map_err(Error::from) {
        Ok(_) | Err(Error::DiskFull) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The size of a file's WAL, in bytes; 0 when there is none.
fn wal_bytes(path: &Path) -> u64 {
    std::fs::metadata(beside(path, "-wal")).map_or(0, |meta| meta.len())
}

/// An empty file is an empty database. SQLite gives its companions the same mode.
fn create_private(path: &Path) -> Result<()> {
    let mut create = OpenOptions::new();
    create.create(true).truncate(false).write(true).mode(0o600);
    create.open(path).map(drop).map_err(Error::io("create", path))
}

fn reader_pool(path: &Path, connections: u32) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(0)
        .idle_timeout(READER_IDLE)
        .test_before_acquire(false)
        .acquire_timeout(BUSY_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move {
                assert_promises(connection).await.map_err(|error| sqlx::Error::Configuration(error.into()))
            })
        })
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .connect_lazy_with(options(path).pragma("query_only", "ON"))
}

/// A connection on which a commit could be lost, or a row could point nowhere, is not used.
async fn assert_promises(connection: &mut SqliteConnection) -> Result<()> {
    let (journal, synchronous, foreign_keys, version): (String, i64, i64, String) = sqlx::query_as(
        "SELECT (SELECT journal_mode FROM pragma_journal_mode), (SELECT synchronous FROM pragma_synchronous),
                (SELECT foreign_keys FROM pragma_foreign_keys), sqlite_version()",
    )
    .fetch_one(connection)
    .await?;
    if (journal.as_str(), synchronous, foreign_keys) != ("wal", 2, 1) {
        return Err(Error::Unsafe(format!(
            "a connection has journal_mode={journal}, synchronous={synchronous}, foreign_keys={foreign_keys}; \
             wal, 2 and 1 are needed"
        )));
    }
    assert_version(&version)
}

/// Refuses a SQLite that can lose commits.
pub fn assert_version(version: &str) -> Result<()> {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    if (next(), next(), next()) < OLDEST_SQLITE {
        return Err(Error::Unsafe(format!("SQLite {version} can lose commits in WAL mode; 3.51.3 or later is needed")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_could_lose_a_commit_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.db");
        connect(&path, Missing::Create).await.unwrap();
        let weaker = [
            options(&path).synchronous(SqliteSynchronous::Normal),
            options(&path).synchronous(SqliteSynchronous::Off),
            options(&path).foreign_keys(false),
            options(&path).journal_mode(SqliteJournalMode::Delete),
        ];
        for options in weaker {
            let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
            assert!(matches!(assert_promises(&mut connection).await, Err(Error::Unsafe(_))), "{options:?}");
            connection.close().await.unwrap();
        }
        connect(&path, Missing::Refuse).await.unwrap();
    }

    #[test]
    fn an_old_sqlite_is_refused() {
        assert!(assert_version("3.51.2").is_err());
        assert!(assert_version("3.51.3").is_ok());
        assert!(assert_version("3.60.0").is_ok());
    }
}
