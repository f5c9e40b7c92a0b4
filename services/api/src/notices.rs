//! Notices over HTTP: what people were told, or would have been had a channel been there. Reading only.

use std::collections::BTreeMap;

use chiliview_notify::Kind;
use chiliview_store::{
    TenantId,
    notices::{self as rows, Filter, Notice},
};
use chrono::{DateTime, Utc};
use poem_openapi::{Object, OpenApi, param::Query};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    caller::Caller,
    json::Json,
    paging::{self, List},
    problem::Problem,
    words::{NoticeKind, Order, Severity},
};

/// The resource.
pub struct Notices {
    app: App,
}

/// Something that people ought to hear of.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct NoticeInfo {
    /// Its id: a webhook's `webhook-id`.
    pub id: Uuid,
    /// What happened: a webhook's `type`.
    pub kind: String,
    /// How much it matters.
    pub severity: Severity,
    /// Whom it happened to; the platform when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// What it is about: `backup:<id>`, `schedule:<id>`, `channel:<id>`.
    pub subject: String,
    /// What is to know, by name.
    pub facts: BTreeMap<String, String>,
    /// Why it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The trace of what raised it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What of a notice as it is kept is shown.
#[derive(Deserialize)]
struct Told {
    facts: Vec<(String, String)>,
    cause: Option<String>,
}

#[OpenApi]
impl Notices {
    /// List notices, newest first
    ///
    /// A tenant's managers see their own tenant's; the platform's are not shown to them.
    #[oai(path = "/notices", method = "get", operation_id = "list_notices")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn list(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        /// Only this kind.
        kind: Query<Option<NoticeKind>>,
        /// Only this severity.
        severity: Query<Option<Severity>>,
        /// Only this tenant's; by id or slug.
        tenant: Query<Option<String>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<NoticeInfo>>, Problem> {
        caller.require_manager_read()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or(Order::Descending))?;
        let tenant = self.app.confined(&caller, tenant.0.as_deref()).await?;
        let kind = kind.0.map(|kind| Kind::from(kind).name().to_owned());
        let filter = Filter { tenant, kind, severity: severity.0.map(Into::into) };
        let found = self.app.central().read(async |tx| rows::list(tx, &filter, &page).await).await?;
        let shown = found.into_iter().map(show).collect::<Result<Vec<_>, _>>()?;
        let key = |info: &NoticeInfo| (info.id.to_string(), info.id.to_string());
        Ok(Json(paging::list(shown, &page, key, |info| info)))
    }
}

impl Notices {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

fn show(row: Notice) -> Result<NoticeInfo, Problem> {
    let told: Told = serde_json::from_value(row.detail.0).map_err(Problem::internal)?;
    Ok(NoticeInfo {
        id: row.id.uuid(),
        kind: row.kind,
        severity: row.severity.into(),
        tenant_id: row.tenant_id.map(TenantId::uuid),
        subject: row.subject,
        facts: told.facts.into_iter().collect(),
        cause: told.cause,
        trace_id: row.trace_id,
        at: row.at.to_datetime(),
    })
}
