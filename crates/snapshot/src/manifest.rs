//! What a snapshot must contain: the JSON document beside each artefact.
//!
//! It is read bounded and strictly, since an import brings one from outside.

use std::collections::BTreeMap;
use std::io::Read;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::damage::Damage;
use crate::digest::Digest;
use crate::key::ArtefactKey;
use crate::recipients::Recipients;

/// A database that is compressed, and not encrypted.
const FORMAT: u32 = 1;

/// A database that is compressed, then encrypted. Versions that cannot decrypt refuse it instead of taking it for damage.
const SEALED_FORMAT: u32 = 2;

/// A database that was read from another engine row by row, encrypted or not, with the digests of its tables.
const TABLES_FORMAT: u32 = 3;

/// The facts about one snapshot, fixed when it is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this document: 1, or 2 when the artefact is encrypted; 3 when it holds digests of tables.
    pub format: u32,
    /// The backup that made it.
    pub backup: Uuid,
    /// Whose database it is.
    pub owner: Owner,
    /// What it was read from; the artefact is a SQLite database in any case.
    pub engine: Engine,
    /// The newest migration the database had; 0 when it had none.
    pub schema_version: i64,
    /// Everything committed before this instant is in the snapshot.
    #[serde(with = "instant")]
    pub taken_at: DateTime<Utc>,
    /// Length of the database.
    pub plain_bytes: u64,
    /// Length of the artefact.
    pub stored_bytes: u64,
    /// Digest of the database.
    pub plain_sha256: Digest,
    /// Digest of the artefact.
    pub stored_sha256: Digest,
    /// How the artefact is compressed.
    pub compression: Compression,
    /// How the compressed database is encrypted; absent when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// The database's page size in bytes.
    pub page_size: u32,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// The digest of each table's rows (`chiliview_store::transfer` says of what), taken where they were read; absent when the
    /// artefact is the very file that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<BTreeMap<String, Digest>>,
    /// The version of the program that made it.
    pub tool_version: String,
}

/// Whose database a snapshot holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Owner {
    /// The platform's own: admins, tenants, backups.
    Central,
    /// One tenant's.
    Tenant {
        /// The tenant.
        id: Uuid,
        /// What it was called at that instant, for people; never part of a path.
        slug: String,
    },
}

/// The engine that the snapshot was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// SQLite: the artefact is the same file, page by page.
    Sqlite,
    /// PostgreSQL: the artefact holds the same rows.
    Postgres,
}

/// How an artefact is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compression {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Its level.
    pub level: i32,
}

/// A compression algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// One zstd frame with its content checksum (RFC 8878).
    Zstd,
}

/// How an artefact is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// The file format.
    pub scheme: Scheme,
    /// Who can decrypt it. The artefact's header has one stanza more, whose key was forgotten after the first proof.
    pub recipients: Recipients,
}

/// A format of encrypted files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// The binary format of age (<https://c2sp.org/age>).
    Age,
}

