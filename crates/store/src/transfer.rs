//! Carries the rows of a database from one engine to the other, and tells whether both sides hold the same ones.
//!
//! The two schemas have equal tables, columns and values (docs/adr/0002), so it is done by looking at the tables, never table by
//! table: a SQLite database with the schema of that version says what there must be, and a column or type on the other side
//! that it does not know is an error. What each engine keeps for itself stays behind: the lists of migrations that ran, and the
//! queue, whose jobs mean nothing in another place.
//!
//! # Digest of a table
//! SHA-256 over: `chiliview table 1\n`; the number of columns; each column's name; then each row in the order of the primary key
//! (integers by value, texts and blobs byte by byte), each value as a tag and its content: `0` NULL; `1` and a signed 64-bit
//! integer; `2` and a text; `3` and a blob. Numbers are big-endian, a text (UTF-8) or blob comes behind its length; the number of
//! columns and lengths of names have 32 bits, lengths of values 64. Columns stand in the order of the SQLite schema.

mod copy;
mod digest;
mod file;
mod table;
mod view;

use std::{ops::ControlFlow, path::Path};

use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};

pub use self::digest::{Digests, TableDigest};
use self::{
    copy::Parser,
    digest::Digester,
    file::Filler,
    table::Table,
    view::{SILENCE, UNHURRIED, View},
};
use crate::{
    error::{Error, Result},
    lent::Lent,
    migrations::{self, Kind},
    patience::{STATEMENT, in_time},
    postgres::Schema,
};

/// Rows are sent to PostgreSQL in pieces of about this size.
const PIECE: usize = 256 << 10;

/// Hears how many more bytes were carried, and says whether to go on.
pub type Step<'s> = &'s mut (dyn FnMut(u64) -> ControlFlow<()> + Send);

/// What one transaction saw of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The newest migration.
    pub schema_version: i64,
    /// The digest of each table.
    pub digests: Digests,
}

/// Goes on whatever happens.
pub fn unheard(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Reads a schema in one transaction, whose view no writer disturbs and that makes none wait, into the new file `to`: a SQLite
/// database with the schema of the same version. Nothing is promised of its surviving a crash.
pub async fn unload(schema: &Schema, kind: Kind, to: &Path, step: Step<'_>) -> Result<Contents> {
    let mut view = View::open(schema).await?;
    let schema_version = view.version(kind).await?;
    migrations::make_empty(to, kind, schema_version).await?;
    let mut connection = file::open_to_fill(to).await?;
    let tables = table::of_file(&mut connection).await?;
    view.check(&tables).await?;
    connection.execute("BEGIN").await?;
    let mut digests = Digests::new();
    for table in &tables {
        let sql = format!("DELETE FROM {}", table.quoted());
        connection.execute(AssertSqlSafe(sql)).await?;
        let digest = pour(&mut view, &mut connection, table, step).await?;
        digests.insert(table.name.clone(), digest);
    }
    connection.execute("COMMIT; PRAGMA journal_mode = WAL").await?;
    connection.close().await?;
    view.close().await?;
    Ok(Contents { schema_version, digests })
}

async fn pour(view: &mut View, to: &mut SqliteConnection, table: &Table, step: Step<'_>) -> Result<TableDigest> {
    let (mut digester, mut parser, mut filler) = (Digester::new(table), Parser::new(table), Filler::new(table));
    let mut pieces = view.rows(table).await?;
    while let Some(piece) = in_time(SILENCE, pieces.try_next()).await? {
        parser.feed(&piece);
        while let Some(row) = parser.next()? {
            digester.row(&row);
            if filler.push(row) {
                filler.pour(to).await?;
            }
        }
        go_on(step, piece.len())?;
    }
    parser.finish()?;
    filler.pour(to).await?;
    Ok(digester.finish())
}

/// What a schema holds, without carrying it anywhere.
pub async fn contents_of_schema(schema: &Schema, kind: Kind, step: Step<'_>) -> Result<Contents> {
    let mut view = View::open(schema).await?;
    let schema_version = view.version(kind).await?;
    let tables = table::of_version(kind, schema_version).await?;
    view.check(&tables).await?;
    let mut digests = Digests::new();
    for table in &tables {
        digests.insert(table.name.clone(), weigh(&mut view, table, step).await?);
    }
    view.close().await?;
    Ok(Contents { schema_version, digests })
}

async fn weigh(view: &mut View, table: &Table, step: Step<'_>) -> Result<TableDigest> {
    let (mut digester, mut parser) = (Digester::new(table), Parser::new(table));
    let mut pieces = view.rows(table).await?;
    while let Some(piece) = in_time(SILENCE, pieces.try_next()).await? {
        parser.feed(&piece);
        while let Some(row) = parser.next()? {
            digester.row(&row);
        }
        go_on(step, piece.len())?;
    }
    parser.finish()?;
    Ok(digester.finish())
}

/// What the database behind a connection holds. Whoever does not trust it sees to the connection's bounds.
pub async fn digests_of_file(connection: &mut SqliteConnection) -> Result<Digests> {
    let mut digests = Digests::new();
    for table in table::of_file(connection).await? {
        let mut digester = Digester::new(&table);
        let sql = table.select();
        let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            digester.row(&file::row(&row, &table)?);
        }
        drop(rows);
        digests.insert(table.name.clone(), digester.finish());
    }
    Ok(digests)
}

