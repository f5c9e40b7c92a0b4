//! Who calls: read anew for every request from the row of the session or API key and the account's, so a change of role, a
//! new password, a disabled account or a suspended tenant acts on the very next request.

mod identify;
mod identity;
mod listener;
mod pace;
mod token;

use chiliview_store::{
    SessionId, TenantId,
    admins::AdminRole,
    audit::{Actor, ActorKind},
    tenants::{Tenant, TenantStatus},
    users::UserRole,
};
use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};

use self::identify::Use;
pub use self::{
    identify::may_log_in,
    identity::{Credential, Identity, Origin},
    token::{cookie_name, new_key, new_token, token_hash},
};
pub(crate) use self::{
    identify::{Account, identity_of, is_as_before},
    listener::Listener,
    pace::Pace,
};
use crate::{app::App, edge::body::BodyLimit, problem::Problem};

const BEARER: &str = "bearer";
const COOKIE: &str = "cookie";
/// A program sends it when it asks by itself, with no person there: the request is no use of the session or key.
const UNATTENDED: &str = "x-unattended";

/// Somebody who is logged in. As a handler's parameter it refuses everybody else with 401.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What he showed.
    pub credential: Credential,
    /// Who he is.
    pub identity: Identity,
    /// Which of his passwords the session was begun with.
    pub credential_version: i64,
    /// Where the request came from.
    pub origin: Origin,
}

impl Caller {
    /// The account that he uses.
    pub(crate) fn account(&self) -> Account {
        match (&self.credential, &self.identity) {
            (Credential::Key { id, .. }, _) => Account::Key(*id),
            (_, Identity::Admin { id, .. }) => Account::Admin(*id),
            (_, Identity::User { id, tenant, .. }) => Account::User(tenant.id, *id),
        }
    }

    /// The session of somebody who has logged in himself: 403 for a program with an API key.
    pub fn session(&self) -> Result<SessionId, Problem> {
        match &self.credential {
            Credential::Session(id) => Ok(*id),
            Credential::Key { .. } => {
                Err(Problem::forbidden("an API key may not do this; log in").with_code("session_required"))
            }
        }
    }

    /// ` (key deploy)` behind the name of whoever made the key.
    fn by_key(&self) -> String {
        match &self.credential {
            Credential::Session(_) => String::new(),
            Credential::Key { name, .. } => format!(" (key {name})"),
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
            name: format!("{name}{}", self.by_key()),
            address: self.origin.address.clone(),
            trace_id: self.origin.trace_id.clone(),
        }
    }

    /// `admin:<id>`, `user:<tenant>:<id>` or `key:<id>`: what idempotency keys belong to.
    #[must_use]
    pub fn key(&self) -> String {
        self.account().to_string()
    }

    /// `username`, or `username@slug` of a tenant's user: how records name who asked.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.identity {
            Identity::Admin { username, .. } => format!("{username}{}", self.by_key()),
            Identity::User { username, tenant, .. } => format!("{username}@{}{}", tenant.slug, self.by_key()),
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

    /// As [`Self::require_manager_write`], and not of a tenant that is read-only: its own people look, make backups and prove
    /// them; whatever else they change, the platform does for them.
    pub fn require_manager_change(&self) -> Result<(), Problem> {
        self.require_manager_write()?;
        match self.own_tenant() {
            Some(tenant) => refuse_read_only(tenant),
            None => Ok(()),
        }
    }
}

/// Refuses what changes a tenant that is read-only.
pub(crate) fn refuse_read_only(tenant: &Tenant) -> Result<(), Problem> {
    if tenant.status == TenantStatus::ReadOnly {
        return Err(Problem::conflict(
            "tenant_read_only",
            "the tenant is read-only; its status has to be changed first",
        ));
    }
    Ok(())
}

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let scheme = MetaSecurityScheme {
            ty: "http",
            description: Some("The token that a log-in answered, or an API key's"),
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
        let is_unattended = request.headers().contains_key(UNATTENDED);
        let caller = identify(request, if is_unattended { Use::CountsNot } else { Use::Counts }).await?;
        if let Some(limit) = request.data::<BodyLimit>() {
            limit.trust();
        }
        Ok(caller)
    }
}

async fn identify(request: &Request, used: Use) -> Result<Caller, Problem> {
    let app = request.data::<App>().ok_or_else(|| Problem::internal("the application is not in the request"))?;
    let caller = identify::identify(app, request, used).await?;
    app.pace().admit(&caller)?;
    Ok(caller)
}
