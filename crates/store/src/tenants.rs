//! Tenants: the resellers. A deleted one lies in the trash until it is purged.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;

use crate::{
    among::{among, joined},
    clock::Timestamp,
    error::{Error, Result},
    ids::{TenantId, words},
    json_text::JsonText,
    paging::{Direction, Page, search_pattern, search_text},
    seam::{Query, Tx},
};

words! {
    /// Whether a tenant's people may work.
    TenantStatus {
        /// Everything works.
        Active = "active",
        /// Its people look, make backups and prove them, and change nothing else.
        ReadOnly = "read_only",
        /// Nobody of it can log in; it is still backed up.
        Suspended = "suspended",
    }
}

words! {
    /// By what a list of tenants is sorted.
    TenantSort {
        /// By name.
        Name = "name",
        /// By slug.
        Slug = "slug",
        /// By when it was made.
        Created = "created",
    }
}

/// A row of `tenants`; it serialises to what the audit log compares.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Tenant {
    pub id: TenantId,
    pub slug: String,
    pub name: String,
    pub legal_name: Option<String>,
    pub contact_name: Option<String>,
    pub contact_email: Option<String>,
    pub contact_phone: Option<String>,
    pub external_reference: Option<String>,
    pub language: String,
    pub time_zone: String,
    pub notes: String,
    pub tags: JsonText<Vec<String>>,
    pub metadata: JsonText<BTreeMap<String, Value>>,
    pub quota_users: Option<i64>,
    pub quota_bytes: Option<i64>,
    pub quota_backups: Option<i64>,
    pub status: TenantStatus,
    pub status_reason: Option<String>,
    pub delete_protection: i64,
    pub deleted_at: Option<Timestamp>,
    #[serde(skip)]
    pub purge_after: Option<Timestamp>,
    #[serde(skip)]
    pub version: i64,
    #[serde(skip)]
    pub created_at: Timestamp,
    #[serde(skip)]
    pub updated_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, slug, name, legal_name, contact_name, contact_email, contact_phone, external_reference, \
             language, time_zone, notes, tags, metadata, quota_users, quota_bytes, quota_backups, status, \
             status_reason, delete_protection, deleted_at, purge_after, version, created_at, updated_at FROM tenants ",
            $rest
        )
    };
}

/// Adds a tenant. A slug that exists, in the trash too, is [`Error::Duplicate`] of `tenants.slug`.
pub async fn insert(tx: &mut Tx, tenant: &Tenant) -> Result<()> {
    tx.query(
        "INSERT INTO tenants (id, version, slug, name, legal_name, contact_name, contact_email, contact_phone,
             external_reference, language, time_zone, notes, tags, metadata, quota_users, quota_bytes, quota_backups,
             status, status_reason, delete_protection, deleted_at, purge_after, search, updated_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
             $23, $24, $25)",
    )
    .bind_columns(tenant)
    .bind(tenant.created_at)
    .execute()
    .await?;
    Ok(())
}

/// Writes every column that can change, if the row still has `tenant.version`; the row's version goes up by one.
pub async fn update(tx: &mut Tx, tenant: &Tenant) -> Result<()> {
    let changed = tx
        .query(
            "UPDATE tenants SET slug = $3, name = $4, legal_name = $5, contact_name = $6, contact_email = $7,
                 contact_phone = $8, external_reference = $9, language = $10, time_zone = $11, notes = $12, tags = $13,
                 metadata = $14, quota_users = $15, quota_bytes = $16, quota_backups = $17, status = $18,
                 status_reason = $19, delete_protection = $20, deleted_at = $21, purge_after = $22, search = $23,
                 updated_at = $24, version = version + 1
             WHERE id = $1 AND version = $2",
        )
        .bind_columns(tenant)
        .execute()
        .await?;
    if changed == 0 { Err(Error::VersionMismatch) } else { Ok(()) }
}

impl Query<'_> {
    /// `$1` to `$24` of both statements above.
    fn bind_columns(self, tenant: &Tenant) -> Self {
        self.bind(tenant.id)
            .bind(tenant.version)
            .bind(tenant.slug.clone())
            .bind(tenant.name.clone())
            .bind(tenant.legal_name.clone())
            .bind(tenant.contact_name.clone())
            .bind(tenant.contact_email.clone())
            .bind(tenant.contact_phone.clone())
            .bind(tenant.external_reference.clone())
            .bind(tenant.language.clone())
            .bind(tenant.time_zone.clone())
            .bind(tenant.notes.clone())
            .bind(tenant.tags.clone())
            .bind(tenant.metadata.clone())
            .bind(tenant.quota_users)
            .bind(tenant.quota_bytes)
            .bind(tenant.quota_backups)
            .bind(tenant.status)
            .bind(tenant.status_reason.clone())
            .bind(tenant.delete_protection)
            .bind(tenant.deleted_at)
            .bind(tenant.purge_after)
            .bind(search(tenant))
            .bind(tenant.updated_at)
    }
}

