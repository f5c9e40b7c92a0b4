//! Proves a snapshot: reads it back from the shelf and finds out whether it restores.

use std::path::Path;

use tokio::runtime::Handle;
use tracing::info_span;

use crate::artefact::Artefact;
use crate::damage::Damage;
use crate::error::Error;
use crate::inspect::inspect;
use crate::key::ArtefactKey;
use crate::manifest::{Manifest, ManifestError};
use crate::scratch;
use crate::shelf::Shelf;
use crate::task;
use crate::unpack::decompress;
use crate::watch::{Phase, Watch};

/// How thoroughly the unpacked database is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// `quick_check`: structure of every page. For each new snapshot.
    Quick,
    /// `integrity_check` and `foreign_key_check`: indexes against rows too. Before a restore, and when proven again.
    Full,
}

/// A snapshot that restores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The snapshot.
    pub key: ArtefactKey,
    /// How thoroughly.
    pub depth: Depth,
    /// Everything that was compared, in order.
    pub checks: Vec<Check>,
}

/// A check that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The manifest on the shelf is the one that was recorded.
    Manifest,
    /// Length and SHA-256 of the artefact.
    Stored,
    /// One zstd frame, its checksum, and nothing after it.
    Frame,
    /// Length and SHA-256 of the database.
    Plain,
    /// Page size and page count.
    Header,
    /// `PRAGMA quick_check`.
    QuickCheck,
    /// `PRAGMA integrity_check`.
    IntegrityCheck,
    /// `PRAGMA foreign_key_check`.
    ForeignKeys,
    /// The newest migration.
    SchemaVersion,
    /// Rows of each table.
    Rows,
}

/// Reads manifest and artefact back from the shelf, unpacks into `scratch` (a directory with room for the database) and
/// compares everything with `expected`, the manifest that [`write`](crate::write()) answered.
///
/// # Errors
/// [`Error::Damaged`] with the first thing that is wrong; [`Error::NoSpace`] when `scratch` has no room, and others that
/// say nothing about the snapshot. Nothing is left in `scratch`, also when the future is dropped.
pub async fn prove(
    shelf: &Shelf,
    key: &ArtefactKey,
    expected: &Manifest,
    depth: Depth,
    scratch: &Path,
    watch: &Watch,
) -> Result<Proof, Error> {
    let (shelf, key, expected, scratch) = (shelf.clone(), *key, expected.clone(), scratch.to_path_buf());
    task::watched(watch, move |watch| {
        let _span = info_span!("snapshot.prove", bytes = expected.plain_bytes).entered();
        same_manifest(&shelf, &key, &expected)?;
        let artefact = present(&shelf, &key)?;
        let mut file = scratch::create(&scratch, expected.backup, expected.plain_bytes)?;
        decompress(&artefact, &expected, &mut file, watch)?;
        let meter = watch.enter(Phase::Checking, expected.plain_bytes);
        let mut checks = vec![Check::Manifest, Check::Stored, Check::Frame, Check::Plain];
        checks.extend(Handle::current().block_on(inspect(file.path(), &expected, depth, watch))?);
        meter.finish();
        Ok(Proof { key, depth, checks })
    })
    .await
}

fn same_manifest(shelf: &Shelf, key: &ArtefactKey, expected: &Manifest) -> Result<(), Error> {
    let found = shelf.manifest_now(key).map_err(|error| match error {
        Error::NotFound(_) => Damage::ManifestMissing.into(),
        Error::Manifest(ManifestError::Io(_)) => error,
        Error::Manifest(reason) => Damage::ManifestUnreadable(reason.to_string()).into(),
        other => other,
    })?;
    if found.key() != *key {
        return Err(Damage::Foreign.into());
    }
    Ok(found.compare(expected)?)
}

fn present(shelf: &Shelf, key: &ArtefactKey) -> Result<Artefact, Error> {
    shelf.open_now(key).map_err(|error| match error {
        Error::NotFound(_) => Damage::ArtefactMissing.into(),
        other => other,
    })
}
