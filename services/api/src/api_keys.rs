//! API keys: what programs show instead of a log-in. A key does what its maker may, within its own role and until it ends.

use std::time::Duration;

use chiliview_store::{
    TenantId, Timestamp, Tx,
    admins::AdminRole,
    api_keys::{self as rows, ApiKey, KeyRole as Stored},
    audit::{self, Event},
    users::UserRole,
};
use chrono::{DateTime, Utc};
use garde::Validate;
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    auth,
    caller::{Caller, Identity, new_key, token_hash},
    fields,
    json::{Created, Json, NoContent},
    paging::{self, List},
    problem::Problem,
    secret::Secret,
    words::{KeyRole, Order},
};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// When nobody says how long.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
const LONGEST_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);
const MOST_OF_THE_PLATFORM: i64 = 100;
const MOST_OF_A_TENANT: i64 = 20;
const HINT: usize = 4;

/// The resource.
pub struct ApiKeys {
    app: App,
}

/// A new key.
#[derive(Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct NewKey {
    /// What it is for.
    #[garde(custom(fields::line), length(chars, max = 100))]
    name: String,
    /// What it may do: no more than its maker.
    role: KeyRole,
    /// With role `manager`: the tenant that it is confined to, by id or slug. Its own manager may leave it out.
    #[garde(inner(length(chars, min = 1, max = 63)))]
    tenant: Option<String>,
    /// When it ends; in 90 days when absent, in 366 at the latest.
    expires_at: Option<DateTime<Utc>>,
    /// The caller's own password, once more.
    #[garde(inner(custom(auth::known_length)))]
    password: Option<Secret>,
}

/// A key.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ApiKeyInfo {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// The last characters of its token.
    pub hint: String,
    /// What it may do.
    pub role: KeyRole,
    /// The tenant that it is confined to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// Who made it. It does nothing any more that he may not.
    pub made_by: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// Whether it has ended.
    pub expired: bool,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// For `Authorization: Bearer`. In the answer that makes the key, and in no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

#[OpenApi]
impl ApiKeys {
    /// Create an API key
    ///
    /// Its token stands in this answer and nowhere else. A key does nothing that asks for a password.
    #[oai(path = "/api-keys", method = "post", operation_id = "create_api_key")]
    async fn create(&self, caller: Caller, input: Json<NewKey>) -> Result<Created<ApiKeyInfo>, Problem> {
        let Json(input) = input;
        caller.require_manager_change()?;
        let app = &self.app;
        let tenant = self.confinement(&caller, &input).await?;
        let now = app.now();
        let expires_at = end(input.expires_at, now)?;
        auth::reauthenticate_by(app, &caller, input.password.as_ref(), "/password").await?;
        let token = new_key();
        let key = new(&caller, &input, &token, tenant, expires_at, app.store().ids().next(), now);
        app.central()
            .write(async |tx| {
                refuse_many(tx, tenant).await?;
                rows::insert(tx, &key, &token_hash(&token)).await?;
                let event = Event::done("api_key.create", "api_key", key.id).changing(audit::creation(&key));
                app.audit(tx, &caller, event).await
            })
            .await?;
        let body = ApiKeyInfo { token: Some(token), ..show(key, now) };
        Ok(Created { location: format!("/api/api-keys/{}", body.id), etag: None, body })
    }

    /// List API keys, newest first
    ///
    /// A tenant's managers see those of their tenant.
    #[oai(path = "/api-keys", method = "get", operation_id = "list_api_keys")]
    async fn list(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        /// Only those that are confined to this tenant; by id or slug.
        tenant: Query<Option<String>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<ApiKeyInfo>>, Problem> {
        caller.require_manager_read()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or(Order::Descending))?;
        let tenant = self.app.confined(&caller, tenant.0.as_deref()).await?;
        let now = self.app.now();
        let found = self.app.central().read(async |tx| rows::list(tx, tenant, &page).await).await?;
        Ok(Json(paging::list(found, &page, |key| (key.id.to_string(), key.id.to_string()), |key| show(key, now))))
    }

    /// Read an API key
    #[oai(path = "/api-keys/:key", method = "get", operation_id = "get_api_key")]
    async fn get(&self, caller: Caller, key: Path<Uuid>) -> Result<Json<ApiKeyInfo>, Problem> {
        let now = self.app.now();
        Ok(Json(show(self.app.central().read(async |tx| found(tx, &caller, key.0).await).await?, now)))
    }

    /// Revoke an API key
    ///
    /// The next request with it is refused.
    #[oai(path = "/api-keys/:key", method = "delete", operation_id = "delete_api_key")]
    async fn delete(&self, caller: Caller, key: Path<Uuid>) -> Result<NoContent, Problem> {
        caller.require_manager_write()?;
        let app = &self.app;
        app.central()
            .write(async |tx| {
                let seen = found(tx, &caller, key.0).await?;
                if caller.own_tenant().is_some() && seen.admin_id.is_some() {
                    return Err(Problem::forbidden("the platform made this key; ask its operators"));
                }
                rows::delete(tx, seen.id).await?;
                let changes = serde_json::json!({ "name": [seen.name, null] });
                app.audit(tx, &caller, Event::done("api_key.delete", "api_key", seen.id).changing(changes)).await
            })
            .await?;
        Ok(NoContent)
    }
}

