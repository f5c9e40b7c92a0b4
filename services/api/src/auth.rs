//! Logging in and out, for admins and for tenants' users, with one answer for all that is wrong.

use chiliview_store::{
    AdminId, SessionId, Tx, UserId,
    admins::{self, Admin},
    audit::{Event, Outcome},
    sessions::{self, Session},
    tenants::{self, Tenant},
    throttle::{self, Subject},
    users::{self, User, UserStatus},
};
use chrono::{DateTime, Utc};
use garde::Validate;
use http::{HeaderValue, header};
use poem::{IntoResponse, Request, Response};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::Path,
    registry::{MetaResponses, Registry},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    caller::{self, Caller, Identity, Origin},
    fields,
    json::{Json, NoContent},
    paging::List,
    passwords::{self, Verdict},
    problem::{FieldError, Problem},
    secret::Secret,
    words::{AdminRole, UserRole},
};

/// Guessing at one account gets slow after five failures; one address may fail for many accounts, but not for hundreds.
const PER_ACCOUNT: throttle::Policy = policy(5);
const PER_ADDRESS: throttle::Policy = policy(50);
const SESSIONS_SHOWN: i64 = 100;

const fn policy(free: i64) -> throttle::Policy {
    throttle::Policy {
        free,
        window: std::time::Duration::from_secs(15 * 60),
        first_wait: std::time::Duration::from_secs(1),
        longest_wait: std::time::Duration::from_secs(5 * 60),
    }
}

/// The resource.
pub struct Auth {
    app: App,
}

/// Who wants in.
#[derive(Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct Login {
    #[garde(custom(fields::line), length(chars, max = 254))]
    username: String,
    #[garde(custom(known_length))]
    password: Secret,
    /// The slug of the tenant whose user this is; absent for an admin.
    #[garde(inner(custom(fields::line), length(chars, max = 63)))]
    tenant: Option<String>,
}

/// A change of one's own password.
#[derive(Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The one that is valid now.
    #[garde(custom(known_length))]
    current: Secret,
    /// The one to come. All other sessions end.
    #[garde(custom(fields::password))]
    new: Secret,
}

pub(crate) fn known_length(secret: &Secret, _: &()) -> Result<(), garde::Error> {
    match secret.expose().len() {
        0 => Err(garde::Error::new("too_short: must not be empty")),
        1..=1024 => Ok(()),
        _ => Err(garde::Error::new("too_long: may have at most 1024 bytes")),
    }
}

/// Who is logged in.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Whoami {
    /// The admin's or user's id.
    pub id: Uuid,
    /// His username.
    pub username: String,
    /// His role, when he is an admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_role: Option<AdminRole>,
    /// His role, when he is a tenant's user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_role: Option<UserRole>,
    /// His tenant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// His tenant's slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The session that the request belongs to.
    pub session_id: Uuid,
}

/// What a log-in answers.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct LoggedIn {
    /// For `Authorization: Bearer`. Shown once; the cookie that comes along holds the same.
    pub token: String,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Who is logged in.
    pub whoami: Whoami,
}

/// 200 with the session's cookie.
pub struct LoginAnswer {
    body: LoggedIn,
    cookie: HeaderValue,
}

/// 204 that takes the cookie back.
pub struct LogoutAnswer {
    cookie: HeaderValue,
}

/// One of somebody's sessions.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct SessionInfo {
    /// Its id, by which it can be ended.
    pub id: Uuid,
    /// Whether it is the one that asks.
    pub current: bool,
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

enum Account {
    Admin(Admin),
    User(Box<Tenant>, Box<User>),
}

