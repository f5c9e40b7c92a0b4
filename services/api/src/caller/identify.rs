//! From the token to the person: the row of the session or the API key, then the account as it is now.

use std::fmt;

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

/// What somebody showed, as it is stored.
enum Shown {
    Session(Session),
    Key(ApiKey),
}

/// Whether a request counts as use, of a session or of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Counts,
    CountsNot,
}

pub(super) async fn identify(app: &App, request: &Request, used: Use) -> Result<Caller, Problem> {
    let token = token_of(request, app.policy().secure_cookies).ok_or_else(Problem::unauthenticated)?;
    let shown = shown_by(app, &token).await?.ok_or_else(Problem::unauthenticated)?;
    let identity = person_behind(app, &shown).await?.ok_or_else(Problem::unauthenticated)?;
    if used == Use::Counts {
        touch(app, &shown).await;
    }
    let (credential, credential_version) = match shown {
        Shown::Session(session) => (Credential::Session(session.id), session.credential_version),
        Shown::Key(key) => (Credential::Key { id: key.id, name: key.name }, 0),
    };
    Ok(Caller { credential, identity, credential_version, origin: Origin::of(request) })
}

/// Whether the caller would be let in as the same again: for what goes on after its request was. Asking is no use.
pub(crate) async fn is_as_before(app: &App, caller: &Caller) -> Result<bool, Problem> {
    let shown = app.central().read(async |tx| {
        Ok::<_, chiliview_store::Error>(match &caller.credential {
            Credential::Session(id) => sessions::find(tx, *id).await?.map(Shown::Session),
            Credential::Key { id, .. } => api_keys::find(tx, *id).await?.map(Shown::Key),
        })
    });
    let Some(shown) = shown.await? else { return Ok(false) };
    let identity = person_behind(app, &shown).await?;
    Ok(identity.is_some_and(|identity| identity.is_same(&caller.identity)))
}

async fn shown_by(app: &App, token: &str) -> Result<Option<Shown>, Problem> {
    let hash = token_hash(token);
    let shown = app.central().read(async |tx| {
        Ok::<_, chiliview_store::Error>(match token.starts_with(KEY_PREFIX) {
            true => api_keys::find_by_token(tx, &hash).await?.map(Shown::Key),
            false => sessions::find_by_token(tx, &hash).await?.map(Shown::Session),
        })
    });
    Ok(shown.await?)
}

/// Nobody when it has ended.
async fn person_behind(app: &App, shown: &Shown) -> Result<Option<Identity>, Problem> {
    let now = app.now();
    match shown {
        Shown::Key(key) if key.expires_at > now => identity_of_key(app, key).await,
        Shown::Session(session) if is_alive(app, session, now) => match account_of(session) {
            Some(account) => identity_of(app, account, session.credential_version).await,
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

fn account_of(session: &Session) -> Option<Account> {
    match (session.admin_id, session.tenant_id, session.user_id) {
        (Some(admin), _, _) => Some(Account::Admin(admin)),
        (None, Some(tenant), Some(user)) => Some(Account::User(tenant, user)),
        _ => None,
    }
}

/// Notes the use. A full disk must not keep anybody from reading.
async fn touch(app: &App, shown: &Shown) {
    let now = app.now();
    let last = match shown {
        Shown::Session(session) => Some(session.last_seen_at),
        Shown::Key(key) => key.last_used_at,
    };
    if last.is_some_and(|at| now.since(at) <= TOUCH_EVERY) {
        return;
    }
    let touched = app.central().write(async |tx| match shown {
        Shown::Session(session) => sessions::touch(tx, session.id, now).await,
        Shown::Key(key) => api_keys::touch(tx, key.id, now).await,
    });
    if let Err(error) = touched.await {
        tracing::warn!(%error, "caller.not_touched");
    }
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

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin(id) => write!(f, "admin:{id}"),
            Self::User(tenant, id) => write!(f, "user:{tenant}:{id}"),
            Self::Key(id) => write!(f, "key:{id}"),
        }
    }
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
