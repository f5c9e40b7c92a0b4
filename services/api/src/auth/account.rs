//! The account that somebody wants to use: an admin's, or a tenant's user's.

use chiliview_store::{
    SessionId, Timestamp,
    admins::{self, Admin},
    sessions::Session,
    tenants::{self, Tenant},
    users::{self, User, UserStatus},
};

use super::login::Login;
use crate::{
    app::App,
    caller::{self, Identity, Origin},
    passwords::Stored,
    problem::Problem,
    secret::Secret,
};

pub(super) enum Account {
    Admin(Admin),
    User(Box<Tenant>, Box<User>),
}

impl Account {
    /// Whoever the log-in names; nobody in a tenant whose people may not log in.
    pub(super) async fn find(app: &App, login: &Login) -> Result<Option<Self>, Problem> {
        let Some(slug) = &login.tenant else {
            let admin = app.central().read(async |tx| admins::find_by_username(tx, &login.username).await).await?;
            return Ok(admin.map(Self::Admin));
        };
        let tenant = app.central().read(async |tx| tenants::find_by_slug(tx, slug).await).await?;
        let Some(tenant) = tenant.filter(caller::may_log_in) else { return Ok(None) };
        let database = app.store().tenant(tenant.id).await?;
        let user = database.read(async |tx| users::find_by_username(tx, &login.username).await).await?;
        Ok(user.map(|user| Self::User(Box::new(tenant), Box::new(user))))
    }

    pub(super) fn hash(&self) -> Option<Stored<'_>> {
        match self {
            Self::Admin(admin) => {
                Some(Stored { hash: &admin.password_hash, account: caller::Account::Admin(admin.id) })
            }
            Self::User(tenant, user) => {
                let account = caller::Account::User(tenant.id, user.id);
                user.password_hash.as_deref().map(|hash| Stored { hash, account })
            }
        }
    }

    pub(super) fn may_log_in(&self) -> bool {
        match self {
            Self::Admin(admin) => admin.disabled_at.is_none(),
            Self::User(_, user) => user.status == UserStatus::Active,
        }
    }

    pub(super) fn identity(&self) -> Identity {
        match self {
            Self::Admin(admin) => Identity::Admin { id: admin.id, username: admin.username.clone(), role: admin.role },
            Self::User(tenant, user) => {
                Identity::User { id: user.id, username: user.username.clone(), role: user.role, tenant: tenant.clone() }
            }
        }
    }

    pub(super) fn session(
        &self,
        id: SessionId,
        origin: &Origin,
        now: Timestamp,
        absolute: std::time::Duration,
    ) -> Session {
        let (admin_id, tenant_id, user_id, credential_version) = match self {
            Self::Admin(admin) => (Some(admin.id), None, None, admin.credential_version),
            Self::User(tenant, user) => (None, Some(tenant.id), Some(user.id), user.credential_version),
        };
        Session {
            id,
            admin_id,
            tenant_id,
            user_id,
            credential_version,
            address: origin.address.clone().unwrap_or_default(),
            user_agent: origin.user_agent.clone(),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(absolute),
        }
    }

    /// Hashes the password as one is hashed today.
    pub(super) async fn rehash(&self, app: &App, password: &Secret) -> Result<(), Problem> {
        let hash = app.passwords().hash(password.inner()).await?;
        let written = match self {
            Self::Admin(admin) => {
                let admin = Admin { password_hash: hash, ..admin.clone() };
                app.central().write(async |tx| admins::update(tx, &admin).await).await
            }
            Self::User(tenant, user) => {
                let user = User { password_hash: Some(hash), ..(**user).clone() };
                let database = app.store().tenant(tenant.id).await?;
                database.write(async |tx| users::update(tx, &user).await).await
            }
        };
        match written {
            // Somebody changed the account meanwhile: the next log-in hashes anew.
            Err(chiliview_store::Error::VersionMismatch) => Ok(()),
            written => Ok(written?),
        }
    }
}