#[OpenApi]
impl Auth {
    /// Log in
    #[oai(path = "/auth/login", method = "post", operation_id = "login")]
    async fn login(&self, request: &Request, input: Json<Login>) -> Result<LoginAnswer, Problem> {
        let Json(login) = input;
        let origin = Origin::of(request);
        let address = Subject::address(origin.address.as_deref().unwrap_or("unknown"));
        let subject = Subject::account(login.tenant.as_deref(), &login.username);
        self.refuse_throttled(&[&subject, &address]).await?;
        let account = self.find_account(&login).await?;
        let verdict =
            self.app.passwords().verify(login.password.inner(), account.as_ref().and_then(Account::hash)).await?;
        let usable = account.filter(|account| verdict != Verdict::Wrong && account.may_log_in());
        let Some(account) = usable else {
            self.failed(&login, &origin, &[&subject, &address]).await?;
            return Err(Problem::unauthenticated().with_code("wrong_credentials").detail("wrong username or password"));
        };
        if verdict == Verdict::RightButOld {
            self.rehash(&account, &login.password).await?;
        }
        self.begin(account, &origin, &subject).await
    }

    /// Log out
    ///
    /// Ends this session.
    #[oai(path = "/auth/logout", method = "post", operation_id = "logout")]
    async fn logout(&self, caller: Caller) -> Result<LogoutAnswer, Problem> {
        let app = &self.app;
        app.central()
            .write(async |tx| {
                sessions::delete(tx, caller.session).await?;
                app.audit(tx, &caller, Event::done("auth.logout", "session", caller.session)).await
            })
            .await?;
        Ok(LogoutAnswer { cookie: self.cookie("", 0)? })
    }

    /// Who is logged in
    #[oai(path = "/auth/session", method = "get", operation_id = "get_session")]
    async fn session(&self, caller: Caller) -> Result<Json<Whoami>, Problem> {
        Ok(Json(whoami(&caller.identity, caller.session)))
    }

    /// One's own sessions, newest first
    #[oai(path = "/auth/sessions", method = "get", operation_id = "list_sessions")]
    async fn sessions(&self, caller: Caller) -> Result<Json<List<SessionInfo>>, Problem> {
        let rows = self.own_sessions(&caller).await?;
        let items = rows.into_iter().map(|row| show(row, caller.session)).collect();
        Ok(Json(List { items, next: None }))
    }

    /// End one of one's own sessions
    #[oai(path = "/auth/sessions/:session", method = "delete", operation_id = "end_session")]
    async fn end_session(&self, caller: Caller, session: Path<Uuid>) -> Result<NoContent, Problem> {
        let id = SessionId::from(session.0);
        let own = self.own_sessions(&caller).await?;
        if !own.iter().any(|row| row.id == id) {
            return Err(Problem::not_found("session"));
        }
        let app = &self.app;
        app.central()
            .write(async |tx| {
                sessions::delete(tx, id).await?;
                app.audit(tx, &caller, Event::done("auth.end_session", "session", id)).await
            })
            .await?;
        Ok(NoContent)
    }

    /// Change one's own password
    ///
    /// All other sessions end.
    #[oai(path = "/auth/password", method = "post", operation_id = "change_password")]
    async fn password(&self, caller: Caller, input: Json<PasswordChange>) -> Result<NoContent, Problem> {
        let Json(change) = input;
        self.reauthenticate(&caller, &change.current).await?;
        let username = match &caller.identity {
            Identity::Admin { username, .. } | Identity::User { username, .. } => username,
        };
        if let Some((code, detail)) = passwords::weakness(change.new.expose(), &[username, "chiliview"]) {
            return Err(Problem::validation(vec![FieldError::new("/new", code, detail)]));
        }
        let hash = self.app.passwords().hash(change.new.inner()).await?;
        match &caller.identity {
            Identity::Admin { id, .. } => self.change_admin(&caller, *id, hash).await?,
            Identity::User { id, tenant, .. } => self.change_user(&caller, tenant, *id, hash).await?,
        }
        Ok(NoContent)
    }
}

