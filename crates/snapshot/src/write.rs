//! Makes a snapshot: one read transaction, streamed page by page through zstd, and age when it has recipients, onto the shelf.
//!
//! The whole of it runs on one blocking thread beside SQLite's own and zstd's workers; nothing is
//! queued but the rows that wait between SQLite's thread and this one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chiliview_store::Database;
use chiliview_store::migrations::Kind;
use chiliview_store::postgres::Schema;
use chrono::{DateTime, SubsecRound as _, Utc};
use fail::fail_point;
use sqlx::{Connection as _, SqliteConnection};
use tokio::runtime::Handle;
use tracing::field::Empty;
use tracing::info_span;
use uuid::Uuid;

use crate::contents::Contents;
use crate::digest::Digest;
use crate::error::Error;
use crate::gather::gather;
use crate::identities::Identities;
use crate::key::ArtefactKey;
use crate::manifest::{Algorithm, Compression, Encryption, Engine, Manifest, Owner, Scheme};
use crate::pack::{LEVEL, Packed, Packer};
use crate::recipients::Recipients;
use crate::seal::Seal;
use crate::shelf::{Shelf, Staged};
use crate::sqlite::{self, Layout};
use crate::task;
use crate::watch::{Phase, Watch};

/// What to read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source {
    /// The file of a SQLite database. It should be in WAL mode: then no writer waits, in any process.
    Sqlite(PathBuf),
    /// A schema in PostgreSQL. Its rows are read in one transaction into a SQLite database in `scratch`.
    Postgres {
        /// The schema.
        schema: Schema,
        /// What must be in it.
        kind: Kind,
        /// A directory with room for the database.
        scratch: PathBuf,
    },
}

impl Source {
    /// An open database; `scratch` has room for one that is read row by row.
    #[must_use]
    pub fn of(database: &Database, kind: Kind, scratch: PathBuf) -> Self {
        match database {
            Database::Sqlite(file) => Self::Sqlite(file.path().to_owned()),
            Database::Postgres(schema) => Self::Postgres { schema: schema.clone(), kind, scratch },
        }
    }
}

/// A snapshot to be made.
#[derive(Clone, Debug)]
pub struct WriteRequest {
    /// The database.
    pub source: Source,
    /// Whose it is.
    pub owner: Owner,
    /// The backup that this is for.
    pub backup: Uuid,
    /// Which attempt at the backup this is, from 1.
    pub attempt: i64,
    /// Now: the transaction begins after it, so everything committed before it is in the snapshot. Kept in microseconds.
    pub taken_at: DateTime<Utc>,
    /// The version of the calling program.
    pub tool_version: String,
    /// Who can decrypt it; none: it is not encrypted.
    pub recipients: Recipients,
}

/// A snapshot that was made.
#[derive(Clone, Debug)]
pub struct Written {
    /// What it contains.
    pub manifest: Manifest,
    /// Opens an encrypted artefact for its first [`prove`](crate::prove()); empty when it is not encrypted. It exists
    /// here alone, is named in no manifest, and is to be dropped after that.
    pub proof_key: Identities,
}

impl WriteRequest {
    /// Where the snapshot will lie.
    pub fn key(&self) -> ArtefactKey {
        let key = self.owner.key(self.backup).by(self.attempt);
        if self.recipients.is_empty() { key } else { key.sealed() }
    }
}

/// Reads the source and publishes it. When this returns `Ok`, artefact and manifest are on disk; they are not proven.
///
/// # Errors
/// [`Error`]; then nothing is left on the shelf, also when the future is dropped. A complete snapshot is never
/// overwritten ([`Error::AlreadyPublished`]): one who tries again removes it first, or proves it.
pub async fn write(request: WriteRequest, shelf: &Shelf, watch: &Watch) -> Result<Written, Error> {
    let shelf = shelf.clone();
    task::watched(watch, move |watch| {
        let mut staged = shelf.stage(&request.key(), watch)?;
        let seal = Seal::of(&request.recipients);
        let read = Handle::current().block_on(async {
            match &request.source {
                Source::Sqlite(path) => {
                    let connection = sqlite::open_live(path, watch).await?;
                    read(connection, Phase::Reading, &mut staged, &seal, watch).await
                }
                Source::Postgres { schema, kind, scratch } => {
                    let gathered = gather(schema, *kind, scratch, request.backup, watch).await?;
                    let connection = sqlite::open_suspect(gathered.file.path(), watch).await;
                    let connection = connection.map_err(Error::database("open what was read"))?;
                    let read = read(connection, Phase::Packing, &mut staged, &seal, watch).await?;
                    Ok(Read { tables: Some(gathered.tables), ..read })
                }
            }
        })?;
        fail_point!("snapshot.after_read", |_| Err(crate::error::injected("snapshot.after_read")));
        let manifest = publish(staged, manifest(request, read), watch)?;
        Ok(Written { manifest, proof_key: seal.into_proof_key() })
    })
    .await
}