/// As [`digests_of_file`], of a file of our own that nobody writes to.
pub async fn contents_of_file(path: &Path) -> Result<Contents> {
    let mut connection = file::open_to_read(path).await?;
    let schema_version = file::version(&mut connection).await?;
    let digests = digests_of_file(&mut connection).await?;
    connection.close().await?;
    Ok(Contents { schema_version, digests })
}

/// Fills a schema, made anew, with the rows of a SQLite file that has the newest schema and that nobody writes to; both sides
/// are compared before it is committed. From then on the schema is known by `mark`.
pub async fn load(file: &Path, kind: Kind, schema: &Schema, mark: &str, step: Step<'_>) -> Result<Digests> {
    let mut source = file::open_to_read(file).await?;
    let (found, newest) = (file::version(&mut source).await?, migrations::newest(kind));
    if found != newest {
        return Err(corrupt(format!("{} has schema {found}, not {newest}", file.display())));
    }
    let tables = table::of_file(&mut source).await?;
    schema.drop_schema().await?;
    schema.migrate(kind).await?;
    // One that is not the pool's: who is cut off in the middle of a COPY leaves it in no state to be used again.
    let mut connection = Lent::by(schema.pool()).await?.detach();
    let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {UNHURRIED}; {}", empty(schema, &tables));
    in_time(STATEMENT, connection.execute(AssertSqlSafe(begin))).await?;
    let mut digests = Digests::new();
    for table in &tables {
        digests.insert(table.name.clone(), send(&mut source, &mut connection, schema, table, step).await?);
    }
    source.close().await?;
    let mut view = View::inside(connection, schema);
    view.check(&tables).await?;
    for table in &tables {
        if weigh(&mut view, table, step).await? != digests[&table.name] {
            return Err(corrupt(format!("the table {} is not what it was on the other side", table.name)));
        }
    }
    let mut connection = view.into_connection();
    let mark = format!("COMMENT ON SCHEMA \"{}\" IS '{mark}'", schema.name());
    in_time(STATEMENT, connection.execute(AssertSqlSafe(mark))).await?;
    in_time(STATEMENT, connection.execute("COMMIT")).await?;
    in_time(STATEMENT, connection.close()).await?;
    Ok(digests)
}

/// Migrations put rows into some tables.
fn empty(schema: &Schema, tables: &[Table]) -> String {
    let names: Vec<_> = tables.iter().map(|table| format!("\"{}\".{}", schema.name(), table.quoted())).collect();
    format!("TRUNCATE {}", names.join(", "))
}

async fn send(
    source: &mut SqliteConnection,
    to: &mut sqlx::PgConnection,
    schema: &Schema,
    table: &Table,
    step: Step<'_>,
) -> Result<TableDigest> {
    let mut digester = Digester::new(table);
    let mut copy = in_time(STATEMENT, to.copy_in_raw(&table.copy_in(schema.name()))).await?;
    let mut piece = copy::begun();
    let mut rows = sqlx::query(AssertSqlSafe(table.select())).fetch(&mut *source);
    while let Some(row) = rows.try_next().await? {
        let row = file::row(&row, table)?;
        digester.row(&row);
        copy::append(&mut piece, &row, table)?;
        if piece.len() >= PIECE {
            go_on(step, piece.len())?;
            in_time(SILENCE, copy.send(std::mem::take(&mut piece))).await?;
        }
    }
    drop(rows);
    copy::end(&mut piece);
    go_on(step, piece.len())?;
    in_time(SILENCE, copy.send(piece)).await?;
    in_time(SILENCE, copy.finish()).await?;
    Ok(digester.finish())
}

fn go_on(step: Step<'_>, bytes: usize) -> Result<()> {
    match step(bytes as u64) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped),
    }
}

fn corrupt(reason: impl std::fmt::Display) -> Error {
    Error::Corrupt { what: "a database to be carried to another engine", reason: reason.to_string() }
}
