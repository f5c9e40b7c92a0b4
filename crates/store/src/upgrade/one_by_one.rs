//! A tenant's migration, statement by statement: on a Citus cluster a statement is passed on to the nodes by the text that it
//! came in, and they take one at a time (docs/SCALE.md).

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection,
    migrate::{AppliedMigration, Migrate, MigrateError, Migration},
};

/// A connection that migrations are applied to.
pub(super) struct OneByOne<'c>(pub(super) &'c mut PgConnection);

type Answer<'e, T> = BoxFuture<'e, Result<T, MigrateError>>;

impl Migrate for OneByOne<'_> {
    fn create_schema_if_not_exists<'e>(&'e mut self, schema: &'e str) -> Answer<'e, ()> {
        self.0.create_schema_if_not_exists(schema)
    }

    fn ensure_migrations_table<'e>(&'e mut self, table: &'e str) -> Answer<'e, ()> {
        self.0.ensure_migrations_table(table)
    }

    fn dirty_version<'e>(&'e mut self, table: &'e str) -> Answer<'e, Option<i64>> {
        self.0.dirty_version(table)
    }

    fn list_applied_migrations<'e>(&'e mut self, table: &'e str) -> Answer<'e, Vec<AppliedMigration>> {
        self.0.list_applied_migrations(table)
    }

    fn lock(&mut self) -> Answer<'_, ()> {
        self.0.lock()
    }

    fn unlock(&mut self) -> Answer<'_, ()> {
        self.0.unlock()
    }

    fn apply<'e>(&'e mut self, table: &'e str, migration: &'e Migration) -> Answer<'e, Duration> {
        Box::pin(async move {
            let begun = Instant::now();
            let mut tx = self.0.begin().await?;
            for statement in statements(migration.sql.as_str()) {
                let done = tx.execute(AssertSqlSafe(statement)).await;
                done.map_err(|error| MigrateError::ExecuteMigration(error, migration.version))?;
            }
            tx.skip(table, migration).await?;
            tx.commit().await?;
            Ok(begun.elapsed())
        })
    }

    fn revert<'e>(&'e mut self, table: &'e str, migration: &'e Migration) -> Answer<'e, Duration> {
        self.0.revert(table, migration)
    }
}

/// A test asks of each tenant's migration that nothing in it looks like an end or a comment and is none.
pub(crate) fn statements(migration: &str) -> Vec<String> {
    let lines = migration.lines().map(|line| line.split("--").next().unwrap_or_default());
    let text = lines.collect::<Vec<_>>().join("\n");
    text.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::{self, Kind};

    #[test]
    fn each_statement_of_each_migration_is_whole() {
        assert_eq!(statements("-- a; b\nSELECT 1; -- more\n\nSELECT\n2;\n"), ["SELECT 1", "SELECT\n2"]);
        for migration in migrations::postgres(Kind::Tenant).iter() {
            for statement in statements(migration.sql.as_str()) {
                let count = |char: char| statement.matches(char).count();
                assert_eq!((count('\'') % 2, count('"') % 2, count('$')), (0, 0, 0), "{statement}");
                assert_eq!(count('('), count(')'), "{statement}");
                assert!(!statement.contains("/*"), "{statement}");
            }
        }
    }
}
