//! The tenant that a restore makes: like the one that the backup is of, where that is still known, under another name.

use chiliview_store::{
    Error, Timestamp, Tx, backups,
    json_text::JsonText,
    restores::Restore,
    tenants::{self, Tenant, TenantStatus},
};

use super::failure::Failure;

pub(super) async fn of(tx: &mut Tx, row: &Restore, now: Timestamp) -> Result<Tenant, Error> {
    let backup = backups::find(tx, row.backup_id).await?;
    let source = match backup.and_then(|backup| backup.tenant_id) {
        Some(id) => tenants::find(tx, id).await?,
        None => None,
    };
    let made = Tenant {
        id: row.tenant_id,
        slug: row.tenant_slug.clone(),
        name: row.tenant_name.clone().unwrap_or_else(|| row.tenant_slug.clone()),
        legal_name: None,
        contact_name: None,
        contact_email: None,
        contact_phone: None,
        external_reference: None,
        language: "en".into(),
        time_zone: "UTC".into(),
        notes: String::new(),
        tags: JsonText::default(),
        metadata: JsonText::default(),
        quota_users: None,
        quota_bytes: None,
        quota_backups: None,
        status: TenantStatus::Active,
        status_reason: None,
        delete_protection: 0,
        deleted_at: None,
        purge_after: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    Ok(match source {
        None => made,
        Some(source) => alike(made, source),
    })
}

/// Contact, language and quotas are the source's; its reference in other systems is its own.
fn alike(made: Tenant, source: Tenant) -> Tenant {
    Tenant {
        legal_name: source.legal_name,
        contact_name: source.contact_name,
        contact_email: source.contact_email,
        contact_phone: source.contact_phone,
        language: source.language,
        time_zone: source.time_zone,
        tags: source.tags,
        quota_users: source.quota_users,
        quota_bytes: source.quota_bytes,
        quota_backups: source.quota_backups,
        ..made
    }
}

/// Somebody may have taken the slug since the restore was asked for.
pub(super) fn taken(error: Error, slug: &str) -> Failure {
    if error.is_duplicate_of("tenants", "slug") {
        return Failure::refused(format!("the slug {slug} was taken meanwhile"));
    }
    error.into()
}
