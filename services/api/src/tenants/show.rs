//! What is shown of a tenant, and to whom.

use std::collections::BTreeMap;

use chiliview_store::{Timestamp, tenants::Tenant, users::UserRole as StoredRole};
use chrono::{DateTime, Utc};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    caller::{Caller, Identity},
    words::TenantStatus,
};

/// A tenant.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
#[expect(missing_docs, reason = "the fields are described where they are set")]
pub struct TenantInfo {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<String>,
    pub language: String,
    pub time_zone: String,
    pub notes: String,
    pub tags: Vec<String>,
    pub metadata: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_users: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_backups: Option<i64>,
    pub status: TenantStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    pub delete_protection: bool,
    /// When it was moved to the trash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime<Utc>>,
    /// When it is removed from the trash, for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purge_after: Option<DateTime<Utc>>,
    /// The number in the ETag.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a caller sees of a tenant: its own people see neither the platform's notes on it nor how it is filed there,
/// and a member not the contract either.
pub(super) fn show_to(caller: &Caller, tenant: Tenant) -> TenantInfo {
    let info = show(tenant);
    let Identity::User { role, .. } = &caller.identity else { return info };
    let info = TenantInfo {
        external_reference: None,
        notes: String::new(),
        tags: Vec::new(),
        metadata: BTreeMap::new(),
        ..info
    };
    match role {
        StoredRole::Manager => info,
        StoredRole::Member => TenantInfo {
            legal_name: None,
            contact_name: None,
            contact_email: None,
            contact_phone: None,
            quota_users: None,
            quota_bytes: None,
            quota_backups: None,
            status_reason: None,
            ..info
        },
    }
}

pub(super) fn show(tenant: Tenant) -> TenantInfo {
    TenantInfo {
        id: tenant.id.uuid(),
        slug: tenant.slug,
        name: tenant.name,
        legal_name: tenant.legal_name,
        contact_name: tenant.contact_name,
        contact_email: tenant.contact_email,
        contact_phone: tenant.contact_phone,
        external_reference: tenant.external_reference,
        language: tenant.language,
        time_zone: tenant.time_zone,
        notes: tenant.notes,
        tags: tenant.tags.0,
        metadata: tenant.metadata.0,
        quota_users: tenant.quota_users,
        quota_bytes: tenant.quota_bytes,
        quota_backups: tenant.quota_backups,
        status: tenant.status.into(),
        status_reason: tenant.status_reason,
        delete_protection: tenant.delete_protection != 0,
        deleted_at: tenant.deleted_at.map(Timestamp::to_datetime),
        purge_after: tenant.purge_after.map(Timestamp::to_datetime),
        version: tenant.version,
        created_at: tenant.created_at.to_datetime(),
        updated_at: tenant.updated_at.to_datetime(),
    }
}