impl Auth {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn refuse_throttled(&self, subjects: &[&Subject]) -> Result<(), Problem> {
        let now = self.app.now();
        let until = self.app.central().read(async |tx| {
            let mut latest = None;
            for subject in subjects {
                latest = latest.max(throttle::blocked_until(tx, subject, now).await?);
            }
            Ok::<_, Problem>(latest)
        });
        match until.await? {
            Some(until) => Err(Problem::too_many_requests(until.since(now).as_secs() + 1)),
            None => Ok(()),
        }
    }

    async fn find_account(&self, login: &Login) -> Result<Option<Account>, Problem> {
        let Some(slug) = &login.tenant else {
            let admin = self.app.central().read(async |tx| admins::find_by_username(tx, &login.username).await).await?;
            return Ok(admin.map(Account::Admin));
        };
        let tenant = self.app.central().read(async |tx| tenants::find_by_slug(tx, slug).await).await?;
        let Some(tenant) = tenant.filter(caller::may_log_in) else { return Ok(None) };
        let database = self.app.store().tenant(tenant.id).await?;
        let user = database.read(async |tx| users::find_by_username(tx, &login.username).await).await?;
        Ok(user.map(|user| Account::User(Box::new(tenant), Box::new(user))))
    }

    async fn failed(&self, login: &Login, origin: &Origin, subjects: &[&Subject; 2]) -> Result<(), Problem> {
        let app = &self.app;
        let now = app.now();
        let event = Event {
            action: "auth.login",
            object_kind: "account",
            object_id: login.tenant.clone(),
            outcome: Outcome::Denied,
            reason: Some("wrong username or password".into()),
            changes: serde_json::json!({}),
        };
        app.central()
            .write(async |tx| {
                throttle::failed(tx, subjects[0], PER_ACCOUNT, now).await?;
                throttle::failed(tx, subjects[1], PER_ADDRESS, now).await?;
                app.audit_as(tx, &origin.anonymous(&login.username), event).await
            })
            .await
    }

    async fn rehash(&self, account: &Account, password: &Secret) -> Result<(), Problem> {
        let hash = self.app.passwords().hash(password.inner()).await?;
        let written = match account {
            Account::Admin(admin) => {
                let admin = Admin { password_hash: hash, ..admin.clone() };
                self.app.central().write(async |tx| admins::update(tx, &admin).await).await
            }
            Account::User(tenant, user) => {
                let user = User { password_hash: Some(hash), ..(**user).clone() };
                let database = self.app.store().tenant(tenant.id).await?;
                database.write(async |tx| users::update(tx, &user).await).await
            }
        };
        match written {
            // Somebody changed the account meanwhile: the next log-in hashes anew.
            Err(chiliview_store::Error::VersionMismatch) => Ok(()),
            written => Ok(written?),
        }
    }

    async fn begin(&self, account: Account, origin: &Origin, subject: &Subject) -> Result<LoginAnswer, Problem> {
        let app = &self.app;
        let now = app.now();
        let token = caller::new_token();
        let session = account.session(app.store().ids().next(), origin, now, app.policy().session_absolute);
        let identity = account.identity();
        let credential_version = session.credential_version;
        let caller = Caller { session: session.id, identity, credential_version, origin: origin.clone() };
        if let Account::User(tenant, user) = &account {
            let database = app.store().tenant(tenant.id).await?;
            database
                .write(async |tx| {
                    users::logged_in(tx, user.id, now).await?;
                    app.audit(tx, &caller, Event::done("auth.login", "session", session.id)).await
                })
                .await?;
        }
        app.central()
            .write(async |tx| {
                throttle::succeeded(tx, subject).await?;
                sessions::insert(tx, &session, &caller::token_hash(&token)).await?;
                if let Account::Admin(admin) = &account {
                    admins::logged_in(tx, admin.id, now).await?;
                    app.audit(tx, &caller, Event::done("auth.login", "session", session.id)).await?;
                }
                Ok::<_, Problem>(())
            })
            .await?;
        let cookie = self.cookie(&token, app.policy().session_absolute.as_secs())?;
        let whoami = whoami(&caller.identity, session.id);
        let body = LoggedIn { token, expires_at: session.expires_at.to_datetime(), whoami };
        Ok(LoginAnswer { body, cookie })
    }

