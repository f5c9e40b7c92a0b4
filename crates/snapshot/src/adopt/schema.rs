//! The schema of a database, to the letter.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::{Connection as _, Row as _, SqliteConnection};
use tokio::runtime::Handle;

use crate::contents::Contents;
use crate::error::Error;
use crate::sqlite;
use crate::task;
use crate::watch::Watch;

use super::Refusal;

/// No schema of ours comes near these.
const MAX_OBJECTS: usize = 2000;
const MAX_TEXT: usize = 64 << 10;

/// As much of a hostile name is repeated.
const SHOWN: usize = 60;

/// A schema that a database may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The newest migration.
    pub version: i64,
    /// Every row of `sqlite_schema`, but for the statistics that SQLite keeps when it wants to.
    pub objects: BTreeSet<SchemaObject>,
}

/// A row of `sqlite_schema` (<https://www.sqlite.org/schematab.html>).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaObject {
    /// `table`, `index`, `view` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The table that it belongs to.
    pub table: String,
    /// The statement that makes it; none for an index that a constraint makes.
    pub sql: Option<String>,
}

impl SchemaObject {
    /// The tables of `ANALYZE` and `PRAGMA optimize` come and go; their columns are as SQLite makes them.
    fn is_statistics(&self) -> bool {
        let sql = match self.name.as_str() {
            "sqlite_stat1" => "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
            "sqlite_stat4" => "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
            _ => return false,
        };
        self.kind == "table" && self.table == self.name && self.sql.as_deref() == Some(sql)
    }

    fn words(&self) -> String {
        let name: String = self.name.chars().take(SHOWN).collect();
        let kind: String = self.kind.chars().take(SHOWN).collect();
        format!("{} {name:?}", kind.escape_debug())
    }
}

/// Reads the schema of a database of our own, such as one that the migrations have just made.
///
/// # Errors
/// [`Error::Database`] when it cannot be read.
pub async fn schema_of(path: &Path) -> Result<Schema, Error> {
    let path = path.to_path_buf();
    task::watched(&Watch::unobserved(), move |watch| {
        Handle::current().block_on(async {
            let mut connection = sqlite::open_live(&path, watch).await?;
            let objects = objects(&mut connection).await.map_err(Error::database("read the schema"))?;
            let contents = Contents::of(&mut connection).await.map_err(Error::database("count the rows"))?;
            connection.close().await.map_err(Error::database("close the database"))?;
            Ok(Schema { version: contents.schema_version, objects })
        })
    })
    .await
}

/// Every row, each text cut where no honest one is as long.
pub(super) async fn objects(connection: &mut SqliteConnection) -> sqlx::Result<BTreeSet<SchemaObject>> {
    let query = "SELECT substr(CAST(type AS TEXT), 1, $1) AS kind, substr(CAST(name AS TEXT), 1, $1) AS name,
                        substr(CAST(tbl_name AS TEXT), 1, $1) AS tbl, substr(CAST(sql AS TEXT), 1, $1) AS sql
                   FROM main.sqlite_schema LIMIT $2";
    let (text, rows) = (i64::try_from(MAX_TEXT).unwrap_or(i64::MAX), i64::try_from(MAX_OBJECTS).unwrap_or(i64::MAX));
    let mut objects = BTreeSet::new();
    for row in sqlx::query(query).bind(text).bind(rows).fetch_all(connection).await? {
        let text = |column| row.try_get::<Option<String>, _>(column);
        let object = SchemaObject {
            kind: text("kind")?.unwrap_or_default(),
            name: text("name")?.unwrap_or_default(),
            table: text("tbl")?.unwrap_or_default(),
            sql: text("sql")?,
        };
        if !object.is_statistics() {
            objects.insert(object);
        }
    }
    Ok(objects)
}

/// The versions whose schema this is; otherwise how it differs from the nearest one.
pub(super) fn versions(found: &BTreeSet<SchemaObject>, accepted: &[Schema]) -> Result<Vec<i64>, Refusal> {
    let same = accepted.iter().filter(|schema| schema.objects == *found);
    let versions: Vec<i64> = same.map(|schema| schema.version).collect();
    if !versions.is_empty() {
        return Ok(versions);
    }
    let distance = |schema: &&Schema| schema.objects.symmetric_difference(found).count();
    let Some(nearest) = accepted.iter().min_by_key(distance) else {
        return Err(Refusal::Schema("none is accepted".to_owned()));
    };
    // Sorted as they are, a table comes after the indexes that its constraints make.
    let stranger = found.difference(&nearest.objects).last().map(|object| format!("{} is not ours", object.words()));
    let lost = || nearest.objects.difference(found).last().map(|object| format!("{} is missing", object.words()));
    Err(Refusal::Schema(stranger.or_else(lost).unwrap_or_default()))
}
