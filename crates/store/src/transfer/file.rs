//! The SQLite side: rows out of a file, and rows into a new one.

use std::path::Path;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};

use super::table::{ColumnKind, Table, Value};
use crate::error::Result;

/// sqlx hops to the connection's thread for each statement: many rows in one are many times faster.
const ROWS: usize = 200;
const BYTES: usize = 1 << 20;
/// <https://www.sqlite.org/limits.html#max_variable_number>
const VARIABLES: usize = 32_000;

/// Opens a file that is thrown away when anything goes wrong, hence without a journal or fsync.
pub(super) async fn open_to_fill(path: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .foreign_keys(false)
        .pragma("cache_size", "-16000")
        .disable_statement_logging();
    Ok(options.connect().await?)
}

/// Opens a file of our own.
pub(super) async fn open_to_read(path: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
    Ok(options.connect().await?)
}

pub(super) async fn version(connection: &mut SqliteConnection) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM main._sqlx_migrations").fetch_one(connection).await?)
}

pub(super) fn row(row: &SqliteRow, table: &Table) -> Result<Vec<Value>> {
    let value = |(place, kind): (usize, ColumnKind)| -> sqlx::Result<Value> {
        Ok(match kind {
            ColumnKind::Integer => row.try_get::<Option<i64>, _>(place)?.map_or(Value::Null, Value::Integer),
            ColumnKind::Text => row.try_get::<Option<String>, _>(place)?.map_or(Value::Null, Value::Text),
            ColumnKind::Blob => row.try_get::<Option<Vec<u8>>, _>(place)?.map_or(Value::Null, Value::Blob),
        })
    };
    let kinds = table.columns.iter().map(|column| column.kind).enumerate();
    Ok(kinds.map(value).collect::<sqlx::Result<_>>()?)
}

/// Collects rows until enough are there.
pub(super) struct Filler<'t> {
    table: &'t Table,
    rows: Vec<Vec<Value>>,
    most: usize,
    bytes: usize,
}

impl<'t> Filler<'t> {
    pub(super) fn new(table: &'t Table) -> Self {
        Self { table, rows: Vec::new(), most: ROWS.min(VARIABLES / table.columns.len().max(1)), bytes: 0 }
    }

    /// Whether it is time to [`pour`](Self::pour).
    pub(super) fn push(&mut self, row: Vec<Value>) -> bool {
        self.bytes += row.iter().map(Value::len).sum::<usize>();
        self.rows.push(row);
        self.rows.len() >= self.most || self.bytes >= BYTES
    }

    pub(super) async fn pour(&mut self, to: &mut SqliteConnection) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let one = format!("({})", vec!["?"; self.table.columns.len()].join(", "));
        let all = vec![one.as_str(); self.rows.len()].join(", ");
        let sql = format!("INSERT INTO main.{} ({}) VALUES {all}", self.table.quoted(), self.table.columns());
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for value in self.rows.drain(..).flatten() {
            query = match value {
                Value::Null => query.bind(None::<i64>),
                Value::Integer(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
                Value::Blob(blob) => query.bind(blob),
            };
        }
        self.bytes = 0;
        query.execute(to).await?;
        Ok(())
    }
}
