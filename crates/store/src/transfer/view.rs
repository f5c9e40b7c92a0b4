//! The PostgreSQL side: one view of a schema, and its rows.

use std::{collections::BTreeMap, time::Duration};

use futures::stream::BoxStream;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::{corrupt, table::Table};
use crate::{
    error::{Error, Result},
    lent::Lent,
    migrations::{self, Kind},
    patience::{STATEMENT, in_time},
    postgres::{Schema, relations_of},
};

/// How long nothing at all may come of a table, which the server sorts first. And whoever stands still for so long in the middle
/// of a transfer, a frozen process, loses what keeps another from the schema's place.
pub(super) const SILENCE: Duration = Duration::from_mins(10);
pub(super) const UNHURRIED: &str =
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '10min'";

/// What holds rows, or makes some, and is no table: nothing of ours.
const STRANGERS: &str = concat!(
    "SELECT CAST(c.relname AS TEXT) FROM ",
    relations_of!("$1"),
    " WHERE c.relkind IN ('v', 'm', 'f', 'p', 'S') LIMIT 1"
);
const COLUMNS: &str = concat!(
    "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), format_type(a.atttypid, a.atttypmod) FROM ",
    relations_of!("$1"),
    " JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
);
const MIGRATIONS: &str = "_sqlx_migrations";

/// A transaction on a connection of its own: who stops in the middle of a COPY leaves it in no state to be used again.
pub(super) struct View {
    connection: PgConnection,
    schema: String,
}

impl View {
    /// The schema as it is now. It keeps nobody from anything but putting another in the schema's place.
    pub(super) async fn open(schema: &Schema) -> Result<Self> {
        let connection = Lent::by(schema.pool()).await?.detach();
        let mut view = Self::inside(connection, schema);
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {UNHURRIED}; {}", schema.stays());
        in_time(STATEMENT, view.connection.execute(AssertSqlSafe(begin))).await?;
        Ok(view)
    }

    /// What a transaction that has begun sees.
    pub(super) fn inside(connection: PgConnection, schema: &Schema) -> Self {
        Self { connection, schema: schema.name().to_owned() }
    }

    pub(super) fn into_connection(self) -> PgConnection {
        self.connection
    }

    pub(super) async fn close(mut self) -> Result<()> {
        in_time(STATEMENT, self.connection.execute("ROLLBACK")).await?;
        Ok(in_time(STATEMENT, self.connection.close()).await?)
    }

    /// The newest migration, when it is one that we know.
    pub(super) async fn version(&mut self, kind: Kind) -> Result<i64> {
        let sql = format!("SELECT coalesce(max(version), 0) FROM \"{}\".{MIGRATIONS}", self.schema);
        let ask = sqlx::query_scalar(AssertSqlSafe(sql));
        let found: i64 = in_time(STATEMENT, ask.fetch_one(&mut self.connection)).await?;
        if migrations::versions(kind).contains(&found) {
            return Ok(found);
        }
        let newest = migrations::newest(kind);
        if found > newest {
            return Err(Error::SchemaNewer { schema: self.schema.clone(), found, known: newest });
        }
        Err(corrupt(format!("{} has schema {found}, and this version knows those up to {newest}", self.schema)))
    }

    /// Refuses a schema that has not exactly these tables and columns.
    pub(super) async fn check(&mut self, tables: &[Table]) -> Result<()> {
        let stranger = sqlx::query_scalar::<_, String>(STRANGERS).bind(&self.schema);
        if let Some(name) = in_time(STATEMENT, stranger.fetch_optional(&mut self.connection)).await? {
            return Err(corrupt(format!("{name} in {} is no table of ours", self.schema)));
        }
        let columns = sqlx::query_as::<_, (String, String, String)>(COLUMNS).bind(&self.schema);
        let columns = in_time(STATEMENT, columns.fetch_all(&mut self.connection)).await?.into_iter();
        let found: BTreeMap<_, _> = columns
            .filter(|(table, ..)| table != MIGRATIONS)
            .map(|(table, column, kind)| (format!("{table}.{column}"), kind))
            .collect();
        let expected: BTreeMap<_, _> = tables
            .iter()
            .flat_map(|table| table.columns.iter().map(move |column| (table, column)))
            .map(|(table, column)| (format!("{}.{}", table.name, column.name), column.kind.on_postgres().to_owned()))
            .collect();
        let strange = found.iter().find(|(name, kind)| expected.get(*name) != Some(*kind));
        let lost = || expected.keys().find(|name| !found.contains_key(*name));
        match (strange, lost()) {
            (Some((name, kind)), _) => Err(corrupt(format!("{name} ({kind}) in {} is not ours", self.schema))),
            (None, Some(name)) => Err(corrupt(format!("{name} is missing in {}", self.schema))),
            (None, None) => Ok(()),
        }
    }

    /// A table's rows, in the order of its key.
    pub(super) async fn rows(&mut self, table: &Table) -> Result<BoxStream<'_, sqlx::Result<bytes::Bytes>>> {
        Ok(in_time(SILENCE, self.connection.copy_out_raw(&table.copy_out(&self.schema))).await?)
    }
}
