//! Opens an unpacked database as if it were hostile and compares it with its manifest.

use std::collections::BTreeMap;
use std::path::Path;

use chiliview_store::{Error as StoreError, transfer};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::contents::Contents;
use crate::damage::Damage;
use crate::digest::Digest;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::prove::{Check, Depth};
use crate::sqlite::{self, Layout};
use crate::watch::Watch;

/// Which checks passed; the first that does not is the error.
pub(crate) async fn inspect(
    path: &Path,
    manifest: &Manifest,
    depth: Depth,
    watch: &Watch,
) -> Result<Vec<Check>, Error> {
    let mut connection = sqlite::open_suspect(path, watch).await.map_err(unreadable)?;
    let mut passed = Vec::new();
    header(&mut connection, manifest).await?;
    passed.push(Check::Header);
    match depth {
        Depth::Stored => {}
        Depth::Quick => {
            sound(&mut connection, "quick_check").await?;
            passed.push(Check::QuickCheck);
        }
        Depth::Full => {
            sound(&mut connection, "integrity_check").await?;
            foreign_keys(&mut connection).await?;
            passed.extend([Check::IntegrityCheck, Check::ForeignKeys]);
        }
    }
    contents(&mut connection, manifest).await?;
    passed.extend([Check::SchemaVersion, Check::Rows]);
    if let Some(expected) = &manifest.tables {
        tables(&mut connection, expected).await?;
        passed.push(Check::Tables);
    }
    connection.close().await.map_err(Error::database("close the unpacked database"))?;
    Ok(passed)
}

async fn header(connection: &mut SqliteConnection, manifest: &Manifest) -> Result<(), Error> {
    let found = Layout::of(connection).await.map_err(unreadable)?;
    let expected =
        Layout { page_size: manifest.page_size, pages: manifest.plain_bytes / u64::from(manifest.page_size) };
    if found == expected {
        return Ok(());
    }
    let words = |layout: Layout| format!("{} pages of {} bytes", layout.pages, layout.page_size);
    Err(Damage::Header { expected: words(expected), found: words(found) }.into())
}

/// Runs `quick_check` or `integrity_check`, which answer the one row "ok" or their findings.
pub(crate) async fn sound(connection: &mut SqliteConnection, check: &'static str) -> Result<(), Error> {
    let pragma = if check == "quick_check" { "PRAGMA quick_check(1)" } else { "PRAGMA integrity_check(1)" };
    let finding: String = sqlx::query_scalar(pragma).fetch_one(connection).await.map_err(unreadable)?;
    if finding == "ok" { Ok(()) } else { Err(Damage::Integrity { check, finding }.into()) }
}

pub(crate) async fn foreign_keys(connection: &mut SqliteConnection) -> Result<(), Error> {
    let dangling = sqlx::query("PRAGMA foreign_key_check").fetch_optional(connection).await.map_err(unreadable)?;
    let Some(row) = dangling else { return Ok(()) };
    let text = |row: &SqliteRow, column| row.try_get(column).map_err(unreadable);
    Err(Damage::ForeignKey { table: text(&row, "table")?, parent: text(&row, "parent")? }.into())
}

async fn contents(connection: &mut SqliteConnection, manifest: &Manifest) -> Result<(), Error> {
    let found = Contents::of(connection).await.map_err(unreadable)?;
    if found.schema_version != manifest.schema_version {
        return Err(Damage::SchemaVersion { expected: manifest.schema_version, found: found.schema_version }.into());
    }
    let stray = found.rows.keys().find(|table| !manifest.rows.contains_key(*table));
    let lost = manifest.rows.keys().find(|table| !found.rows.contains_key(*table));
    if let Some(table) = stray.or(lost) {
        return Err(Damage::Tables(table.clone()).into());
    }
    let differs = found.rows.into_iter().find(|(table, rows)| manifest.rows[table] != *rows);
    differs.map_or(Ok(()), |(table, found)| {
        let expected = manifest.rows[&table];
        Err(Damage::Rows { table, expected, found }.into())
    })
}

/// Compares every row with what was read.
async fn tables(connection: &mut SqliteConnection, expected: &BTreeMap<String, Digest>) -> Result<(), Error> {
    let found = transfer::digests_of_file(connection).await.map_err(|error| match error {
        StoreError::Database(error) => unreadable(error),
        StoreError::Corrupt { reason, .. } => Damage::NotADatabase(reason).into(),
        other => other.into(),
    })?;
    let found = digests(&found);
    let differs = |name: &&String| found.get(*name) != expected.get(*name);
    match expected.keys().chain(found.keys()).find(differs) {
        Some(name) => Err(Damage::TableDigest(name.clone()).into()),
        None => Ok(()),
    }
}

/// As a manifest has them.
pub(crate) fn digests(found: &transfer::Digests) -> BTreeMap<String, Digest> {
    found.iter().map(|(name, digest)| (name.clone(), Digest::from_bytes(digest.sha256))).collect()
}

/// A refusal that comes from the content is damage; what comes from the machine (memory, disk, permissions) is not.
/// Result codes: <https://www.sqlite.org/rescode.html>.
pub(crate) fn unreadable(error: sqlx::Error) -> Error {
    let from_content = match &error {
        sqlx::Error::Database(refusal) => {
            let code = refusal.code().and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
            matches!(code, Some(SQLITE_ERROR | SQLITE_CORRUPT | SQLITE_NOTADB | SQLITE_TOOBIG))
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => true,
        _ => false,
    };
    if from_content {
        Damage::NotADatabase(shown(&error.to_string())).into()
    } else {
        Error::database("check the unpacked database")(error)
    }
}

/// SQLite repeats names out of a schema, which may be long and hostile.
fn shown(text: &str) -> String {
    text.chars().take(200).map(|char| if char.is_control() { ' ' } else { char }).collect()
}

const SQLITE_ERROR: i32 = 1;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_TOOBIG: i32 = 18;
const SQLITE_NOTADB: i32 = 26;
