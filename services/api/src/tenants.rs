//! Tenants over HTTP: create, read, change, move to the trash and back, export.

mod create;
mod export;
mod shapes;
mod show;

use chiliview_store::{
    audit::{self, Event},
    queue::{self, NewJob, Work},
    sessions,
    tenants::{self as rows, Filter, Tenant},
    uploads,
};
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};

pub use self::{
    shapes::{NewTenant, TenantPatch},
    show::TenantInfo,
};
use self::{
    shapes::{patched, refuse_platform_fields},
    show::{show, show_to},
};
use crate::{
    app::App,
    auth,
    caller::Caller,
    csv::CsvFile,
    etag::{Tagged, check_if_match, etag},
    json::{Created, Json, NoContent},
    once::Once,
    paging::{self, List},
    problem::Problem,
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
        let first = create::run(&self.app, &caller, &once, input.0).await?;
        Ok(Created { etag: Some(etag(first.body.version)), location: first.location, body: first.body })
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
    Problem::taken("/slug", "slug_taken", "another tenant has this slug, maybe one in the trash")
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
