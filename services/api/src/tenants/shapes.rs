//! What is said of a tenant, and by whom.

use std::collections::BTreeMap;

use chiliview_store::{TenantId, Timestamp, json_text::JsonText, tenants::Tenant};
use garde::Validate;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    fields,
    json::{Patch, required},
    problem::Problem,
    words::TenantStatus,
};

const METADATA_BYTES: usize = 16 * 1024;

/// A tenant to be made.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// Its short name in addresses and log-ins; for good, unless an admin changes it.
    #[garde(custom(fields::slug))]
    pub(super) slug: String,
    #[garde(custom(fields::line))]
    name: String,
    #[garde(inner(custom(fields::line)))]
    legal_name: Option<String>,
    #[garde(inner(custom(fields::line)))]
    contact_name: Option<String>,
    #[garde(inner(custom(fields::email)))]
    contact_email: Option<String>,
    #[garde(inner(custom(fields::line)))]
    contact_phone: Option<String>,
    /// Its number in the customer's other systems.
    #[garde(inner(custom(fields::line)))]
    external_reference: Option<String>,
    /// BCP 47; `en` when absent.
    #[garde(inner(custom(fields::language)))]
    language: Option<String>,
    /// IANA; `UTC` when absent.
    #[garde(inner(custom(fields::time_zone)))]
    time_zone: Option<String>,
    #[garde(inner(custom(fields::text)))]
    notes: Option<String>,
    #[garde(length(max = 50), inner(custom(fields::tag)))]
    #[serde(default)]
    #[oai(default)]
    tags: Vec<String>,
    /// Anything, up to 16 KiB of JSON.
    #[garde(inner(custom(small_metadata)))]
    metadata: Option<BTreeMap<String, Value>>,
    /// Users at the most; unlimited when absent.
    #[garde(inner(range(min = 0)))]
    quota_users: Option<i64>,
    /// Bytes of stored backups at the most; unlimited when absent.
    #[garde(inner(range(min = 0)))]
    quota_bytes: Option<i64>,
    /// Backups at the most; unlimited when absent.
    #[garde(inner(range(min = 0)))]
    quota_backups: Option<i64>,
    /// While true, it cannot be deleted.
    #[garde(skip)]
    #[serde(default)]
    #[oai(default)]
    delete_protection: bool,
}

/// What shall become different. A field that is absent stays, `null` clears.
#[derive(Clone, Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct TenantPatch {
    #[garde(inner(custom(fields::slug)))]
    #[serde(default)]
    slug: Patch<String>,
    #[garde(inner(custom(fields::line)))]
    #[serde(default)]
    name: Patch<String>,
    #[garde(inner(custom(fields::line)))]
    #[serde(default)]
    legal_name: Patch<String>,
    #[garde(inner(custom(fields::line)))]
    #[serde(default)]
    contact_name: Patch<String>,
    #[garde(inner(custom(fields::email)))]
    #[serde(default)]
    contact_email: Patch<String>,
    #[garde(inner(custom(fields::line)))]
    #[serde(default)]
    contact_phone: Patch<String>,
    #[garde(inner(custom(fields::line)))]
    #[serde(default)]
    external_reference: Patch<String>,
    #[garde(inner(custom(fields::language)))]
    #[serde(default)]
    language: Patch<String>,
    #[garde(inner(custom(fields::time_zone)))]
    #[serde(default)]
    time_zone: Patch<String>,
    #[garde(inner(custom(fields::text)))]
    #[serde(default)]
    notes: Patch<String>,
    #[garde(inner(length(max = 50), inner(custom(fields::tag))))]
    #[serde(default)]
    tags: Patch<Vec<String>>,
    #[garde(inner(custom(small_metadata)))]
    #[serde(default)]
    metadata: Patch<BTreeMap<String, Value>>,
    #[garde(inner(range(min = 0)))]
    #[serde(default)]
    quota_users: Patch<i64>,
    #[garde(inner(range(min = 0)))]
    #[serde(default)]
    quota_bytes: Patch<i64>,
    #[garde(inner(range(min = 0)))]
    #[serde(default)]
    quota_backups: Patch<i64>,
    #[garde(skip)]
    #[serde(default)]
    status: Patch<TenantStatus>,
    #[garde(inner(custom(fields::line)))]
    #[serde(default)]
    status_reason: Patch<String>,
    #[garde(skip)]
    #[serde(default)]
    delete_protection: Patch<bool>,
}

