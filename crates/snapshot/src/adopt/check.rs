//! Opens an uploaded database as what it is, a stranger's, and lets nothing pass that ChiliView would not have written.
//!
//! The connection only asks, and trusts no hook that a schema can hold. SQLite's own defensive mode guards writes; there
//! are none. The schema is compared before anything else is asked, since most other questions run expressions that a
//! schema holds.

use std::os::unix::fs::FileExt as _;
use std::path::Path;

use chiliview_store::{Error as StoreError, password_hashes};
use sqlx::{Connection as _, SqliteConnection};
use uuid::Uuid;

use crate::contents::Contents;
use crate::damage::Damage;
use crate::error::Error;
use crate::inspect::{foreign_keys, sound, unreadable};
use crate::sqlite::{self, Layout};
use crate::temporary::Temporary;
use crate::watch::Watch;

use super::Refusal;
use super::schema::{self, Schema};

/// Instructions of SQLite's machine until the schema must have been read; ours takes some thousand.
const SCHEMA_INSTRUCTIONS: u64 = 50_000_000;

const SQLITE_INTERRUPT: i32 = 9;

/// Where the header says how the file is written and read: 1 and 1 with a rollback journal, 2 and 2 with a WAL; see
/// <https://www.sqlite.org/fileformat.html#file_format_version_numbers>.
const MODE_AT: u64 = 18;
const JOURNAL: [u8; 2] = [1, 1];
const WAL: [u8; 2] = [2, 2];

/// What the database in `file` contains and which tenant it names. Afterwards the file is as it was.
///
/// While it is looked at, its header does not speak of a WAL: SQLite would make one beside it. With a higher version
/// there SQLite would take the database for read-only, and verify fewer constraints.
pub(super) async fn check(
    file: &mut Temporary,
    bytes: u64,
    accepted: &[Schema],
    watch: &Watch,
) -> Result<(Contents, Option<Uuid>), Error> {
    let mut mode = [0; 2];
    let path = file.path().to_path_buf();
    file.file().read_exact_at(&mut mode, MODE_AT).map_err(|_| Damage::NotADatabase("it has no header".to_owned()))?;
    if mode != JOURNAL && mode != WAL {
        return Err(Damage::NotADatabase(format!("its header names the versions {} and {}", mode[0], mode[1])).into());
    }
    file.file().write_all_at(&JOURNAL, MODE_AT).map_err(Error::io("write", &path))?;
    let found = inspect(&path, bytes, accepted, watch).await?;
    file.file().write_all_at(&mode, MODE_AT).map_err(Error::io("write", &path))?;
    Ok(found)
}

async fn inspect(
    path: &Path,
    bytes: u64,
    accepted: &[Schema],
    watch: &Watch,
) -> Result<(Contents, Option<Uuid>), Error> {
    let mut connection = sqlite::open_foreign(path, watch).await.map_err(unreadable)?;
    sqlite::bound(&mut connection, watch, SCHEMA_INSTRUCTIONS).await.map_err(unreadable)?;
    let layout = Layout::of(&mut connection).await.map_err(endless)?;
    if layout.bytes() != bytes {
        return Err(Damage::PlainSize { expected: layout.bytes(), found: bytes }.into());
    }
    let objects = schema::objects(&mut connection).await.map_err(endless)?;
    let versions = schema::versions(&objects, accepted)?;
    sqlite::bound(&mut connection, watch, u64::MAX).await.map_err(unreadable)?;
    sound(&mut connection, "integrity_check").await?;
    foreign_keys(&mut connection).await?;
    let contents = Contents::of(&mut connection).await.map_err(unreadable)?;
    if !versions.contains(&contents.schema_version) {
        let expected = versions.first().copied().unwrap_or_default();
        return Err(Refusal::Version { expected, found: contents.schema_version }.into());
    }
    let owner = owner(&mut connection, &contents).await?;
    users(&mut connection, &contents).await?;
    connection.close().await.map_err(Error::database("close the uploaded database"))?;
    Ok((contents, owner))
}

/// The tenant in the settings; the central database, and one that was never given away, has none.
async fn owner(connection: &mut SqliteConnection, contents: &Contents) -> Result<Option<Uuid>, Error> {
    if !contents.rows.contains_key("settings") {
        return Ok(None);
    }
    let query = "SELECT substr(CAST(value AS TEXT), 1, 64) FROM main.settings WHERE key = 'tenant_id'";
    let text: Option<String> = sqlx::query_scalar(query).fetch_optional(connection).await.map_err(unreadable)?;
    text.map(|text| Uuid::try_parse(&text).map_err(|_| Refusal::Owner.into())).transpose()
}

/// No log-in may cost more than one of ours, whatever the hash asks for.
async fn users(connection: &mut SqliteConnection, contents: &Contents) -> Result<(), Error> {
    if !contents.rows.contains_key("users") {
        return Ok(());
    }
    let strange = password_hashes::strange_of_file(connection).await.map_err(|error| match error {
        StoreError::Database(error) => unreadable(error),
        other => other.into(),
    })?;
    strange.map_or(Ok(()), |strange| Err(Refusal::User(strange).into()))
}

/// Whoever cancels is answered elsewhere; what else interrupts SQLite here is the bound.
fn endless(error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|refusal| refusal.code()).and_then(|code| code.parse::<i32>().ok());
    if code == Some(SQLITE_INTERRUPT) { Refusal::Endless.into() } else { unreadable(error) }
}
