//! The schemas of the two kinds of database, on two engines, compiled in. Files are never edited once released.

use std::{borrow::Cow, path::Path};

use sqlx::{Connection as _, SqliteConnection, migrate::Migrator};

use crate::{error::Result, sqlite as engine};

/// Which schema a database has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Admins, tenants, sessions, backups, the audit of the platform.
    Central,
    /// One tenant's users, settings and audit.
    Tenant,
}

static SQLITE_CENTRAL: Migrator = sqlx::migrate!("../../migrations/sqlite/central");
static SQLITE_TENANT: Migrator = sqlx::migrate!("../../migrations/sqlite/tenant");
static POSTGRES_CENTRAL: Migrator = sqlx::migrate!("../../migrations/postgres/central");
static POSTGRES_TENANT: Migrator = sqlx::migrate!("../../migrations/postgres/tenant");

/// SQLite's.
#[must_use]
pub fn sqlite(kind: Kind) -> &'static Migrator {
    match kind {
        Kind::Central => &SQLITE_CENTRAL,
        Kind::Tenant => &SQLITE_TENANT,
    }
}

/// PostgreSQL's.
#[must_use]
pub fn postgres(kind: Kind) -> &'static Migrator {
    match kind {
        Kind::Central => &POSTGRES_CENTRAL,
        Kind::Tenant => &POSTGRES_TENANT,
    }
}

/// The newest version of a schema: what a database has after [`sqlite`] or [`postgres`] ran.
#[must_use]
pub fn newest(kind: Kind) -> i64 {
    sqlite(kind).iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Makes the file `path` an empty SQLite database with the schema that version `version` had: what an import is compared
/// with. Nothing is promised of its contents surviving a crash.
pub async fn make_empty(path: &Path, kind: Kind, version: i64) -> Result<()> {
    let mut connection = engine::connect(path, engine::Missing::Create).await?;
    up_to(kind, version).run_direct(None, &mut connection, false).await?;
    Ok(connection.close().await?)
}

/// As [`make_empty`], in memory.
pub(crate) async fn empty_in_memory(kind: Kind, version: i64) -> Result<SqliteConnection> {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
    up_to(kind, version).run_direct(None, &mut connection, false).await?;
    Ok(connection)
}

fn up_to(kind: Kind, version: i64) -> Migrator {
    let migrations = sqlite(kind).iter().filter(|migration| migration.version <= version).cloned().collect();
    Migrator { migrations: Cow::Owned(migrations), ..Migrator::DEFAULT }
}

/// The versions of a schema, oldest first.
#[must_use]
pub fn versions(kind: Kind) -> Vec<i64> {
    sqlite(kind).iter().map(|migration| migration.version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_have_the_same_migrations() {
        for kind in [Kind::Central, Kind::Tenant] {
            let names = |migrator: &Migrator| -> Vec<_> {
                migrator.iter().map(|migration| (migration.version, migration.description.clone())).collect()
            };
            assert_eq!(names(sqlite(kind)), names(postgres(kind)), "{kind:?}");
        }
    }
}
