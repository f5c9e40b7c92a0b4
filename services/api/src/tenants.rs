//! Tenants over HTTP: create, read, change, move to the trash and back, export.

mod export;
mod shapes;

use chiliview_store::{
    TenantId,
    audit::{self, Event},
    migrations::{Kind, newest},
    queue::{self, NewJob, Work},
    sessions, tenant_schemas,
    tenants::{self as rows, Filter, Tenant},
    uploads,
};
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};

pub(crate) use self::shapes::required;
pub use self::shapes::{NewTenant, TenantInfo, TenantPatch};
use self::shapes::{new_tenant, patched, refuse_platform_fields, show, show_to};
use crate::{
    app::App,
    auth,
    caller::Caller,
    csv::CsvFile,
    etag::{Tagged, check_if_match, etag},
    json::{Created, Json, NoContent},
    once::{First, Once},
    paging::{self, List},
    problem::{FieldError, Problem},
    trash::refuse_over,
    words::{Order, TenantSort, TenantStatus},
};

/// The resource.
pub struct Tenants {
    app: App,
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
        if let Some(first) = self.answered_before(&once, &input.slug).await? {
            return Ok(created(first));
        }
        let tenant = new_tenant(input.0, self.app.store().ids().next(), self.app.now());
        // The database first: a crash before the commit leaves an orphan for `doctor`, never a tenant without one.
        if let Err(error) = self.app.store().create_tenant_database(tenant.id).await {
            self.discard(tenant.id).await;
            return Err(error.into());
        }
        match self.insert(&caller, &once, tenant.clone()).await {
            Ok((first, true)) => Ok(created(first)),
            Ok((first, false)) => {
                self.discard(tenant.id).await;
                Ok(created(first))
            }
            Err(problem) => {
                // After a failed commit nobody knows whether the row is there: the database stays, for `doctor` to name.
                if problem.is_refusal() {
                    self.discard(tenant.id).await;
                }
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
            return Ok(Json(List { items: vec![show_to(&caller, own.clone())], next: None }));
        }
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or_default())?;
        let filter = filter(q.0, status.0, tag.0, deleted.0)?;
        let sort = sort.0.unwrap_or(TenantSort::Name);
        let rows = self.app.central().read(async |tx| rows::list(tx, &filter, sort.into(), &page).await).await?;
        Ok(Json(paging::list(rows, &page, |row| (sort_key(row, sort), row.id.to_string()), show)))
    }

    /// Tenants as CSV, by name
    #[oai(path = "/tenants/export", method = "get", operation_id = "export_tenants")]
    async fn export(
        &self,
        caller: Caller,
        /// Words in slug, name, legal name, contact, reference or tags.
        q: Query<Option<String>>,
        status: Query<Option<TenantStatus>>,
        tag: Query<Option<String>>,
        /// The trash instead of the living.
        deleted: Query<Option<bool>>,
    ) -> Result<CsvFile, Problem> {
        caller.require_admin()?;
        export::run(&self.app, &caller, filter(q.0, status.0, tag.0, deleted.0)?).await
    }

    /// Read a tenant
    #[oai(path = "/tenants/:tenant", method = "get", operation_id = "get_tenant")]
    async fn get(&self, caller: Caller, tenant: Path<String>) -> Result<Tagged<TenantInfo>, Problem> {
        let tenant = self.app.tenant(&caller, &tenant.0).await?;
        Ok(tagged(&caller, tenant))
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
        let seen = self.app.tenant(&caller, &tenant.0).await?;
        caller.require_manager_change()?;
        if caller.own_tenant().is_some() {
            refuse_platform_fields(&input.0)?;
        }
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
        Ok(tagged(&caller, tenant))
    }

    /// Move a tenant to the trash
    ///
    /// Its users are logged out. It can be undeleted until `purge_after`. Takes a session that was begun or confirmed (`POST
    /// /auth/reauthenticate`) in the last quarter of an hour, or an API key.
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
                auth::require_fresh(tx, &caller, now).await?;
                if before.delete_protection != 0 {
                    let detail = "it is protected against deletion; lift delete_protection first";
                    return Err(Problem::conflict("delete_protected", detail));
                }
                let purge_after = Some(now.plus(app.policy().trash));
                let after = Tenant { deleted_at: Some(now), purge_after, updated_at: now, ..before };
                rows::update(tx, &after).await?;
                sessions::delete_of_tenant(tx, after.id).await?;
                uploads::close_of(tx, after.id, now).await?;
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
                refuse_over(before.purge_after, now)?;
                let after = Tenant { deleted_at: None, purge_after: None, updated_at: now, ..before };
                rows::update(tx, &after).await?;
                app.audit(tx, &caller, Event::done("tenant.undelete", "tenant", after.id)).await?;
                Ok(Tenant { version: after.version + 1, ..after })
            })
            .await?;
        Ok(tagged(&caller, tenant))
    }
}

impl Tenants {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    /// Removes the database of a tenant that did not come to be. One that cannot be removed is left for `doctor`.
    async fn discard(&self, id: TenantId) {
        if let Err(error) = self.app.store().remove_tenant_database(id).await {
            tracing::warn!(%error, tenant = %id, "tenant.orphan_left");
        }
    }

    /// The first answer to this request, if there is one; a slug that is taken by another is refused before a database
    /// is made in vain. One view for both: the tenant that the same request has just made is no other.
    async fn answered_before(&self, once: &Once, slug: &str) -> Result<Option<First<TenantInfo>>, Problem> {
        self.app
            .central()
            .read(async |tx| match once.before(tx).await? {
                Some(first) => Ok(Some(first)),
                None if rows::find_by_slug(tx, slug).await?.is_some() => Err(taken_slug()),
                None => Ok(None),
            })
            .await
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
                tenant_schemas::reached(tx, tenant.id, newest(Kind::Tenant), now).await?;
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

fn tagged(caller: &Caller, tenant: Tenant) -> Tagged<TenantInfo> {
    Tagged { version: tenant.version, body: show_to(caller, tenant) }
}

fn filter(
    q: Option<String>,
    status: Option<TenantStatus>,
    tag: Option<String>,
    deleted: Option<bool>,
) -> Result<Filter, Problem> {
    let tag = paging::text("tag", tag)?;
    Ok(Filter { q: paging::search(q)?, status: status.map(Into::into), tag, deleted: deleted == Some(true) })
}

pub(crate) fn taken_slug() -> Problem {
    let detail = "another tenant has this slug, maybe one in the trash";
    Problem::conflict("slug_taken", detail).errors(vec![FieldError::new("/slug", "slug_taken", detail)])
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