/// What one transaction saw, and what it became.
struct Read {
    layout: Layout,
    contents: Contents,
    packed: Packed,
    /// Digests of what was read row by row.
    tables: Option<BTreeMap<String, Digest>>,
}

#[tracing::instrument(name = "snapshot.read", skip_all, fields(bytes = Empty, stored_bytes = Empty))]
async fn read(
    mut connection: SqliteConnection,
    phase: Phase,
    staged: &mut Staged,
    seal: &Seal,
    watch: &Watch,
) -> Result<Read, Error> {
    let target = staged.name();
    let failed = || Error::io("write", &target);
    let mut transaction = connection.begin().await.map_err(Error::database("begin to read"))?;
    let layout = Layout::of(&mut transaction).await.map_err(Error::database("read the header"))?;
    let mut meter = watch.enter(phase, layout.bytes());
    staged.expect(layout.bytes());
    let mut packer = Packer::new(&mut *staged, layout.bytes(), seal).map_err(failed())?;
    sqlite::pages(&mut transaction, layout, |page| {
        packer.write(page).map_err(failed())?;
        meter.advance(page.len())
    })
    .await?;
    let contents = Contents::of(&mut transaction).await.map_err(Error::database("count the rows"))?;
    transaction.rollback().await.map_err(Error::database("end the reading"))?;
    connection.close().await.map_err(Error::database("close the database"))?;
    let packed = packer.finish().map_err(failed())?;
    tracing::Span::current().record("bytes", packed.plain_bytes).record("stored_bytes", packed.stored_bytes);
    Ok(Read { layout, contents, packed, tables: None })
}

fn manifest(request: WriteRequest, read: Read) -> Manifest {
    let recipients = Some(request.recipients).filter(|recipients| !recipients.is_empty());
    let encryption = recipients.map(|recipients| Encryption { scheme: Scheme::Age, recipients });
    let engine = if read.tables.is_some() { Engine::Postgres } else { Engine::Sqlite };
    Manifest {
        format: Manifest::format_of(encryption.as_ref(), engine),
        backup: request.backup,
        owner: request.owner,
        engine,
        schema_version: read.contents.schema_version,
        taken_at: request.taken_at.trunc_subsecs(6),
        plain_bytes: read.packed.plain_bytes,
        stored_bytes: read.packed.stored_bytes,
        plain_sha256: read.packed.plain_sha256,
        stored_sha256: read.packed.stored_sha256,
        compression: Compression { algorithm: Algorithm::Zstd, level: LEVEL },
        encryption,
        page_size: read.layout.page_size,
        rows: read.contents.rows,
        tables: read.tables,
        tool_version: request.tool_version,
    }
}

/// After the last look at the cancellation nothing is undone any more.
fn publish(staged: Staged, manifest: Manifest, watch: &Watch) -> Result<Manifest, Error> {
    let _span = info_span!("snapshot.publish", bytes = manifest.stored_bytes).entered();
    let meter = watch.enter(Phase::Publishing, manifest.plain_bytes);
    let json = manifest.to_json()?;
    watch.check()?;
    fail_point!("snapshot.before_publish", |_| Err(crate::error::injected("snapshot.before_publish")));
    staged.publish(&json)?;
    fail_point!("snapshot.after_publish", |_| Err(crate::error::injected("snapshot.after_publish")));
    meter.finish();
    Ok(manifest)
}