fn small_metadata(metadata: &BTreeMap<String, Value>, _: &()) -> Result<(), garde::Error> {
    match serde_json::to_vec(metadata) {
        Ok(bytes) if bytes.len() <= METADATA_BYTES => Ok(()),
        _ => Err(garde::Error::new("too_long: may have at most 16384 bytes as JSON")),
    }
}

pub(super) fn new_tenant(input: NewTenant, id: TenantId, now: Timestamp) -> Tenant {
    Tenant {
        id,
        slug: input.slug,
        name: input.name,
        legal_name: input.legal_name,
        contact_name: input.contact_name,
        contact_email: input.contact_email,
        contact_phone: input.contact_phone,
        external_reference: input.external_reference,
        language: input.language.unwrap_or_else(|| "en".into()),
        time_zone: input.time_zone.unwrap_or_else(|| "UTC".into()),
        notes: input.notes.unwrap_or_default(),
        tags: JsonText(input.tags),
        metadata: JsonText(input.metadata.unwrap_or_default()),
        quota_users: input.quota_users,
        quota_bytes: input.quota_bytes,
        quota_backups: input.quota_backups,
        status: TenantStatus::Active.into(),
        status_reason: None,
        delete_protection: i64::from(input.delete_protection),
        deleted_at: None,
        purge_after: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// What a tenant's own manager may not change.
pub(super) fn refuse_platform_fields(patch: &TenantPatch) -> Result<(), Problem> {
    let own = [
        ("/slug", patch.slug.is_absent()),
        ("/name", patch.name.is_absent()),
        ("/legal_name", patch.legal_name.is_absent()),
        ("/external_reference", patch.external_reference.is_absent()),
        ("/notes", patch.notes.is_absent()),
        ("/tags", patch.tags.is_absent()),
        ("/metadata", patch.metadata.is_absent()),
        ("/quota_users", patch.quota_users.is_absent()),
        ("/quota_bytes", patch.quota_bytes.is_absent()),
        ("/quota_backups", patch.quota_backups.is_absent()),
        ("/status", patch.status.is_absent()),
        ("/status_reason", patch.status_reason.is_absent()),
        ("/delete_protection", patch.delete_protection.is_absent()),
    ];
    match own.iter().find(|(_, absent)| !absent) {
        Some((pointer, _)) => Err(Problem::forbidden(format!("only the platform may change {pointer}"))),
        None => Ok(()),
    }
}

pub(super) fn patched(tenant: Tenant, patch: TenantPatch) -> Result<Tenant, Problem> {
    let status = required("/status", patch.status, tenant.status.into())?.into();
    Ok(Tenant {
        slug: required("/slug", patch.slug, tenant.slug)?,
        name: required("/name", patch.name, tenant.name)?,
        legal_name: patch.legal_name.apply(tenant.legal_name),
        contact_name: patch.contact_name.apply(tenant.contact_name),
        contact_email: patch.contact_email.apply(tenant.contact_email),
        contact_phone: patch.contact_phone.apply(tenant.contact_phone),
        external_reference: patch.external_reference.apply(tenant.external_reference),
        language: required("/language", patch.language, tenant.language)?,
        time_zone: required("/time_zone", patch.time_zone, tenant.time_zone)?,
        notes: patch.notes.apply(Some(tenant.notes)).unwrap_or_default(),
        tags: JsonText(patch.tags.apply(Some(tenant.tags.0)).unwrap_or_default()),
        metadata: JsonText(patch.metadata.apply(Some(tenant.metadata.0)).unwrap_or_default()),
        quota_users: patch.quota_users.apply(tenant.quota_users),
        quota_bytes: patch.quota_bytes.apply(tenant.quota_bytes),
        quota_backups: patch.quota_backups.apply(tenant.quota_backups),
        status,
        status_reason: patch.status_reason.apply(tenant.status_reason),
        delete_protection: patch.delete_protection.apply(Some(tenant.delete_protection != 0)).map_or(0, i64::from),
        ..tenant
    })
}
