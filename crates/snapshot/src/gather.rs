//! Reads a schema of PostgreSQL into a SQLite database, which is then packed as any other.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use chiliview_store::Error as StoreError;
use chiliview_store::migrations::Kind;
use chiliview_store::postgres::Schema;
use chiliview_store::transfer::{self, Contents};
use uuid::Uuid;

use crate::digest::Digest;
use crate::error::Error;
use crate::inspect::digests;
use crate::scratch;
use crate::temporary::Temporary;
use crate::watch::{Phase, Watch};

/// What was read.
pub(crate) struct Gathered {
    /// The database.
    pub(crate) file: Temporary,
    /// The digest of each table, of what PostgreSQL sent.
    pub(crate) tables: BTreeMap<String, Digest>,
}

/// Reads everything in one transaction; no writer waits.
#[tracing::instrument(name = "snapshot.gather", skip_all)]
pub(crate) async fn gather(
    schema: &Schema,
    kind: Kind,
    dir: &Path,
    backup: Uuid,
    watch: &Watch,
) -> Result<Gathered, Error> {
    let bytes = schema.bytes().await?;
    let file = scratch::create(dir, &backup.to_string(), bytes)?;
    let contents = heard(bytes, watch, async |step| transfer::unload(schema, kind, file.path(), step).await).await?;
    Ok(Gathered { file, tables: digests(&contents.digests) })
}

/// What a snapshot taken now would hold.
pub(crate) async fn contents(schema: &Schema, kind: Kind, watch: &Watch) -> Result<Contents, Error> {
    let bytes = schema.bytes().await?;
    heard(bytes, watch, async |step| transfer::contents_of_schema(schema, kind, step).await).await
}

/// Follows the work, and ends it when it is cancelled, also while the server is silent. How many bytes there are is a guess.
async fn heard<T>(
    bytes: u64,
    watch: &Watch,
    work: impl AsyncFnOnce(transfer::Step<'_>) -> Result<T, StoreError>,
) -> Result<T, Error> {
    let mut meter = watch.enter(Phase::Reading, bytes);
    let mut step = |bytes: u64| match meter.advance(usize::try_from(bytes).unwrap_or(usize::MAX)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    tokio::select! {
        () = watch.cancel.cancelled() => Err(Error::Cancelled),
        done = work(&mut step) => Ok(done?),
    }
}