    fn cookie(&self, token: &str, seconds: u64) -> Result<HeaderValue, Problem> {
        let secure = self.app.policy().secure_cookies;
        let name = caller::cookie_name(secure);
        let flag = if secure { "; Secure" } else { "" };
        let text = format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{flag}");
        HeaderValue::try_from(text).map_err(Problem::internal)
    }

    async fn own_sessions(&self, caller: &Caller) -> Result<Vec<Session>, Problem> {
        let rows = self.app.central().read(async |tx| match &caller.identity {
            Identity::Admin { id, .. } => sessions::of_admin(tx, *id, SESSIONS_SHOWN).await,
            Identity::User { id, tenant, .. } => sessions::of_user(tx, tenant.id, *id, SESSIONS_SHOWN).await,
        });
        Ok(rows.await?)
    }

    /// As [`Self::reauthenticate`], of a request whose field `pointer` holds the password.
    pub(crate) async fn reauthenticate_by(
        &self,
        caller: &Caller,
        password: Option<&Secret>,
        pointer: &str,
    ) -> Result<(), Problem> {
        let Some(password) = password else {
            let detail = "this takes the caller's password once more";
            return Err(Problem::validation(vec![FieldError::new(pointer, "required", detail)]));
        };
        self.reauthenticate(caller, password).await.map_err(|problem| match problem.code() {
            "wrong_password" => problem.errors(vec![FieldError::new(pointer, "wrong_password", "is wrong")]),
            _ => problem,
        })
    }

    /// Makes sure that it is still the caller who sits there: 403 when the password is wrong, throttled like a log-in.
    pub(crate) async fn reauthenticate(&self, caller: &Caller, password: &Secret) -> Result<(), Problem> {
        let app = &self.app;
        let (subject, hash) = match &caller.identity {
            Identity::Admin { id, username, .. } => {
                let admin = app.central().read(async |tx| admins::find(tx, *id).await).await?;
                (Subject::account(None, username), admin.map(|admin| admin.password_hash))
            }
            Identity::User { id, username, tenant, .. } => {
                let database = app.store().tenant(tenant.id).await?;
                let user = database.read(async |tx| users::find(tx, *id).await).await?;
                (Subject::account(Some(&tenant.slug), username), user.and_then(|user| user.password_hash))
            }
        };
        self.refuse_throttled(&[&subject]).await?;
        if app.passwords().verify(password.inner(), hash.as_deref()).await? != Verdict::Wrong {
            return Ok(());
        }
        let now = app.now();
        let denied =
            Event::done("auth.reauthenticate", "session", caller.session).ending(Outcome::Denied, "wrong password");
        app.central()
            .write(async |tx| {
                throttle::failed(tx, &subject, PER_ACCOUNT, now).await?;
                app.audit(tx, caller, denied).await
            })
            .await?;
        Err(Problem::forbidden("the current password is wrong").with_code("wrong_password"))
    }

    async fn change_admin(&self, caller: &Caller, id: AdminId, hash: String) -> Result<(), Problem> {
        let app = &self.app;
        let now = app.now();
        app.central()
            .write(async |tx| {
                let admin = admins::find(tx, id).await?.ok_or_else(Problem::unauthenticated)?;
                let credential_version = admin.credential_version + 1;
                let admin = Admin { password_hash: hash, credential_version, updated_at: now, ..admin };
                admins::update(tx, &admin).await?;
                keep_session(tx, caller, credential_version, async |tx| {
                    sessions::delete_of_admin(tx, id, Some(caller.session)).await
                })
                .await?;
                app.audit(tx, caller, Event::done("auth.change_password", "admin", id)).await
            })
            .await
    }