impl ApiKeys {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    /// The tenant that the key is confined to; refuses a role that is more than the caller's own.
    async fn confinement(&self, caller: &Caller, input: &NewKey) -> Result<Option<TenantId>, Problem> {
        let wrong = |code: &str, detail: &str| Err(Problem::field("/tenant", code, detail));
        match (Stored::from(input.role), &input.tenant, caller.own_tenant()) {
            (Stored::Manager, Some(reference), _) => Ok(Some(self.app.living_tenant(caller, reference).await?.0.id)),
            (Stored::Manager, None, Some(own)) => Ok(Some(own.id)),
            (Stored::Manager, None, None) => wrong("required", "names the tenant that the key is confined to"),
            (_, _, Some(_)) => Err(Problem::forbidden("nobody grants more than he holds")),
            (_, Some(_), None) => wrong("not_allowed", "goes with role \"manager\" only"),
            (_, None, None) => Ok(None),
        }
    }
}

fn end(asked: Option<DateTime<Utc>>, now: Timestamp) -> Result<Timestamp, Problem> {
    let end = asked.map_or_else(|| now.plus(LIFETIME), Timestamp::from);
    if end > now && end <= now.plus(LONGEST_LIFETIME) {
        return Ok(end);
    }
    let days = LONGEST_LIFETIME.as_secs() / DAY.as_secs();
    let detail = format!("must be in the future, and {days} days from now at the latest");
    Err(Problem::field("/expires_at", "out_of_range", detail))
}

async fn refuse_many(tx: &mut Tx, tenant: Option<TenantId>) -> Result<(), Problem> {
    let most = if tenant.is_some() { MOST_OF_A_TENANT } else { MOST_OF_THE_PLATFORM };
    if rows::count(tx, tenant).await? < most {
        return Ok(());
    }
    Err(Problem::conflict("too_many_api_keys", format!("there are {most} keys already; revoke one first")))
}

fn new(
    caller: &Caller,
    input: &NewKey,
    token: &str,
    tenant: Option<TenantId>,
    expires_at: Timestamp,
    id: chiliview_store::ApiKeyId,
    now: Timestamp,
) -> ApiKey {
    let (admin_id, user_id) = match &caller.identity {
        Identity::Admin { id, .. } => (Some(*id), None),
        Identity::User { id, .. } => (None, Some(*id)),
    };
    ApiKey {
        id,
        hint: token[token.len() - HINT..].to_owned(),
        name: input.name.clone(),
        role: input.role.into(),
        tenant_id: tenant,
        admin_id,
        user_id,
        made_by: caller.label(),
        expires_at,
        last_used_at: None,
        created_at: now,
    }
}

/// A key that exists for the caller; everything foreign is a 404.
async fn found(tx: &mut Tx, caller: &Caller, id: Uuid) -> Result<ApiKey, Problem> {
    caller.require_manager_read()?;
    let key = rows::find(tx, id.into()).await?;
    let sees = |key: &ApiKey| match key.tenant_id {
        Some(tenant) => caller.sees_tenant(tenant),
        None => caller.own_tenant().is_none(),
    };
    key.filter(sees).ok_or_else(|| Problem::not_found("API key"))
}

fn show(key: ApiKey, now: Timestamp) -> ApiKeyInfo {
    ApiKeyInfo {
        id: key.id.uuid(),
        name: key.name,
        hint: key.hint,
        role: key.role.into(),
        tenant_id: key.tenant_id.map(TenantId::uuid),
        made_by: key.made_by,
        expires_at: key.expires_at.to_datetime(),
        expired: key.expires_at <= now,
        last_used_at: key.last_used_at.map(Timestamp::to_datetime),
        created_at: key.created_at.to_datetime(),
        token: None,
    }
}

/// What a key of this role does that was made by an admin of that one; nothing any more when he reads only by now.
pub(crate) fn of_admin(key: Stored, maker: AdminRole) -> Option<AdminRole> {
    match (key, maker) {
        (Stored::Operator, AdminRole::Owner | AdminRole::Operator) => Some(AdminRole::Operator),
        (Stored::Operator | Stored::Auditor, _) => Some(AdminRole::Auditor),
        (Stored::Manager, _) => None,
    }
}

/// What a key that is confined to a tenant does there, by who made it.
pub(crate) fn in_tenant(admin: Option<AdminRole>, user: Option<UserRole>) -> Option<UserRole> {
    match (admin, user) {
        (Some(AdminRole::Owner | AdminRole::Operator), _) | (None, Some(UserRole::Manager)) => Some(UserRole::Manager),
        _ => None,
    }
}
