//! Proves a snapshot: reads it back from the shelf and finds out whether it restores.

use std::path::Path;

use tokio::runtime::Handle;
use tracing::info_span;

use crate::artefact::Artefact;
use crate::damage::Damage;
use crate::error::Error;
use crate::identities::Identities;
use crate::inspect::inspect;
use crate::key::ArtefactKey;
use crate::manifest::{Manifest, ManifestError};
use crate::scratch;
use crate::shelf::Shelf;
use crate::task;
use crate::unpack;
use crate::watch::{Phase, Watch};

/// How thoroughly a snapshot is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Only what is on the shelf: the stored bytes. All that can be checked of an encrypted snapshot without its key.
    Stored,
    /// `quick_check`: structure of every page. For each new snapshot.
    Quick,
    /// `integrity_check` and `foreign_key_check`: indexes against rows too. Before a restore, and when proven again.
    Full,
}

/// A snapshot that restores; at [`Depth::Stored`], whose bytes are those that were published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The snapshot.
    pub key: ArtefactKey,
    /// How thoroughly.
    pub depth: Depth,
    /// Everything that was compared, in order.
    pub checks: Vec<Check>,
}

impl Depth {
    /// What a proof of this depth compares of a snapshot with this manifest, in order.
    #[must_use]
    pub fn checks(self, manifest: &Manifest) -> Vec<Check> {
        let sealed = manifest.encryption.is_some();
        let mut checks = vec![Check::Manifest, Check::Stored];
        if self == Self::Stored {
            checks.extend(sealed.then_some(Check::Envelope));
            return checks;
        }
        checks.extend(sealed.then_some(Check::Decrypted));
        checks.extend([Check::Frame, Check::Plain, Check::Header]);
        match self {
            Self::Full => checks.extend([Check::IntegrityCheck, Check::ForeignKeys]),
            Self::Quick | Self::Stored => checks.push(Check::QuickCheck),
        }
        checks.extend([Check::SchemaVersion, Check::Rows]);
        checks.extend(manifest.tables.iter().map(|_| Check::Tables));
        checks
    }
}

/// A check that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The manifest on the shelf is the one that was recorded.
    Manifest,
    /// Length and SHA-256 of the artefact.
    Stored,
    /// The header of the age file; its content stayed closed.
    Envelope,
    /// Every byte of the age file was decrypted, and is authentic.
    Decrypted,
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
    /// The digest of each table's rows, where they were read row by row.
    Tables,
}

/// Reads manifest and artefact back from the shelf, unpacks into `scratch` (a directory with room for the database) and
/// compares everything with `expected`, the manifest that [`write`](crate::write()) answered. `identities` open it when
/// it is encrypted.
///
/// # Errors
/// [`Error::Damaged`] with the first thing that is wrong; [`Error::NoIdentity`] when it is encrypted, its stored bytes
/// are whole, and no identity opens it; [`Error::NoSpace`] when `scratch` has no room, and others that
/// say nothing about the snapshot. Nothing is left in `scratch`, also when the future is dropped.
pub async fn prove(
    shelf: &Shelf,
    key: &ArtefactKey,
    expected: &Manifest,
    depth: Depth,
    identities: &Identities,
    scratch: &Path,
    watch: &Watch,
) -> Result<Proof, Error> {
    let (shelf, key, expected, scratch) = (shelf.clone(), *key, expected.clone(), scratch.to_path_buf());
    let identities = identities.clone();
    task::watched(watch, move |watch| {
        let _span = info_span!("snapshot.prove", bytes = expected.plain_bytes).entered();
        same_manifest(&shelf, &key, &expected)?;
        let key = expected.key_beside(&key)?;
        let artefact = present(&shelf, &key, &expected)?;
        let mut checks = vec![Check::Manifest];
        checks.extend(examine(&artefact, &expected, depth, &identities, &scratch, watch)?);
        Ok(Proof { key, depth, checks })
    })
    .await
}

/// Compares an artefact with its manifest; which checks passed.
pub(crate) fn examine(
    artefact: &Artefact,
    manifest: &Manifest,
    depth: Depth,
    identities: &Identities,
    scratch: &Path,
    watch: &Watch,
) -> Result<Vec<Check>, Error> {
    let mut checks = vec![Check::Stored];
    if depth == Depth::Stored {
        unpack::compare_stored(artefact, manifest, watch)?;
        checks.extend(manifest.encryption.iter().map(|_| Check::Envelope));
        return Ok(checks);
    }
    let mut file = scratch::create(scratch, &manifest.backup.to_string(), manifest.plain_bytes)?;
    unpack::decompress(artefact, manifest, identities, &mut file, watch)?;
    checks.extend(manifest.encryption.iter().map(|_| Check::Decrypted));
    checks.extend([Check::Frame, Check::Plain]);
    let meter = watch.enter(Phase::Checking, manifest.plain_bytes);
    checks.extend(Handle::current().block_on(inspect(file.path(), manifest, depth, watch))?);
    meter.finish();
    Ok(checks)
}

fn same_manifest(shelf: &Shelf, key: &ArtefactKey, expected: &Manifest) -> Result<(), Error> {
    let found = shelf.manifest_now(key).map_err(|error| match error {
        Error::NotFound(_) => absent(shelf, key, expected, Damage::ManifestMissing),
        Error::Manifest(ManifestError::Io(_)) => error,
        Error::Manifest(reason) => Damage::ManifestUnreadable(reason.to_string()).into(),
        other => other,
    })?;
    found.key_beside(key)?;
    Ok(found.compare(expected)?)
}

fn present(shelf: &Shelf, key: &ArtefactKey, expected: &Manifest) -> Result<Artefact, Error> {
    shelf.open_now(key).map_err(|error| match error {
        Error::NotFound(_) => absent(shelf, key, expected, Damage::ArtefactMissing),
        other => other,
    })
}

/// What is not there is lost, unless the shelf is younger than the snapshot: then it never was there.
fn absent(shelf: &Shelf, key: &ArtefactKey, expected: &Manifest, damage: Damage) -> Error {
    match shelf.begun_now() {
        Ok(Some(begun)) if expected.taken_at < begun => Error::Elsewhere { key: *key, begun },
        Ok(_) => damage.into(),
        Err(error) => error,
    }
}
