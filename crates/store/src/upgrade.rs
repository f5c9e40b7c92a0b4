//! Brings a schema up to date while processes of another version work with it: during a rolling upgrade the older ones go on,
//! and may be started again, after the newer one has migrated.
//!
//! Migrations only add (*expand*); what nobody needs any more is taken away in a later version, by a migration whose name
//! begins with `contract_` and that runs when no process of the version before is left (docs/OPERATIONS.md). So whoever meets
//! migrations that he does not know goes on, unless one of them contracts.

mod one_by_one;

use std::borrow::Cow;

use sqlx::{
    PgConnection, SqliteConnection,
    migrate::{MigrateError, Migrator},
};

use self::one_by_one::OneByOne;
use crate::{
    error::{Error, Result},
    migrations::{self, Kind},
};

/// What the description of a migration that takes away begins with: sqlx makes it of the file's name.
const CONTRACT: &str = "contract";

/// For a SQLite file.
pub(crate) async fn sqlite(kind: Kind, connection: &mut SqliteConnection) -> Result<()> {
    let migrator = tolerant(migrations::sqlite(kind));
    // Not `run`: its future cannot be sent to another thread.
    migrator.run_direct(None, connection, false).await?;
    let newer = sqlx::query_as(NEWER).bind(migrations::newest(kind)).fetch_all(connection).await?;
    judge(kind, newer)
}

/// For the schema that is the connection's.
pub(crate) async fn postgres(kind: Kind, connection: &mut PgConnection) -> Result<()> {
    let migrator = tolerant(migrations::postgres(kind));
    let migrated = match kind {
        Kind::Central => migrator.run_direct(None, connection, false).await,
        Kind::Tenant => migrator.run_direct(None, &mut OneByOne(connection), false).await,
    };
    migrated.map_err(told)?;
    let newer = sqlx::query_as(NEWER).bind(migrations::newest(kind)).fetch_all(connection).await?;
    judge(kind, newer)
}

/// A table that somebody reads is no fault of the migration.
fn told(error: MigrateError) -> Error {
    match error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => match Error::from(cause) {
            busy @ Error::Busy(_) => busy,
            Error::Database(cause) => Error::Migrate(MigrateError::Execute(cause)),
            other => other,
        },
        other => Error::Migrate(other),
    }
}

const NEWER: &str = "SELECT version, description FROM _sqlx_migrations WHERE version > $1 ORDER BY version";

/// The same migrations, beside which there may be others. Whoever asks for them holds a lock on the schema or file; sqlx's own
/// would be one for all schemas of a database, and stays with the connection when a migration fails.
fn tolerant(migrator: &'static Migrator) -> Migrator {
    let migrations = Cow::Borrowed(&*migrator.migrations);
    Migrator { migrations, ignore_missing: true, locking: false, ..Migrator::DEFAULT }
}

fn judge(kind: Kind, newer: Vec<(i64, String)>) -> Result<()> {
    match newer.iter().find(|(_, description)| description.starts_with(CONTRACT)) {
        Some((version, description)) => Err(Error::TooOld(format!("{version:04} ({description})"))),
        None => {
            if let Some((version, _)) = newer.last() {
                tracing::debug!(?kind, version, "schema.newer");
            }
            Ok(())
        }
    }
}
