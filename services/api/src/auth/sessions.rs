//! Sessions: everybody's own, and all of them for owners.

use std::collections::{BTreeMap, HashMap};

use chiliview_store::{
    SessionId, TenantId, UserId,
    audit::Event,
    sessions::{self as rows, Filter, Named, Session},
    users,
};
use chrono::{DateTime, Utc};
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    caller::{Caller, Credential, Identity},
    json::{Json, NoContent},
    paging::{self, List},
    problem::Problem,
    words::Order,
};

/// The resource.
pub struct Sessions {
    app: App,
}

/// A session.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SessionInfo {
    /// Its id, by which it can be ended.
    pub id: Uuid,
    /// Whether it is the one that asks.
    pub current: bool,
    /// The admin whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_id: Option<Uuid>,
    /// The tenant whose user's it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// That tenant's slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The user whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    /// The admin's or user's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Where it was begun.
    pub address: String,
    /// With what.
    pub user_agent: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

#[OpenApi]
impl Sessions {
    /// One's own sessions, newest first
    #[oai(path = "/auth/sessions", method = "get", operation_id = "list_sessions")]
    async fn own(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<SessionInfo>>, Problem> {
        caller.session()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or(Order::Descending))?;
        let rows = self.app.central().read(async |tx| match &caller.identity {
            Identity::Admin { id, .. } => rows::of_admin(tx, *id, &page).await,
            Identity::User { id, tenant, .. } => rows::of_user(tx, tenant.id, *id, &page).await,
        });
        let key = |row: &Session| (row.id.to_string(), row.id.to_string());
        Ok(Json(paging::list(rows.await?, &page, key, |row| show(row, &caller, Whose::default()))))
    }

    /// End one of one's own sessions
    #[oai(path = "/auth/sessions/:session", method = "delete", operation_id = "end_session")]
    async fn end_own(&self, caller: Caller, session: Path<Uuid>) -> Result<NoContent, Problem> {
        let id = SessionId::from(session.0);
        caller.session()?;
        let found = self.app.central().read(async |tx| rows::find(tx, id).await).await?;
        if !found.is_some_and(|row| is_own(&row, &caller)) {
            return Err(Problem::not_found("session"));
        }
        self.end(&caller, id, "auth.end_session").await
    }

    /// Everybody's sessions, newest first
    ///
    /// For owners.
    #[oai(path = "/sessions", method = "get", operation_id = "list_all_sessions")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn all(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        /// Only this admin's.
        admin: Query<Option<Uuid>>,
        /// Only those of this tenant's users; by id or slug.
        tenant: Query<Option<String>>,
        /// Only this user's.
        user: Query<Option<Uuid>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<SessionInfo>>, Problem> {
        caller.require_owner()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or(Order::Descending))?;
        let tenant = self.app.confined(&caller, tenant.0.as_deref()).await?;
        let filter = Filter { admin: admin.0.map(Into::into), tenant, user: user.0.map(Into::into) };
        let found = self.app.central().read(async |tx| rows::list(tx, filter, &page).await).await?;
        let usernames = self.usernames(&found).await;
        let key = |row: &Named| (row.session.id.to_string(), row.session.id.to_string());
        let shown = |row: Named| {
            let user = row.session.user_id.and_then(|user| usernames.get(&user).cloned());
            show(row.session, &caller, Whose { tenant: row.tenant, username: row.admin.or(user) })
        };
        Ok(Json(paging::list(found, &page, key, shown)))
    }

    /// End anybody's session
    ///
    /// For owners.
    #[oai(path = "/sessions/:session", method = "delete", operation_id = "end_any_session")]
    async fn end_any(&self, caller: Caller, session: Path<Uuid>) -> Result<NoContent, Problem> {
        caller.require_owner()?;
        self.end(&caller, session.0.into(), "session.end").await
    }
}

/// Names beside a session's ids.
#[derive(Default)]
struct Whose {
    tenant: Option<String>,
    username: Option<String>,
}

impl Sessions {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn end(&self, caller: &Caller, id: SessionId, action: &'static str) -> Result<NoContent, Problem> {
        let app = &self.app;
        app.central()
            .write(async |tx| {
                if !rows::delete(tx, id).await? {
                    return Err(Problem::not_found("session"));
                }
                app.audit(tx, caller, Event::done(action, "session", id)).await
            })
            .await?;
        Ok(NoContent)
    }

    /// What the users are called, each tenant's database asked once. One that is out of reach keeps nobody from seeing that
    /// somebody is logged in.
    async fn usernames(&self, rows: &[Named]) -> HashMap<UserId, String> {
        let mut of_tenants: BTreeMap<TenantId, Vec<UserId>> = BTreeMap::new();
        for row in rows {
            if let (Some(tenant), Some(user)) = (row.session.tenant_id, row.session.user_id) {
                of_tenants.entry(tenant).or_default().push(user);
            }
        }
        let mut all = HashMap::new();
        for (tenant, wanted) in of_tenants {
            let names = match self.app.store().tenant(tenant).await {
                Ok(database) => database.read(async |tx| users::names(tx, &wanted).await).await,
                Err(error) => Err(error),
            };
            match names {
                Ok(names) => all.extend(names),
                Err(error) => tracing::warn!(%tenant, %error, "sessions.names_unknown"),
            }
        }
        all
    }
}

fn is_own(row: &Session, caller: &Caller) -> bool {
    match &caller.identity {
        Identity::Admin { id, .. } => row.admin_id == Some(*id),
        Identity::User { id, tenant, .. } => (row.tenant_id, row.user_id) == (Some(tenant.id), Some(*id)),
    }
}

fn show(row: Session, caller: &Caller, whose: Whose) -> SessionInfo {
    SessionInfo {
        id: row.id.uuid(),
        current: matches!(caller.credential, Credential::Session(id) if id == row.id),
        admin_id: row.admin_id.map(|id| id.uuid()),
        tenant_id: row.tenant_id.map(TenantId::uuid),
        tenant: whose.tenant,
        user_id: row.user_id.map(|id| id.uuid()),
        username: whose.username,
        address: row.address,
        user_agent: row.user_agent,
        created_at: row.created_at.to_datetime(),
        last_seen_at: row.last_seen_at.to_datetime(),
        expires_at: row.expires_at.to_datetime(),
    }
}
