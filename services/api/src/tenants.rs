//! Tenants over HTTP: create, read, change, move to the trash and back, export.

use std::collections::BTreeMap;

use chiliview_store::{
    Timestamp,
    audit::{self, Event},
    json_text::JsonText,
    queue::{self, NewJob, Work},
    sessions,
    tenants::{self as rows, Filter, Tenant},
};
use chrono::{DateTime, Utc};
use garde::Validate;
use poem_openapi::{
    Object, OpenApi,
    param::{Header, Path, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    app::App,
    caller::Caller,
    etag::{Tagged, check_if_match, etag},
    fields,
    json::{Created, Json, NoContent, Patch},
    once::{First, Once},
    paging::{self, List},
    problem::{FieldError, Problem},
    words::{Order, TenantSort, TenantStatus},
};

const METADATA_BYTES: usize = 16 * 1024;

/// The resource.
pub struct Tenants {
    app: App,
}

/// A tenant to be made.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// Its short name in addresses and log-ins; for good, unless an admin changes it.
    #[garde(custom(fields::slug))]
    slug: String,
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

#[OpenApi]
impl Tenants {
    /// Create a tenant, with a database of its own
    #[oai(path = "/tenants", method = "post", operation_id = "create_tenant")]
    async fn create(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        input: Json<NewTenant>,
    ) -> Result<Created<TenantInfo>, Problem> {
        caller.require_operator()?;
        let once = Once::new(&caller, key.0, "create_tenant", &input.0)?;
        if let Some(first) = self.app.central().read(async |tx| once.before(tx).await).await? {
            return Ok(created(first));
        }
        let tenant = new_tenant(input.0, self.app.store().ids().next(), self.app.now());
        self.refuse_taken_slug(&tenant.slug).await?;
        // The database first: a crash before the commit leaves an orphan for `doctor`, never a tenant without one.
        self.app.store().create_tenant_database(tenant.id).await?;
        match self.insert(&caller, &once, tenant.clone()).await {
            Ok((first, true)) => Ok(created(first)),
            Ok((first, false)) => {
                self.app.store().remove_tenant_database(tenant.id).await?;
                Ok(created(first))
            }
            Err(problem) => {
                self.app.store().remove_tenant_database(tenant.id).await?;
                Err(problem)
            }
        }
    }

    /// List tenants
    #[oai(path = "/tenants", method = "get", operation_id = "list_tenants")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn list(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        /// Words in slug, name, legal name, contact, reference or tags.
        q: Query<Option<String>>,
        status: Query<Option<TenantStatus>>,
        tag: Query<Option<String>>,
        /// The trash instead of the living.
        deleted: Query<Option<bool>>,
        sort: Query<Option<TenantSort>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<TenantInfo>>, Problem> {
        if let Some(own) = caller.own_tenant() {
            return Ok(Json(List { items: vec![show(own.clone())], next: None }));
        }
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or_default())?;
        let filter = Filter { q: q.0, status: status.0.map(Into::into), tag: tag.0, deleted: deleted.0 == Some(true) };
        let sort = sort.0.unwrap_or(TenantSort::Name);
        let rows = self.app.central().read(async |tx| rows::list(tx, &filter, sort.into(), &page).await).await?;
        Ok(Json(paging::list(rows, &page, |row| (sort_key(row, sort), row.id.to_string()), show)))
    }

    /// Read a tenant
    #[oai(path = "/tenants/:tenant", method = "get", operation_id = "get_tenant")]
    async fn get(&self, caller: Caller, tenant: Path<String>) -> Result<Tagged<TenantInfo>, Problem> {
        Ok(tagged(self.app.tenant(&caller, &tenant.0).await?))
    }

    /// Change a tenant
    ///
    /// Its managers may change contact, language and time zone; the rest is the platform's.
    #[oai(path = "/tenants/:tenant", method = "patch", operation_id = "update_tenant")]
    async fn update(
        &self,
        caller: Caller,
        tenant: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        input: Json<TenantPatch>,
    ) -> Result<Tagged<TenantInfo>, Problem> {
        caller.require_manager_write()?;
        if caller.own_tenant().is_some() {
            refuse_platform_fields(&input.0)?;
        }
        let seen = self.app.tenant(&caller, &tenant.0).await?;
        let app = &self.app;
        let now = app.now();
        let tenant = app
            .central()
            .write(async |tx| {
                let before = rows::find(tx, seen.id).await?.ok_or_else(|| Problem::not_found("tenant"))?;
                check_if_match(if_match.0.as_deref(), before.version)?;
                let after = Tenant { updated_at: now, ..patched(before.clone(), input.0)? };
                rows::update(tx, &after).await.map_err(slug_taken)?;
                if !crate::caller::may_log_in(&after) {
                    sessions::delete_of_tenant(tx, after.id).await?;
                }
                let changes = audit::difference(&before, &after);
                app.audit(tx, &caller, Event::done("tenant.update", "tenant", after.id).changing(changes)).await?;
                Ok::<_, Problem>(Tenant { version: before.version + 1, ..after })
            })
            .await?;
        Ok(tagged(tenant))
    }

    /// Move a tenant to the trash
    ///
    /// Its users are logged out. It can be undeleted until `purge_after`.
    #[oai(path = "/tenants/:tenant", method = "delete", operation_id = "delete_tenant")]
    async fn delete(
        &self,
        caller: Caller,
        tenant: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<NoContent, Problem> {
        caller.require_operator()?;
        let seen = self.app.tenant(&caller, &tenant.0).await?;
        let app = &self.app;
        let now = app.now();
        app.central()
            .write(async |tx| {
                let before = rows::find(tx, seen.id).await?.ok_or_else(|| Problem::not_found("tenant"))?;
                check_if_match(if_match.0.as_deref(), before.version)?;
                if before.deleted_at.is_some() {
                    return Ok(());
                }
                if before.delete_protection != 0 {
                    let detail = "it is protected against deletion; lift delete_protection first";
                    return Err(Problem::conflict("delete_protected", detail));
                }
                let purge_after = Some(now.plus(app.policy().trash));
                let after = Tenant { deleted_at: Some(now), purge_after, updated_at: now, ..before };
                rows::update(tx, &after).await?;
                sessions::delete_of_tenant(tx, after.id).await?;
                let job = NewJob::new(app.store().ids().next(), Work::PurgeTenant { tenant: after.id });
                queue::enqueue(tx, &job.at(now.plus(app.policy().trash))).await?;
                app.audit(tx, &caller, Event::done("tenant.delete", "tenant", after.id)).await
            })
            .await?;
        Ok(NoContent)
    }

    /// Take a tenant out of the trash
    #[oai(path = "/tenants/:tenant/undelete", method = "post", operation_id = "undelete_tenant")]
    async fn undelete(&self, caller: Caller, tenant: Path<String>) -> Result<Tagged<TenantInfo>, Problem> {
        caller.require_operator()?;
        let seen = self.app.tenant(&caller, &tenant.0).await?;
        let app = &self.app;
        let now = app.now();
        let tenant = app
            .central()
            .write(async |tx| {
                let before = rows::find(tx, seen.id).await?.ok_or_else(|| Problem::not_found("tenant"))?;
                if before.deleted_at.is_none() {
                    return Err(Problem::conflict("not_deleted", "the tenant is not in the trash"));
                }
                let after = Tenant { deleted_at: None, purge_after: None, updated_at: now, ..before };
                rows::update(tx, &after).await?;
                app.audit(tx, &caller, Event::done("tenant.undelete", "tenant", after.id)).await?;
                Ok(Tenant { version: after.version + 1, ..after })
            })
            .await?;
        Ok(tagged(tenant))
    }
}

impl Tenants {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn refuse_taken_slug(&self, slug: &str) -> Result<(), Problem> {
        let taken = self.app.central().read(async |tx| rows::find_by_slug(tx, slug).await).await?;
        if taken.is_some() { Err(taken_slug()) } else { Ok(()) }
    }

    /// Commits the row; false beside the answer when the same request was answered meanwhile.
    async fn insert(&self, caller: &Caller, once: &Once, tenant: Tenant) -> Result<(First<TenantInfo>, bool), Problem> {
        let app = &self.app;
        let now = app.now();
        app.central()
            .write(async |tx| {
                if let Some(first) = once.before(tx).await? {
                    return Ok((first, false));
                }
                rows::insert(tx, &tenant).await.map_err(slug_taken)?;
                let event = Event::done("tenant.create", "tenant", tenant.id);
                let changes = serde_json::json!({ "slug": [null, tenant.slug], "name": [null, tenant.name] });
                app.audit(tx, caller, event.changing(changes)).await?;
                let first = First { location: format!("/api/tenants/{}", tenant.id), body: show(tenant) };
                once.remember(tx, &first, now).await?;
                Ok((first, true))
            })
            .await
    }
}

fn created(first: First<TenantInfo>) -> Created<TenantInfo> {
    Created { etag: Some(etag(first.body.version)), location: first.location, body: first.body }
}

fn tagged(tenant: Tenant) -> Tagged<TenantInfo> {
    Tagged { version: tenant.version, body: show(tenant) }
}

fn taken_slug() -> Problem {
    Problem::conflict("slug_taken", "another tenant has this slug, maybe one in the trash")
}

fn slug_taken(error: chiliview_store::Error) -> Problem {
    if error.is_duplicate_of("tenants", "slug") { taken_slug() } else { error.into() }
}

fn sort_key(row: &Tenant, sort: TenantSort) -> String {
    match sort {
        TenantSort::Name => row.name.clone(),
        TenantSort::Slug => row.slug.clone(),
        TenantSort::Created => row.id.to_string(),
    }
}

fn new_tenant(input: NewTenant, id: chiliview_store::TenantId, now: Timestamp) -> Tenant {
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
fn refuse_platform_fields(patch: &TenantPatch) -> Result<(), Problem> {
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

fn patched(tenant: Tenant, patch: TenantPatch) -> Result<Tenant, Problem> {
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

/// A field that a patch may set but not clear.
pub(crate) fn required<T>(pointer: &str, patch: Patch<T>, current: T) -> Result<T, Problem> {
    match patch {
        Patch::Absent => Ok(current),
        Patch::Value(value) => Ok(value),
        Patch::Null => Err(Problem::validation(vec![FieldError::new(
            pointer,
            "required",
            "cannot be cleared: it must have a value",
        )])),
    }
}

pub(crate) fn show(tenant: Tenant) -> TenantInfo {
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