    async fn change_user(&self, caller: &Caller, tenant: &Tenant, id: UserId, hash: String) -> Result<(), Problem> {
        let app = &self.app;
        let now = app.now();
        let database = app.store().tenant(tenant.id).await?;
        let credential_version = database
            .write(async |tx| {
                let user = users::find(tx, id).await?.ok_or_else(Problem::unauthenticated)?;
                let credential_version = user.credential_version + 1;
                let user = User { password_hash: Some(hash), credential_version, updated_at: now, ..user };
                users::update(tx, &user).await?;
                app.audit(tx, caller, Event::done("auth.change_password", "user", id)).await?;
                Ok::<_, Problem>(credential_version)
            })
            .await?;
        app.central()
            .write(async |tx| {
                keep_session(tx, caller, credential_version, async |tx| {
                    sessions::delete_of_user(tx, tenant.id, id, Some(caller.session)).await
                })
                .await
            })
            .await
    }
}

async fn keep_session(
    tx: &mut Tx,
    caller: &Caller,
    credential_version: i64,
    end_others: impl AsyncFnOnce(&mut Tx) -> chiliview_store::Result<u64>,
) -> Result<(), Problem> {
    end_others(tx).await?;
    Ok(sessions::renew(tx, caller.session, credential_version).await?)
}

impl Account {
    fn hash(&self) -> Option<&str> {
        match self {
            Self::Admin(admin) => Some(&admin.password_hash),
            Self::User(_, user) => user.password_hash.as_deref(),
        }
    }

    fn may_log_in(&self) -> bool {
        match self {
            Self::Admin(admin) => admin.disabled_at.is_none(),
            Self::User(_, user) => user.status == UserStatus::Active,
        }
    }

    fn identity(&self) -> Identity {
        match self {
            Self::Admin(admin) => Identity::Admin { id: admin.id, username: admin.username.clone(), role: admin.role },
            Self::User(tenant, user) => {
                Identity::User { id: user.id, username: user.username.clone(), role: user.role, tenant: tenant.clone() }
            }
        }
    }

    fn session(
        &self,
        id: SessionId,
        origin: &Origin,
        now: chiliview_store::Timestamp,
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
}

fn whoami(identity: &Identity, session: SessionId) -> Whoami {
    match identity {
        Identity::Admin { id, username, role } => Whoami {
            id: id.uuid(),
            username: username.clone(),
            admin_role: Some((*role).into()),
            user_role: None,
            tenant_id: None,
            tenant: None,
            session_id: session.uuid(),
        },
        Identity::User { id, username, role, tenant } => Whoami {
            id: id.uuid(),
            username: username.clone(),
            admin_role: None,
            user_role: Some((*role).into()),
            tenant_id: Some(tenant.id.uuid()),
            tenant: Some(tenant.slug.clone()),
            session_id: session.uuid(),
        },
    }
}

fn show(row: Session, current: SessionId) -> SessionInfo {
    SessionInfo {
        id: row.id.uuid(),
        current: row.id == current,
        address: row.address,
        user_agent: row.user_agent,
        created_at: row.created_at.to_datetime(),
        last_seen_at: row.last_seen_at.to_datetime(),
        expires_at: row.expires_at.to_datetime(),
    }
}

fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}

impl IntoResponse for LoginAnswer {
    fn into_response(self) -> Response {
        with_cookie(Json(self.body).into_response(), self.cookie)
    }
}

impl ApiResponse for LoginAnswer {
    fn meta() -> MetaResponses {
        <Json<LoggedIn> as ApiResponse>::meta()
    }

    fn register(registry: &mut Registry) {
        <Json<LoggedIn> as ApiResponse>::register(registry);
    }
}

impl IntoResponse for LogoutAnswer {
    fn into_response(self) -> Response {
        with_cookie(NoContent.into_response(), self.cookie)
    }
}

impl ApiResponse for LogoutAnswer {
    fn meta() -> MetaResponses {
        <NoContent as ApiResponse>::meta()
    }

    fn register(registry: &mut Registry) {
        <NoContent as ApiResponse>::register(registry);
    }
}