/// The document is not a manifest. The words complete "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The bytes could not be had.
    #[error("read it: {0}")]
    Io(#[from] std::io::Error),
    /// It is larger than any manifest may be.
    #[error("take more than {} bytes", Manifest::MAX_BYTES)]
    TooLarge,
    /// It is not the JSON of a manifest.
    #[error("understand it: {0}")]
    Json(#[from] serde_json::Error),
    /// It contradicts itself, or is of a later format.
    #[error("accept {0}")]
    Invalid(&'static str),
}

impl Owner {
    /// Where the snapshot of `backup` lies when it is not encrypted.
    pub fn key(&self, backup: Uuid) -> ArtefactKey {
        match self {
            Self::Central => ArtefactKey::central(backup),
            Self::Tenant { id, .. } => ArtefactKey::tenant(*id, backup),
        }
    }
}

impl Manifest {
    /// No manifest is longer than this: room for some ten thousand tables.
    pub const MAX_BYTES: u64 = 1 << 20;

    /// The format of a manifest whose artefact is encrypted or not, and was read row by row or page by page.
    pub(crate) fn format_of(encryption: Option<&Encryption>, engine: Engine) -> u32 {
        match (engine, encryption) {
            (Engine::Postgres, _) => TABLES_FORMAT,
            (Engine::Sqlite, Some(_)) => SEALED_FORMAT,
            (Engine::Sqlite, None) => FORMAT,
        }
    }

    /// Where the snapshot lies, when it was made by this attempt at the backup.
    pub fn key(&self, attempt: i64) -> ArtefactKey {
        let key = self.owner.key(self.backup).by(attempt);
        if self.encryption.is_some() { key.sealed() } else { key }
    }

    /// Where the snapshot lies, when the manifest lies beside `key`.
    ///
    /// # Errors
    /// [`Damage::Foreign`] when it is the manifest of another backup.
    pub fn key_beside(&self, key: &ArtefactKey) -> Result<ArtefactKey, Damage> {
        let own = self.key(key.attempt());
        if own.plain() == key.plain() { Ok(own) } else { Err(Damage::Foreign) }
    }

    /// Who can decrypt the artefact; nobody needs to when there are none.
    pub fn recipients(&self) -> Recipients {
        self.encryption.as_ref().map(|encryption| encryption.recipients.clone()).unwrap_or_default()
    }

    /// Reads a manifest, never more than [`MAX_BYTES`](Self::MAX_BYTES) of it.
    ///
    /// # Errors
    /// [`ManifestError`] for anything that [`to_json`](Self::to_json) would not have written.
    pub fn read(source: impl Read) -> Result<Self, ManifestError> {
        let mut bytes = Vec::new();
        source.take(Self::MAX_BYTES + 1).read_to_end(&mut bytes)?;
        Self::from_json(&bytes)
    }

    /// Reads a manifest from its bytes.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        bounded(bytes)?;
        let manifest: Self = serde_json::from_slice(bytes)?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// The document as it is published: indented, one line feed at its end.
    ///
    /// # Errors
    /// [`ManifestError::TooLarge`] when the database has more tables than fit, [`ManifestError::Invalid`] when it contradicts itself.
    pub fn to_json(&self) -> Result<Vec<u8>, ManifestError> {
        self.validate()?;
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        bounded(&bytes)?;
        Ok(bytes)
    }

    /// The page sizes are those of the SQLite file format, section 1.3.2.
    pub(crate) fn validate(&self) -> Result<(), ManifestError> {
        if self.format != Self::format_of(self.encryption.as_ref(), self.engine) {
            return Err(ManifestError::Invalid(
                "a format other than 1, 2 for an encrypted snapshot, 3 for one of PostgreSQL",
            ));
        }
        if self.tables.is_some() != (self.engine == Engine::Postgres) {
            return Err(ManifestError::Invalid("digests of tables that do not go with its engine"));
        }
        if self.encryption.is_some() && self.recipients().is_empty() {
            return Err(ManifestError::Invalid("an encryption without recipients"));
        }
        if !self.page_size.is_power_of_two() || !(512..=65_536).contains(&self.page_size) {
            return Err(ManifestError::Invalid("a page size that SQLite does not have"));
        }
        if self.plain_bytes == 0 || !self.plain_bytes.is_multiple_of(u64::from(self.page_size)) {
            return Err(ManifestError::Invalid("a length that is not whole pages"));
        }
        Ok(())
    }

    /// Names the first field in which `self` is not what was `recorded`.
    pub(crate) fn compare(&self, recorded: &Self) -> Result<(), Damage> {
        let fields = [
            ("backup", self.backup == recorded.backup),
            ("owner", self.owner == recorded.owner),
            ("engine", self.engine == recorded.engine),
            ("schema_version", self.schema_version == recorded.schema_version),
            ("taken_at", self.taken_at == recorded.taken_at),
            ("plain_bytes", self.plain_bytes == recorded.plain_bytes),
            ("stored_bytes", self.stored_bytes == recorded.stored_bytes),
            ("plain_sha256", self.plain_sha256 == recorded.plain_sha256),
            ("stored_sha256", self.stored_sha256 == recorded.stored_sha256),
            ("encryption", self.encryption == recorded.encryption),
            ("rows", self.rows == recorded.rows),
            ("tables", self.tables == recorded.tables),
            ("another field", self == recorded),
        ];
        fields.into_iter().find(|(_, same)| !same).map_or(Ok(()), |(field, _)| Err(Damage::ManifestDiffers { field }))
    }
}

fn bounded(bytes: &[u8]) -> Result<(), ManifestError> {
    if bytes.len() as u64 > Manifest::MAX_BYTES { Err(ManifestError::TooLarge) } else { Ok(()) }
}

/// RFC 3339 in UTC with six digits, always the same length.
pub(crate) mod instant {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
        DateTime::deserialize(from)
    }
}

#[cfg(test)]
mod tests;
