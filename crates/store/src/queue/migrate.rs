//! Makes and migrates apalis' tables. On SQLite never through apalis' own `setup`: it turns `synchronous` off. What a newer
//! version of ours did to them beyond that is left as it is ([`crate::upgrade`]).

use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use sqlx::{Connection as _, Executor as _, PgPool, migrate::MigrateError};

use crate::{
    error::{Error, Result},
    postgres::{MAY_MOVE, STAYS_HERE},
    seam::Database,
    sqlite::{self, Missing},
};

/// Beside our own `_sqlx_migrations`, in the same file.
const SQLITE_TABLE: &str = "_apalis_migrations";
/// <https://www.postgresql.org/docs/15/errcodes-appendix.html>: `insufficient_privilege`, and `feature_not_supported` for an
/// extension that is not installed on the server.
const MISSING_RIGHT: &str = "42501";
const MISSING_EXTENSION: &str = "0A000";

pub(crate) async fn migrate(central: &Database) -> Result<()> {
    match central {
        Database::Sqlite(file) => {
            let mut connection = sqlite::connect(file.path(), Missing::Refuse).await?;
            let mut migrations = SqliteStorage::<()>::migrations();
            migrations.dangerous_set_table_name(SQLITE_TABLE);
            migrations.set_ignore_missing(true);
            migrations.run(&mut connection).await?;
            connection.close().await?;
            Ok(())
        }
        Database::Postgres(schema) => migrate_postgres(schema.pool()).await,
    }
}

async fn migrate_postgres(pool: &PgPool) -> Result<()> {
    let mut migrations = PostgresStorage::<()>::migrations();
    migrations.set_ignore_missing(true);
    let mut connection = pool.acquire().await?;
    connection.execute(STAYS_HERE).await?;
    let migrated = migrations.run_direct(None, &mut *connection, false).await;
    connection.execute(MAY_MOVE).await?;
    match migrated {
        Ok(()) => Ok(()),
        Err(error) if lacks(&error, MISSING_RIGHT) || lacks(&error, MISSING_EXTENSION) => Err(Error::Unsafe(format!(
            "the queue needs a schema \"apalis\", the extensions hstore and pgcrypto, and to create in \"public\" while it \
             sets itself up; let the role own its database, on a server with PostgreSQL's contrib modules: {error}"
        ))),
        Err(error) => Err(error.into()),
    }
}

fn lacks(error: &MigrateError, code: &str) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else { return false };
    error.as_database_error().and_then(|error| error.code()).as_deref() == Some(code)
}
