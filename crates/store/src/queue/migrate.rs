//! Makes and migrates apalis' tables. On SQLite never through apalis' own `setup`: it turns `synchronous` off.

use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use sqlx::{Connection as _, PgPool, migrate::MigrateError};

use crate::{
    error::{Error, Result},
    seam::Database,
    sqlite::{self, Missing},
};

/// Beside our own `_sqlx_migrations`, in the same file.
const SQLITE_TABLE: &str = "_apalis_migrations";
/// <https://www.postgresql.org/docs/15/errcodes-appendix.html>: `insufficient_privilege`, `undefined_file`.
const MISSING_RIGHT: &str = "42501";
const MISSING_EXTENSION: &str = "58P01";

pub(crate) async fn migrate(central: &Database) -> Result<()> {
    match central {
        Database::Sqlite(file) => {
            let mut connection = sqlite::connect(file.path(), Missing::Refuse).await?;
            let mut migrations = SqliteStorage::<()>::migrations();
            migrations.dangerous_set_table_name(SQLITE_TABLE);
            migrations.run(&mut connection).await?;
            connection.close().await?;
            Ok(())
        }
        Database::Postgres(schema) => migrate_postgres(schema.pool()).await,
    }
}

async fn migrate_postgres(pool: &PgPool) -> Result<()> {
    match PostgresStorage::<()>::migrations().run(pool).await {
        Ok(()) => Ok(()),
        Err(error) if lacks(&error, MISSING_RIGHT) || lacks(&error, MISSING_EXTENSION) => Err(Error::Unsafe(format!(
            "the queue needs PostgreSQL's extensions hstore and pgcrypto, and a schema \"apalis\" of its own; \
                 let the role create them, or have them created for it: {error}"
        ))),
        Err(error) => Err(error.into()),
    }
}

fn lacks(error: &MigrateError, code: &str) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else { return false };
    error.as_database_error().and_then(|error| error.code()).as_deref() == Some(code)
}
