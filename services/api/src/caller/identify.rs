//! From the token to the person: the row of the session or the API key, then the account as it is now.

use chiliview_store::{
    AdminId, ApiKeyId, TenantId, Timestamp, UserId, admins,
    api_keys::{self, ApiKey},
    sessions::{self, Session},
    tenants::{self, Tenant, TenantStatus},
    users::{self, UserStatus},
};
use poem::Request;

use super::{
    Caller, Credential, Identity, Origin,
    token::{KEY_PREFIX, token_hash, token_of},
};
use crate::{
    api_keys::{in_tenant, of_admin},
    app::App,
    problem::Problem,
};

/// A session or key in use for less than this is not written to again.
const TOUCH_EVERY: std::time::Duration = std::time::Duration::from_secs(60);

pub(super) async fn identify(app: &App, request: &Request) -> Result<Caller, Problem> {
    let token = token_of(request, app.policy().secure_cookies).ok_or_else(Problem::unauthenticated)?;
    let hash = token_hash(&token);
    let now = app.now();
    if token.starts_with(KEY_PREFIX) {
        return identify_key(app, request, &hash, now).await;
    }
    let session = app.central().read(async |tx| sessions::find_by_token(tx, &hash).await).await?;
    let session = session.filter(|session| is_alive(app, session, now)).ok_or_else(Problem::unauthenticated)?;
    let credential_version = session.credential_version;
    let account = match (session.admin_id, session.tenant_id, session.user_id) {
        (Some(admin), _, _) => Some(Account::Admin(admin)),
        (None, Some(tenant), Some(user)) => Some(Account::User(tenant, user)),
        _ => None,
    };
    let account = account.ok_or_else(Problem::unauthenticated)?;
    let identity = identity_of(app, account, credential_version).await?.ok_or_else(Problem::unauthenticated)?;
    if now.since(session.last_seen_at) > TOUCH_EVERY {
        // A full disk must not keep anybody from reading.
        if let Err(error) = app.central().write(async |tx| sessions::touch(tx, session.id, now).await).await {
            tracing::warn!(%error, "session.not_touched");
        }
    }
    let credential = Credential::Session(session.id);
    Ok(Caller { credential, identity, credential_version, origin: Origin::of(request) })
}

async fn identify_key(app: &App, request: &Request, hash: &[u8], now: Timestamp) -> Result<Caller, Problem> {
    let key = app.central().read(async |tx| api_keys::find_by_token(tx, hash).await).await?;
    let key = key.filter(|key| key.expires_at > now).ok_or_else(Problem::unauthenticated)?;
    let identity = identity_of_key(app, &key).await?.ok_or_else(Problem::unauthenticated)?;
    if key.last_used_at.is_none_or(|at| now.since(at) > TOUCH_EVERY)
        && let Err(error) = app.central().write(async |tx| api_keys::touch(tx, key.id, now).await).await
    {
        tracing::warn!(%error, "api_key.not_touched");
    }
    let credential = Credential::Key { id: key.id, name: key.name };
    Ok(Caller { credential, identity, credential_version: 0, origin: Origin::of(request) })
}

/// Whether what the caller showed is still there: for what goes on after its request was let in.
pub(crate) async fn is_valid(app: &App, caller: &Caller) -> bool {
    let now = app.now();
    let found = app.central().read(async |tx| {
        Ok::<_, chiliview_store::Error>(match &caller.credential {
            Credential::Session(id) => sessions::find(tx, *id).await?.is_some(),
            Credential::Key { id, .. } => api_keys::find(tx, *id).await?.is_some_and(|key| key.expires_at > now),
        })
    });
    found.await.unwrap_or(false)
}

fn is_alive(app: &App, session: &Session, now: Timestamp) -> bool {
    session.expires_at > now && now.since(session.last_seen_at) < app.policy().session_idle
}

/// Whose session, key or link something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Account {
    Admin(AdminId),
    User(TenantId, UserId),
    Key(ApiKeyId),
}

/// Who the account's person is now; nobody when it is disabled or gone, its tenant is closed to it, or it has another
/// password than then.
pub(crate) async fn identity_of(
    app: &App,
    account: Account,
    credential_version: i64,
) -> Result<Option<Identity>, Problem> {
    match account {
        Account::Admin(id) => {
            let admin = app.central().read(async |tx| admins::find(tx, id).await).await?;
            let admin = admin.filter(|admin| admin.disabled_at.is_none());
            let admin = admin.filter(|admin| admin.credential_version == credential_version);
            Ok(admin.map(|admin| Identity::Admin { id, username: admin.username, role: admin.role }))
        }
        Account::User(tenant, id) => user_of(app, tenant, id, Some(credential_version)).await,
        Account::Key(id) => {
            let now = app.now();
            let key = app.central().read(async |tx| api_keys::find(tx, id).await).await?;
            match key.filter(|key| key.expires_at > now) {
                Some(key) => identity_of_key(app, &key).await,
                None => Ok(None),
            }
        }
    }
}

/// What a key's maker may do now, within the key's role; nobody when he is gone, disabled, or may no more what it is for.
async fn identity_of_key(app: &App, key: &ApiKey) -> Result<Option<Identity>, Problem> {
    let (admin, tenant) = app
        .central()
        .read(async |tx| {
            let admin = match key.admin_id {
                Some(id) => admins::find(tx, id).await?.filter(|admin| admin.disabled_at.is_none()),
                None => None,
            };
            let tenant = match key.tenant_id {
                Some(id) => tenants::find(tx, id).await?.filter(may_log_in),
                None => None,
            };
            Ok::<_, Problem>((admin, tenant))
        })
        .await?;
    Ok(match (key.tenant_id, key.user_id, admin, tenant) {
        (None, _, Some(admin), _) => {
            let role = of_admin(key.role, admin.role);
            role.map(|role| Identity::Admin { id: admin.id, username: admin.username, role })
        }
        (Some(_), None, Some(admin), Some(tenant)) => {
            let (id, tenant) = (UserId::from(key.id.uuid()), Box::new(tenant));
            let role = in_tenant(Some(admin.role), None);
            role.map(|role| Identity::User { id, username: admin.username, role, tenant })
        }
        (Some(tenant), Some(user), _, Some(_)) => {
            let identity = user_of(app, tenant, user, None).await?;
            identity.filter(
                |identity| matches!(identity, Identity::User { role, .. } if in_tenant(None, Some(*role)).is_some()),
            )
        }
        _ => None,
    })
}

async fn user_of(
    app: &App,
    tenant: TenantId,
    id: UserId,
    credential_version: Option<i64>,
) -> Result<Option<Identity>, Problem> {
    let tenant = app.central().read(async |tx| tenants::find(tx, tenant).await).await?;
    let Some(tenant) = tenant.filter(may_log_in) else { return Ok(None) };
    let database = app.store().tenant(tenant.id).await?;
    let user = database.read(async |tx| users::find(tx, id).await).await?;
    let is_same = |user: &users::User| credential_version.is_none_or(|version| user.credential_version == version);
    let user = user.filter(|user| user.status == UserStatus::Active && is_same(user));
    let tenant = Box::new(tenant);
    Ok(user.map(|user| Identity::User { id, username: user.username, role: user.role, tenant }))
}

/// Whether the people of a tenant may be logged in at all.
#[must_use]
pub fn may_log_in(tenant: &Tenant) -> bool {
    tenant.deleted_at.is_none() && tenant.status != TenantStatus::Suspended
}
