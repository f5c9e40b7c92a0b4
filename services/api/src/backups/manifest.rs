//! What a client sees of a snapshot's manifest.

use std::collections::BTreeMap;

use chiliview_snapshot::{Engine, Manifest, ManifestError, Owner};
use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a snapshot contains, as it was when it was proven.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ManifestInfo {
    /// The backup.
    pub backup: Uuid,
    /// The tenant's id; absent for the central database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// The tenant's slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The version of the database's schema.
    pub schema_version: i64,
    /// Everything committed before this instant is in it.
    pub taken_at: DateTime<Utc>,
    /// The size of the database.
    pub plain_bytes: u64,
    /// The size of the artefact.
    pub stored_bytes: u64,
    /// The SHA-256 of the database, in hex.
    pub plain_sha256: String,
    /// The SHA-256 of the artefact, in hex.
    pub stored_sha256: String,
    /// How it is encrypted; absent when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<EncryptionInfo>,
    /// The engine that the database was read from.
    pub engine: SnapshotEngine,
    /// Rows in each table.
    pub rows: BTreeMap<String, u64>,
    /// The SHA-256 of each table's rows, in hex, taken where they were read; absent when the artefact is the very file that
    /// was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<BTreeMap<String, String>>,
    /// The version of ChiliView that made it.
    pub tool_version: String,
}

/// What a snapshot was read from; it is a SQLite database in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum SnapshotEngine {
    /// SQLite: the snapshot is the same file, page by page.
    Sqlite,
    /// PostgreSQL: the snapshot holds the same rows.
    Postgres,
}

impl From<Engine> for SnapshotEngine {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::Sqlite,
            Engine::Postgres => Self::Postgres,
        }
    }
}

/// How a snapshot is encrypted.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct EncryptionInfo {
    /// The file format: `age`.
    pub scheme: String,
    /// The public keys whose owners can read it.
    pub recipients: Vec<String>,
}

impl ManifestInfo {
    pub(super) fn read(json: &str) -> Result<Self, ManifestError> {
        let manifest = Manifest::from_json(json.as_bytes())?;
        let (tenant_id, tenant) = match manifest.owner {
            Owner::Tenant { id, slug } => (Some(id), Some(slug)),
            Owner::Central => (None, None),
        };
        Ok(Self {
            backup: manifest.backup,
            tenant_id,
            tenant,
            schema_version: manifest.schema_version,
            taken_at: manifest.taken_at,
            plain_bytes: manifest.plain_bytes,
            stored_bytes: manifest.stored_bytes,
            plain_sha256: manifest.plain_sha256.to_string(),
            stored_sha256: manifest.stored_sha256.to_string(),
            encryption: manifest.encryption.map(|encryption| EncryptionInfo {
                scheme: "age".to_owned(),
                recipients: encryption.recipients.iter().collect(),
            }),
            engine: manifest.engine.into(),
            rows: manifest.rows,
            tables: manifest
                .tables
                .map(|tables| tables.into_iter().map(|(table, digest)| (table, digest.to_string())).collect()),
            tool_version: manifest.tool_version,
        })
    }
}