fn search(tenant: &Tenant) -> String {
    search_text(&[
        Some(&tenant.slug),
        Some(&tenant.name),
        tenant.legal_name.as_deref(),
        tenant.contact_name.as_deref(),
        tenant.contact_email.as_deref(),
        tenant.external_reference.as_deref(),
        Some(&tenant.tags.0.join("\n")),
    ])
}

/// By id, in the trash too.
pub async fn find(tx: &mut Tx, id: TenantId) -> Result<Option<Tenant>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// By slug, in the trash too.
pub async fn find_by_slug(tx: &mut Tx, slug: &str) -> Result<Option<Tenant>> {
    tx.query(select!("WHERE slug = $1")).bind(slug.to_owned()).fetch_optional().await
}

/// The slugs of those of them that there are, in the trash too.
pub async fn slugs(tx: &mut Tx, ids: &[TenantId]) -> Result<Vec<(TenantId, String)>> {
    tx.query(concat!("SELECT id, slug FROM tenants WHERE id IN ", among!())).bind(joined(ids)).fetch_all().await
}

/// Removes the row for good; its sessions go with it.
pub async fn purge(tx: &mut Tx, id: TenantId) -> Result<bool> {
    Ok(tx.query("DELETE FROM tenants WHERE id = $1 AND deleted_at IS NOT NULL").bind(id).execute().await? == 1)
}

/// Those whose time in the trash is over.
pub async fn due_for_purge(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Tenant>> {
    tx.query(select!("WHERE deleted_at IS NOT NULL AND purge_after <= $1 ORDER BY purge_after LIMIT $2"))
        .bind(now)
        .bind(limit)
        .fetch_all()
        .await
}

/// What to list; an absent part does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// What was typed into the search.
    pub q: Option<String>,
    /// Only this status.
    pub status: Option<TenantStatus>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// The trash instead of the living.
    pub deleted: bool,
}

macro_rules! page {
    ($column:literal, $beyond:literal, $order:literal) => {
        concat!(
            "SELECT id, slug, name, legal_name, contact_name, contact_email, contact_phone, external_reference, \
             language, time_zone, notes, tags, metadata, quota_users, quota_bytes, quota_backups, status, \
             status_reason, delete_protection, deleted_at, purge_after, version, created_at, updated_at FROM tenants \
             WHERE (CAST($1 AS TEXT) IS NULL OR search LIKE $1 ESCAPE '\\') \
               AND (CAST($2 AS TEXT) IS NULL OR status = $2) \
               AND (CAST($3 AS TEXT) IS NULL OR replace(tags, $3, '') <> tags) \
               AND (deleted_at IS NOT NULL) = ($4 <> 0) AND (",
            $column, ", id) ", $beyond, " ($5, $6) ORDER BY ", $column, $order, ", id", $order, " LIMIT $7"
        )
    };
}

/// A page.
pub async fn list(tx: &mut Tx, filter: &Filter, sort: TenantSort, page: &Page) -> Result<Vec<Tenant>> {
    let sql = match (sort, page.direction) {
        (TenantSort::Name, Direction::Ascending) => page!("name", ">", " ASC"),
        (TenantSort::Name, Direction::Descending) => page!("name", "<", " DESC"),
        (TenantSort::Slug, Direction::Ascending) => page!("slug", ">", " ASC"),
        (TenantSort::Slug, Direction::Descending) => page!("slug", "<", " DESC"),
        (TenantSort::Created, Direction::Ascending) => page!("id", ">", " ASC"),
        (TenantSort::Created, Direction::Descending) => page!("id", "<", " DESC"),
    };
    let (key, id) = page.start();
    tx.query(sql)
        .bind(search_pattern(filter.q.as_deref()))
        .bind(filter.status)
        .bind(filter.tag.as_deref().map(quoted))
        .bind(i64::from(filter.deleted))
        .bind(key)
        .bind(id)
        .bind(page.limit)
        .fetch_all()
        .await
}

/// All that a backup of everything covers: not those in the trash, but the suspended too.
pub async fn to_back_up(tx: &mut Tx, after: Option<TenantId>, limit: i64) -> Result<Vec<Tenant>> {
    tx.query(select!("WHERE deleted_at IS NULL AND id > $1 ORDER BY id LIMIT $2"))
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(limit)
        .fetch_all()
        .await
}

/// As [`to_back_up`], only with this tag.
pub async fn tagged(tx: &mut Tx, tag: &str, after: Option<TenantId>, limit: i64) -> Result<Vec<Tenant>> {
    tx.query(select!("WHERE deleted_at IS NULL AND replace(tags, $3, '') <> tags AND id > $1 ORDER BY id LIMIT $2"))
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(limit)
        .bind(quoted(tag))
        .fetch_all()
        .await
}

/// Tags are kept as a JSON array: a whole one is found between its quotes, its case and all.
fn quoted(tag: &str) -> String {
    Value::from(tag).to_string()
}

/// All ids, those in the trash too, a page at a time: what the disk is compared with.
pub async fn ids(tx: &mut Tx, after: Option<TenantId>, limit: i64) -> Result<Vec<(TenantId, String)>> {
    tx.query("SELECT id, slug FROM tenants WHERE id > $1 ORDER BY id LIMIT $2")
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(limit)
        .fetch_all()
        .await
}
