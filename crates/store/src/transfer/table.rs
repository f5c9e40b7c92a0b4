//! The tables of our own schema, as a SQLite database of that version has them.

use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::corrupt;
use crate::{
    error::{Error, Result},
    migrations::{self, Kind},
};

/// What an engine keeps for itself: which migrations ran, and the queue.
const OWN: [&str; 4] = ["_sqlx_migrations", "_apalis_migrations", "Jobs", "Workers"];

/// A table whose rows are carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The places of the primary key's columns.
    pub(super) key: Vec<usize>,
}

/// A column of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
}

/// The types that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Integer,
    Text,
    Blob,
}

impl ColumnKind {
    /// What PostgreSQL calls it.
    pub(super) const fn on_postgres(self) -> &'static str {
        match self {
            Self::Integer => "bigint",
            Self::Text => "text",
            Self::Blob => "bytea",
        }
    }
}

/// What a column can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Value {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Null => 1,
            Self::Integer(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(blob) => blob.len(),
        }
    }
}

impl Table {
    pub(super) fn quoted(&self) -> String {
        quoted(&self.name)
    }

    pub(super) fn columns(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|column| quoted(&column.name)).collect();
        names.join(", ")
    }

    /// Every row, in the order of the key, on SQLite.
    pub(super) fn select(&self) -> String {
        let key: Vec<_> = self.key.iter().map(|place| quoted(&self.columns[*place].name)).collect();
        format!("SELECT {} FROM main.{} ORDER BY {}", self.columns(), self.quoted(), key.join(", "))
    }

    /// The same on PostgreSQL, whose texts must be told to sort as bytes.
    pub(super) fn copy_out(&self, schema: &str) -> String {
        let by_bytes = |kind| if kind == ColumnKind::Text { " COLLATE \"C\"" } else { "" };
        let key = self.key.iter().map(|place| &self.columns[*place]);
        let key: Vec<_> = key.map(|column| format!("{}{}", quoted(&column.name), by_bytes(column.kind))).collect();
        let (columns, name, key) = (self.columns(), self.quoted(), key.join(", "));
        format!("COPY (SELECT {columns} FROM \"{schema}\".{name} ORDER BY {key}) TO STDOUT (FORMAT binary)")
    }

    pub(super) fn copy_in(&self, schema: &str) -> String {
        format!("COPY \"{schema}\".{} ({}) FROM STDIN (FORMAT binary)", self.quoted(), self.columns())
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The tables of a version, asked of an empty database.
pub(super) async fn of_version(kind: Kind, version: i64) -> Result<Vec<Table>> {
    let mut connection = migrations::empty_in_memory(kind, version).await?;
    of_file(&mut connection).await
}

/// The tables of a SQLite database, those first to which others point.
pub(super) async fn of_file(connection: &mut SqliteConnection) -> Result<Vec<Table>> {
    let mut found = Vec::new();
    for row in sqlx::query("PRAGMA main.table_list").fetch_all(&mut *connection).await? {
        let (name, kind): (String, String) = (row.try_get("name")?, row.try_get("type")?);
        if kind == "table" && !name.starts_with("sqlite_") && !OWN.contains(&name.as_str()) {
            found.push(name);
        }
    }
    found.sort();
    let mut tables = Vec::new();
    for name in found {
        let parents = parents(connection, &name).await?;
        tables.push((table(connection, name).await?, parents));
    }
    parents_first(tables)
}

async fn table(connection: &mut SqliteConnection, name: String) -> Result<Table> {
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    let sql = format!("PRAGMA main.table_info({})", quoted(&name));
    for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await? {
        let (column, declared, pk): (String, String, i64) =
            (row.try_get("name")?, row.try_get("type")?, row.try_get("pk")?);
        let kind = match declared.as_str() {
            "INTEGER" => ColumnKind::Integer,
            "TEXT" => ColumnKind::Text,
            "BLOB" => ColumnKind::Blob,
            other => return Err(corrupt(format!("column {column} of {name} has the type {other}"))),
        };
        if pk > 0 {
            key.push((pk, columns.len()));
        }
        columns.push(Column { name: column, kind });
    }
    if key.is_empty() {
        return Err(corrupt(format!("the table {name} has no primary key")));
    }
    key.sort_unstable();
    Ok(Table { name, columns, key: key.into_iter().map(|(_, place)| place).collect() })
}

async fn parents(connection: &mut SqliteConnection, name: &str) -> Result<Vec<String>> {
    let sql = format!("PRAGMA main.foreign_key_list({})", quoted(name));
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
    let parents = rows.iter().map(|row| row.try_get::<String, _>("table"));
    parents.collect::<sqlx::Result<_>>().map_err(Error::from)
}

fn parents_first(mut left: Vec<(Table, Vec<String>)>) -> Result<Vec<Table>> {
    let mut ordered: Vec<Table> = Vec::new();
    while !left.is_empty() {
        let there = |parent: &String| ordered.iter().any(|table| table.name == *parent);
        let next = left.iter().position(|(_, parents)| parents.iter().all(there));
        let Some(next) = next else {
            return Err(corrupt("tables that point to each other in a circle"));
        };
        ordered.push(left.remove(next).0);
    }
    Ok(ordered)
}
