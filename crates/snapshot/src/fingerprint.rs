//! What a snapshot of a database would contain, without making one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use sqlx::Connection as _;
use tokio::runtime::Handle;
use tracing::info_span;

use crate::digest::Digest;
use crate::error::Error;
use crate::gather;
use crate::inspect::digests;
use crate::manifest::Manifest;
use crate::sqlite::{self, Layout};
use crate::task;
use crate::watch::{Phase, Watch};
use crate::write::Source;

/// What a snapshot that is taken now would hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fingerprint {
    /// Of a database that is copied page by page.
    Pages {
        /// Its length.
        bytes: u64,
        /// The SHA-256 of its pages.
        sha256: Digest,
    },
    /// Of one that is read row by row: another file holds the same rows.
    Rows {
        /// Its newest migration.
        schema_version: i64,
        /// The digest of each table.
        tables: BTreeMap<String, Digest>,
    },
}

impl Fingerprint {
    /// Whether nothing was written since the snapshot with this manifest was taken.
    #[must_use]
    pub fn is_of(&self, manifest: &Manifest) -> bool {
        match self {
            Self::Pages { bytes, sha256 } => (*bytes, *sha256) == (manifest.plain_bytes, manifest.plain_sha256),
            Self::Rows { schema_version, tables } => {
                *schema_version == manifest.schema_version && Some(tables) == manifest.tables.as_ref()
            }
        }
    }
}

/// Looks at the database in one transaction; no writer waits.
///
/// A checkpoint changes nothing here, while `VACUUM`, or a change that was undone by another one, may: then the database
/// only looks changed. PostgreSQL has no mark that tells whether a schema was written to and survives a crash, so every row is
/// read there too; what is saved is the artefact.
///
/// # Errors
/// [`Error::Database`] or [`Error::Store`] when the source cannot be read, [`Error::Torn`], [`Error::Cancelled`].
pub async fn fingerprint(source: &Source, watch: &Watch) -> Result<Fingerprint, Error> {
    let source = source.clone();
    task::watched(watch, move |watch| {
        let _span = info_span!("snapshot.fingerprint").entered();
        Handle::current().block_on(async {
            match source {
                Source::Sqlite(path) => pages(path, watch).await,
                Source::Postgres { schema, kind, .. } => {
                    let contents = gather::contents(&schema, kind, watch).await?;
                    let tables = digests(&contents.digests);
                    Ok(Fingerprint::Rows { schema_version: contents.schema_version, tables })
                }
            }
        })
    })
    .await
}

async fn pages(path: PathBuf, watch: &Watch) -> Result<Fingerprint, Error> {
    let mut connection = sqlite::open_live(&path, watch).await?;
    let mut transaction = connection.begin().await.map_err(Error::database("begin to read"))?;
    let layout = Layout::of(&mut transaction).await.map_err(Error::database("read the header"))?;
    let mut meter = watch.enter(Phase::Reading, layout.bytes());
    let mut hash = Sha256::new();
    sqlite::pages(&mut transaction, layout, |page| {
        hash.update(page);
        meter.advance(page.len())
    })
    .await?;
    transaction.rollback().await.map_err(Error::database("end the reading"))?;
    connection.close().await.map_err(Error::database("close the database"))?;
    Ok(Fingerprint::Pages { bytes: layout.bytes(), sha256: Digest::finish(hash) })
}
