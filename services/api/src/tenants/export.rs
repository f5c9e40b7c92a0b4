//! Tenants as CSV.

use chiliview_store::{
    audit::Event,
    paging::{Cursor, Direction, Page},
    tenants::{self as rows, Filter, Tenant, TenantSort},
};
use futures::future::BoxFuture;

use crate::{
    app::App,
    caller::Caller,
    csv::{self, CsvFile},
    problem::Problem,
};

const COLUMNS: [&str; 20] = [
    "id",
    "slug",
    "name",
    "legal_name",
    "contact_name",
    "contact_email",
    "contact_phone",
    "external_reference",
    "language",
    "time_zone",
    "status",
    "status_reason",
    "tags",
    "quota_users",
    "quota_bytes",
    "quota_backups",
    "notes",
    "created_at",
    "updated_at",
    "deleted_at",
];

/// Who takes a list away is written down first.
pub(super) async fn run(app: &App, caller: &Caller, filter: Filter) -> Result<CsvFile, Problem> {
    let event = Event { object_id: None, ..Event::done("tenant.export", "tenant", "") };
    app.central().write(async |tx| app.audit(tx, caller, event).await).await?;
    let central = app.central().clone();
    let fetch = move |after: Option<Cursor>| {
        let (central, filter) = (central.clone(), filter.clone());
        let page = Page { after, limit: csv::PAGE, direction: Direction::Ascending };
        let rows = async move {
            let read = central.read(async |tx| rows::list(tx, &filter, TenantSort::Name, &page).await);
            Ok(read.await?)
        };
        Box::pin(rows) as BoxFuture<'static, Result<Vec<Tenant>, Problem>>
    };
    let cursor = |tenant: &Tenant| Cursor { key: tenant.name.clone(), id: tenant.id.to_string() };
    let day = app.now().to_datetime().format("%Y-%m-%d");
    CsvFile::paged(format!("tenants-{day}"), &COLUMNS, fetch, cursor, cells).await
}

fn cells(tenant: &Tenant) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    vec![
        tenant.id.to_string(),
        tenant.slug.clone(),
        tenant.name.clone(),
        text(&tenant.legal_name),
        text(&tenant.contact_name),
        text(&tenant.contact_email),
        text(&tenant.contact_phone),
        text(&tenant.external_reference),
        tenant.language.clone(),
        tenant.time_zone.clone(),
        tenant.status.to_string(),
        text(&tenant.status_reason),
        tenant.tags.0.join(","),
        number(tenant.quota_users),
        number(tenant.quota_bytes),
        number(tenant.quota_backups),
        tenant.notes.clone(),
        tenant.created_at.to_string(),
        tenant.updated_at.to_string(),
        tenant.deleted_at.map(|at| at.to_string()).unwrap_or_default(),
    ]
}
