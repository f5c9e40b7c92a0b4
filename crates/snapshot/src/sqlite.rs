//! Connections that only read, each its own, and the pages of a database as rows.

use std::path::Path;
use std::time::Duration;

use futures::TryStreamExt as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection};

use crate::error::Error;
use crate::watch::Watch;

/// <https://www.sqlite.org/fileformat.html#magic_header_string>
pub(crate) const MAGIC: &[u8] = b"SQLite format 3\0";

/// Rows that wait between SQLite's thread and ours: 1 MiB of the usual pages, 16 MiB of the largest.
const ROWS_AHEAD: usize = 256;

/// Instructions of SQLite's machine between two looks at the cancellation.
const INSTRUCTIONS: i32 = 20_000;

/// Page size and number of a database, as one transaction sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) page_size: u32,
    pub(crate) pages: u64,
}

impl Layout {
    /// `page_count` comes first: it is what begins to read in a transaction that has not begun to.
    pub(crate) async fn of(connection: &mut SqliteConnection) -> sqlx::Result<Self> {
        let pages: i64 = sqlx::query_scalar("PRAGMA main.page_count").fetch_one(&mut *connection).await?;
        let page_size: i64 = sqlx::query_scalar("PRAGMA main.page_size").fetch_one(connection).await?;
        let decoded = |error: std::num::TryFromIntError| sqlx::Error::Decode(error.into());
        Ok(Self { page_size: page_size.try_into().map_err(decoded)?, pages: pages.try_into().map_err(decoded)? })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.pages * u64::from(self.page_size)
    }
}

/// Opens a database that others write to.
pub(crate) async fn open_live(path: &Path, watch: &Watch) -> Result<SqliteConnection, Error> {
    let options = options(path).busy_timeout(Duration::from_secs(30)).row_buffer_size(ROWS_AHEAD);
    connect(options, watch).await.map_err(Error::database("open the database"))
}

/// Opens a database that nobody else touches and whose content nobody vouches for: no code out of its schema runs
/// (`trusted_schema`), cells are measured before they are read, and it needs no WAL though its header speaks of one.
pub(crate) async fn open_suspect(path: &Path, watch: &Watch) -> sqlx::Result<SqliteConnection> {
    connect(options(path).immutable(true).pragma("cell_size_check", "ON"), watch).await
}

/// As [`open_suspect`], but not read-only, since SQLite verifies no CHECK constraint of a database that it cannot write;
/// `query_only` keeps it from writing. The file must not be in WAL mode.
pub(crate) async fn open_foreign(path: &Path, watch: &Watch) -> sqlx::Result<SqliteConnection> {
    let options = options(path).read_only(false).pragma("cell_size_check", "ON").pragma("query_only", "ON");
    connect(options, watch).await
}

fn options(path: &Path) -> SqliteConnectOptions {
    // A page stream of seconds is no slow query.
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

async fn connect(options: SqliteConnectOptions, watch: &Watch) -> sqlx::Result<SqliteConnection> {
    let mut connection = options.connect().await?;
    bound(&mut connection, watch, u64::MAX).await?;
    Ok(connection)
}

/// Interrupts `connection` once it is cancelled, or has run so many more `instructions` of SQLite's machine.
pub(crate) async fn bound(connection: &mut SqliteConnection, watch: &Watch, instructions: u64) -> sqlx::Result<()> {
    let (cancel, mut rounds) = (watch.cancel.clone(), instructions / INSTRUCTIONS.unsigned_abs() as u64);
    connection.lock_handle().await?.set_progress_handler(INSTRUCTIONS, move || {
        rounds = rounds.saturating_sub(1);
        rounds > 0 && !cancel.is_cancelled()
    });
    Ok(())
}

/// Gives each page of the database to `take`, in order. `sqlite_dbpage` reads through the WAL, so that the pages of one
/// transaction are a consistent file; see <https://www.sqlite.org/dbpage.html>.
pub(crate) async fn pages(
    connection: &mut SqliteConnection,
    layout: Layout,
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = || Error::database("read the pages");
    let mut rows = sqlx::query("SELECT data FROM sqlite_dbpage ORDER BY pgno").fetch(connection);
    let mut found = 0;
    while let Some(row) = rows.try_next().await.map_err(failed())? {
        let page: &[u8] = row.try_get_unchecked(0).map_err(failed())?;
        found += page.len() as u64;
        if page.len() as u64 != u64::from(layout.page_size) || found > layout.bytes() {
            return Err(Error::Torn { expected: layout.bytes(), found });
        }
        take(page)?;
    }
    if found == layout.bytes() { Ok(()) } else { Err(Error::Torn { expected: layout.bytes(), found }) }
}
