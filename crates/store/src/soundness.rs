//! Whether a database file is sound, by SQLite's own checks (<https://www.sqlite.org/pragma.html#pragma_integrity_check>).

use sqlx::{Connection as _, SqliteConnection};

use crate::{
    error::{Error, Result},
    seam::{Connection, Database},
};

/// Looks at the structure of every page.
pub async fn check_quickly(database: &Database) -> Result<()> {
    let Database::Sqlite(file) = database else { return Ok(()) };
    let found = database.read(async |tx| {
        let Connection::Sqlite(connection) = tx.connection() else { return Ok(String::new()) };
        let checked = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await;
        Ok::<_, Error>(checked?)
    });
    sound(file.path(), &found.await?)
}

/// Compares indexes with rows too, and foreign keys with what they point to.
pub async fn check_fully(database: &Database) -> Result<()> {
    let Database::Sqlite(file) = database else { return Ok(()) };
    let (found, stray) = database
        .read(async |tx| {
            let Connection::Sqlite(connection) = tx.connection() else { return Ok((String::new(), None)) };
            let found = sqlx::query_scalar("PRAGMA integrity_check(1)");
            let found: String = found.fetch_one(&mut *connection).await?;
            let stray = sqlx::query_scalar("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1");
            let stray: Option<String> = stray.fetch_optional(connection).await?;
            Ok::<_, Error>((found, stray))
        })
        .await?;
    sound(file.path(), &found)?;
    match stray {
        None => Ok(()),
        Some(table) => sound(file.path(), &format!("a row of {table} points to one that is not there")),
    }
}

/// The version of what answers: SQLite's own, or the PostgreSQL server's.
pub async fn engine_version(database: &Database) -> Result<String> {
    let version = database.read(async |tx| match tx.connection() {
        Connection::Sqlite(connection) => {
            Ok::<String, Error>(sqlx::query_scalar("SELECT sqlite_version()").fetch_one(connection).await?)
        }
        Connection::Postgres(connection) => {
            let version = sqlx::query_scalar("SELECT current_setting('server_version')");
            Ok(version.fetch_one(connection).await?)
        }
    });
    version.await
}

/// The version of the SQLite that is compiled in, whatever the engine.
pub async fn sqlite_version() -> Result<String> {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
    Ok(sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await?)
}

fn sound(path: &std::path::Path, found: &str) -> Result<()> {
    if found == "ok" {
        return Ok(());
    }
    Err(Error::DatabaseUnusable { path: path.to_owned(), reason: found.to_owned() })
}
