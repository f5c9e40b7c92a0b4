//! Who calls: read anew for every request from the session's row and the account's, so a change of role, a new
//! password, a disabled account or a suspended tenant acts on the very next request.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chiliview_store::{
    AdminId, SessionId, TenantId, Timestamp, UserId,
    admins::{self, AdminRole},
    audit::{Actor, ActorKind},
    sessions::{self, Session},
    tenants::{self, Tenant, TenantStatus},
    users::{self, UserRole, UserStatus},
};
use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};
use sha2::{Digest, Sha256};

use crate::{
    app::App,
    edge::{ClientAddress, TraceId},
    problem::Problem,
};

/// A session in use for less than this is not written to again.
const TOUCH_EVERY: std::time::Duration = std::time::Duration::from_secs(60);
const TOKEN_PREFIX: &str = "cvs_";
const BEARER: &str = "bearer";
const COOKIE: &str = "cookie";

/// Somebody who is logged in. As a handler's parameter it refuses everybody else with 401.
#[derive(Clone, Debug)]
pub struct Caller {
    /// His session.
    pub session: SessionId,
    /// Who he is.
    pub identity: Identity,
    /// Which of his passwords the session was begun with.
    pub credential_version: i64,
    /// Where the request came from.
    pub origin: Origin,
}

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client's address.
    pub address: Option<String>,
    /// The request's trace.
    pub trace_id: Option<String>,
    /// What the client says that it is; at most 200 characters of it.
    pub user_agent: String,
}

/// Who somebody is.
#[derive(Clone, Debug)]
pub enum Identity {
    /// An admin of the platform.
    Admin {
        /// His id.
        id: AdminId,
        /// His username.
        username: String,
        /// What he may do.
        role: AdminRole,
    },
    /// A user of a tenant.
    User {
        /// His id, inside the tenant.
        id: UserId,
        /// His username.
        username: String,
        /// What he may do.
        role: UserRole,
        /// His tenant.
        tenant: Box<Tenant>,
    },
}

impl Origin {
    /// What the edge found out about a request.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        Self {
            address: request.data::<ClientAddress>().map(|address| address.0.to_string()),
            trace_id: request.data::<TraceId>().map(|trace| trace.0.clone()),
            user_agent: request.header("user-agent").unwrap_or_default().chars().take(200).collect(),
        }
    }

    /// Somebody who is not logged in.
    #[must_use]
    pub fn anonymous(&self, name: &str) -> Actor {
        Actor {
            kind: ActorKind::Anonymous,
            id: None,
            name: name.chars().take(100).collect(),
            address: self.address.clone(),
            trace_id: self.trace_id.clone(),
        }
    }
}

impl Caller {
    /// The account that he uses.
    pub(crate) fn account(&self) -> Account {
        match &self.identity {
            Identity::Admin { id, .. } => Account::Admin(*id),
            Identity::User { id, tenant, .. } => Account::User(tenant.id, *id),
        }
    }

