//! What a client sends and sees of uploads.

use chiliview_store::uploads::Upload;
use chrono::{DateTime, Utc};
use garde::Validate;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::fields;

/// An upload to be begun.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct NewUpload {
    /// Whose backup it will be, by id or slug. A tenant's own manager may leave it out.
    #[garde(inner(length(chars, min = 1, max = 63)))]
    pub(super) tenant: Option<String>,
    /// How long the file is.
    #[garde(range(min = 1))]
    pub(super) bytes: i64,
    /// What it is called where it comes from; for people.
    #[garde(inner(custom(fields::line)))]
    pub(super) file_name: Option<String>,
    /// Its SHA-256 in hex, to be compared when all is there.
    #[garde(inner(custom(hex_sha256)))]
    pub(super) sha256: Option<String>,
    /// Take a database that belonged to another tenant, or to another installation. For operators.
    #[garde(skip)]
    #[serde(default)]
    #[oai(default)]
    pub(super) adopt: bool,
}

/// An upload.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct UploadInfo {
    /// Its id.
    pub id: Uuid,
    /// Whose backup it will be.
    pub tenant_id: Uuid,
    /// What it is called where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// How long the file is.
    pub bytes: i64,
    /// How much of it is here: the next piece begins there.
    pub offset: i64,
    /// The SHA-256 that was announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether a database that belonged to another tenant is taken.
    pub adopt: bool,
    /// The backup that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_id: Option<Uuid>,
    /// When it is given up, unless another piece comes.
    pub expires_at: DateTime<Utc>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
}

pub(super) fn show(upload: Upload, offset: u64) -> UploadInfo {
    UploadInfo {
        id: upload.id.uuid(),
        tenant_id: upload.tenant_id.uuid(),
        file_name: upload.file_name,
        bytes: upload.total_bytes,
        offset: i64::try_from(offset).unwrap_or(i64::MAX),
        sha256: upload.sha256,
        adopt: upload.adopt != 0,
        backup_id: upload.backup_id.map(|id| id.uuid()),
        expires_at: upload.expires_at.to_datetime(),
        created_at: upload.created_at.to_datetime(),
    }
}

/// 64 digits.
pub(super) fn hex_sha256(value: &str, _: &()) -> garde::Result {
    let hex = value.len() == 64 && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if hex { Ok(()) } else { Err(garde::Error::new("must be a SHA-256 in lower-case hex")) }
}
