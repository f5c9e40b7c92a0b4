//! What a database contains, counted the same way when it is read and when it is proven.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

/// The newest migration and the rows of each table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) schema_version: i64,
    pub(crate) rows: BTreeMap<String, u64>,
}

impl Contents {
    /// Counts inside the transaction that `connection` is in.
    pub(crate) async fn of(connection: &mut SqliteConnection) -> sqlx::Result<Self> {
        let mut rows = BTreeMap::new();
        for table in tables(connection).await? {
            let count = count(connection, &table).await?;
            rows.insert(table, count);
        }
        let schema_version = if rows.contains_key("_sqlx_migrations") { version(connection).await? } else { 0 };
        Ok(Self { schema_version, rows })
    }
}

/// Tables that hold rows of their own; a virtual table runs code, and what it keeps is in its shadow tables. Asked by
/// pragma: a hostile database may have a table of its own that is called `pragma_table_list`.
async fn tables(connection: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
    let mut tables = Vec::new();
    for row in sqlx::query("PRAGMA main.table_list").fetch_all(connection).await? {
        let (name, kind): (String, String) = (row.try_get("name")?, row.try_get("type")?);
        if matches!(kind.as_str(), "table" | "shadow") && !name.starts_with("sqlite_") {
            tables.push(name);
        }
    }
    Ok(tables)
}

async fn count(connection: &mut SqliteConnection, table: &str) -> sqlx::Result<u64> {
    let name = table.replace('"', "\"\"");
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!(r#"SELECT count(*) FROM main."{name}""#)))
        .fetch_one(connection)
        .await?;
    rows.try_into().map_err(|error: std::num::TryFromIntError| sqlx::Error::Decode(error.into()))
}

async fn version(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM main._sqlx_migrations").fetch_one(connection).await
}