    /// As the audit log names him.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let (kind, id, name) = match &self.identity {
            Identity::Admin { id, username, .. } => (ActorKind::Admin, id.to_string(), username),
            Identity::User { id, username, .. } => (ActorKind::User, id.to_string(), username),
        };
        Actor {
            kind,
            id: Some(id),
            name: name.clone(),
            address: self.origin.address.clone(),
            trace_id: self.origin.trace_id.clone(),
        }
    }

    /// `admin:<id>` or `user:<tenant>:<id>`: what idempotency keys belong to.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.identity {
            Identity::Admin { id, .. } => format!("admin:{id}"),
            Identity::User { id, tenant, .. } => format!("user:{}:{id}", tenant.id),
        }
    }

    /// `username`, or `username@slug` of a tenant's user: how records name who asked.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.identity {
            Identity::Admin { username, .. } => username.clone(),
            Identity::User { username, tenant, .. } => format!("{username}@{}", tenant.slug),
        }
    }

    /// Whether this tenant exists for him: members see theirs too, but little of it.
    #[must_use]
    pub fn sees_tenant(&self, id: TenantId) -> bool {
        match &self.identity {
            Identity::Admin { .. } => true,
            Identity::User { tenant, .. } => tenant.id == id,
        }
    }

    /// The tenant that all of his requests are confined to.
    #[must_use]
    pub fn own_tenant(&self) -> Option<&Tenant> {
        match &self.identity {
            Identity::Admin { .. } => None,
            Identity::User { tenant, .. } => Some(tenant),
        }
    }

    /// Any admin; for everybody else the thing does not exist.
    pub fn require_admin(&self) -> Result<AdminRole, Problem> {
        match &self.identity {
            Identity::Admin { role, .. } => Ok(*role),
            Identity::User { .. } => Err(Problem::not_found("resource")),
        }
    }

    /// An admin who may change things: owner or operator.
    pub fn require_operator(&self) -> Result<(), Problem> {
        match self.require_admin()? {
            AdminRole::Owner | AdminRole::Operator => Ok(()),
            AdminRole::Auditor => Err(Problem::forbidden("an auditor reads only")),
        }
    }

    /// An owner of the platform.
    pub fn require_owner(&self) -> Result<(), Problem> {
        match self.require_admin()? {
            AdminRole::Owner => Ok(()),
            AdminRole::Operator | AdminRole::Auditor => Err(Problem::forbidden("only an owner may do this")),
        }
    }

    /// Somebody who may read what a tenant's manager reads: any admin, or a manager.
    pub fn require_manager_read(&self) -> Result<(), Problem> {
        match &self.identity {
            Identity::Admin { .. } | Identity::User { role: UserRole::Manager, .. } => Ok(()),
            Identity::User { role: UserRole::Member, .. } => Err(Problem::forbidden("only a manager may do this")),
        }
    }

    /// Somebody who may change what a tenant's manager changes: owner, operator, or a manager.
    pub fn require_manager_write(&self) -> Result<(), Problem> {
        match &self.identity {
            Identity::Admin { .. } => self.require_operator(),
            Identity::User { .. } => self.require_manager_read(),
        }
    }
}

/// A new session token: 256 random bits behind a prefix that secret scanners can look for.
#[must_use]
pub fn new_token() -> String {
    format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// What of a token is stored.
#[must_use]
pub fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// The cookie's name: browsers take a `__Host-` cookie over https only.
#[must_use]
pub fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-chiliview" } else { "chiliview" }
}

/// With an `Authorization` header the cookie counts for nothing: the check for forged requests relies on it.
fn token_of(request: &Request, secure: bool) -> Option<String> {
    if let Some(header) = request.header("authorization") {
        let (scheme, token) = header.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    let name = cookie_name(secure);
    let cookies = request.headers().get_all("cookie").into_iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

async fn identify(app: &App, request: &Request) -> Result<Caller, Problem> {
    let token = token_of(request, app.policy().secure_cookies).ok_or_else(Problem::unauthenticated)?;
    let hash = token_hash(&token);
    let now = app.now();
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
    Ok(Caller { session: session.id, identity, credential_version, origin: Origin::of(request) })
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
        Account::User(tenant, id) => user_of(app, tenant, id, credential_version).await,
    }
}

async fn user_of(
    app: &App,
    tenant: TenantId,
    id: UserId,
    credential_version: i64,
) -> Result<Option<Identity>, Problem> {
    let tenant = app.central().read(async |tx| tenants::find(tx, tenant).await).await?;
    let Some(tenant) = tenant.filter(may_log_in) else { return Ok(None) };
    let database = app.store().tenant(tenant.id).await?;
    let user = database.read(async |tx| users::find(tx, id).await).await?;
    let user = user.filter(|user| user.status == UserStatus::Active && user.credential_version == credential_version);
    let tenant = Box::new(tenant);
    Ok(user.map(|user| Identity::User { id, username: user.username, role: user.role, tenant }))
}

/// Whether the people of a tenant may be logged in at all.
#[must_use]
pub fn may_log_in(tenant: &Tenant) -> bool {
    tenant.deleted_at.is_none() && tenant.status != TenantStatus::Suspended
}

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let scheme = MetaSecurityScheme {
            ty: "http",
            description: Some("The token that a log-in answered"),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        };
        registry.create_security_scheme(BEARER, scheme);
        let cookie = MetaSecurityScheme {
            ty: "apiKey",
            description: Some("The cookie that a log-in set; `__Host-chiliview` over https"),
            name: Some("chiliview"),
            key_in: Some("cookie"),
            scheme: None,
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        };
        registry.create_security_scheme(COOKIE, cookie);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![BEARER, COOKIE]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let app = request.data::<App>().ok_or_else(|| Problem::internal("the application is not in the request"))?;
        Ok(identify(app, request).await?)
    }
}
