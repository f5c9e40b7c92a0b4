//! A tenant comes to be: its database, then its row.

use chiliview_store::{
    TenantId,
    audit::Event,
    migrations::{Kind, newest},
    tenant_schemas,
    tenants::{self as rows, Tenant},
};

use super::{
    shapes::{NewTenant, new_tenant},
    show::{TenantInfo, show},
    slug_taken, taken_slug,
};
use crate::{
    app::App,
    caller::Caller,
    once::{First, Once},
    problem::Problem,
};

/// The database first: a crash before the commit leaves an orphan for `doctor`, never a tenant without one.
pub(super) async fn run(
    app: &App,
    caller: &Caller,
    once: &Once,
    input: NewTenant,
) -> Result<First<TenantInfo>, Problem> {
    if let Some(first) = answered_before(app, once, &input.slug).await? {
        return Ok(first);
    }
    let tenant = new_tenant(input, app.store().ids().next(), app.now());
    if let Err(error) = app.store().create_tenant_database(tenant.id).await {
        discard(app, tenant.id).await;
        return Err(error.into());
    }
    match insert(app, caller, once, tenant.clone()).await {
        Ok((first, true)) => Ok(first),
        Ok((first, false)) => {
            discard(app, tenant.id).await;
            Ok(first)
        }
        Err(problem) => {
            // After a failed commit nobody knows whether the row is there: the database stays, for `doctor` to name.
            if problem.is_refusal() {
                discard(app, tenant.id).await;
            }
            Err(problem)
        }
    }
}

/// Removes the database of a tenant that did not come to be. One that cannot be removed is left for `doctor`.
async fn discard(app: &App, id: TenantId) {
    if let Err(error) = app.store().remove_tenant_database(id).await {
        tracing::warn!(%error, tenant = %id, "tenant.orphan_left");
    }
}

/// The first answer to this request, if there is one; a slug that is taken by another is refused before a database
/// is made in vain. One view for both: the tenant that the same request has just made is no other.
async fn answered_before(app: &App, once: &Once, slug: &str) -> Result<Option<First<TenantInfo>>, Problem> {
    app.central()
        .read(async |tx| match once.before(tx).await? {
            Some(first) => Ok(Some(first)),
            None if rows::find_by_slug(tx, slug).await?.is_some() => Err(taken_slug()),
            None => Ok(None),
        })
        .await
}

/// Commits the row; false beside the answer when the same request was answered meanwhile.
async fn insert(app: &App, caller: &Caller, once: &Once, tenant: Tenant) -> Result<(First<TenantInfo>, bool), Problem> {
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
