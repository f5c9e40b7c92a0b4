//! Logging in and out, with one answer for all that is wrong until the password is right.

mod answer;
mod attempt;

use chiliview_store::{AdminId, SessionId, Tx, admins, audit::Event, sessions, users};
use garde::Validate;
use http::HeaderValue;
use poem::Request;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

pub use self::answer::{LoggedIn, LoginAnswer, LogoutAnswer, Whoami};
use self::{answer::whoami, attempt::Attempt};
use super::{
    account::Account,
    known_length,
    second_factor::{self, Proof},
};
use crate::{
    app::App,
    caller::{self, Caller, Credential, Origin},
    fields,
    json::Json,
    passwords::Verdict,
    problem::Problem,
    secret::Secret,
};

/// The resource.
pub struct LogIn {
    app: App,
}

/// Who wants in.
#[derive(Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct Login {
    #[garde(custom(fields::line), length(chars, max = 254))]
    pub(super) username: String,
    #[garde(custom(known_length))]
    password: Secret,
    /// The slug of the tenant whose user this is; absent for an admin.
    #[garde(inner(custom(fields::line), length(chars, max = 63)))]
    pub(super) tenant: Option<String>,
    /// The second factor of an admin who has one: the code that his app shows, or a recovery code. Without it the answer is
    /// 401 `totp_required`, once the password is right.
    #[garde(inner(custom(known_length)))]
    code: Option<Secret>,
}

#[OpenApi]
impl LogIn {
    /// Log in
    #[oai(path = "/auth/login", method = "post", operation_id = "login")]
    async fn login(&self, request: &Request, input: Json<Login>) -> Result<LoginAnswer, Problem> {
        let Json(login) = input;
        let app = &self.app;
        let mut attempt = Attempt::begin(app, &login, Origin::of(request)).await?;
        match self.judge(&login, &mut attempt).await {
            Ok(answer) => Ok(answer),
            Err(Refusal::Wrong(reason, problem)) => {
                attempt.failed(app, reason).await?;
                Err(problem)
            }
            Err(Refusal::Unjudged(problem)) => {
                attempt.give_back(app).await?;
                Err(problem)
            }
        }
    }

    /// Log out
    ///
    /// Ends this session.
    #[oai(path = "/auth/logout", method = "post", operation_id = "logout")]
    async fn logout(&self, caller: Caller) -> Result<LogoutAnswer, Problem> {
        let app = &self.app;
        let session = caller.session()?;
        app.central()
            .write(async |tx| {
                sessions::delete(tx, session).await?;
                app.audit(tx, &caller, Event::done("auth.logout", "session", session)).await
            })
            .await?;
        Ok(LogoutAnswer { cookie: self.cookie("", 0)? })
    }

    /// Who is logged in
    #[oai(path = "/auth/session", method = "get", operation_id = "get_session")]
    async fn session(&self, caller: Caller) -> Result<Json<Whoami>, Problem> {
        Ok(Json(whoami(&caller)))
    }
}

/// Why somebody is not let in.
enum Refusal {
    /// What he showed is wrong; for the audit log, and for him.
    Wrong(&'static str, Problem),
    /// Anything else.
    Unjudged(Problem),
}

impl<E: Into<Problem>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Unjudged(error.into())
    }
}

impl LogIn {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn judge(&self, login: &Login, attempt: &mut Attempt) -> Result<LoginAnswer, Refusal> {
        let app = &self.app;
        let account = Account::find(app, login).await?;
        // Who is not judged costs as much as who is wrong.
        let stored = account.as_ref().filter(|_| attempt.may_be_judged()).and_then(Account::hash);
        let verdict = app.passwords().verify(login.password.inner(), stored).await?;
        let usable = account.filter(|account| verdict != Verdict::Wrong && account.may_log_in());
        let account = usable.ok_or_else(|| attempt.wrong_credentials())?;
        let proof = self.prove(&account, attempt, login.code.as_ref()).await?;
        if verdict == Verdict::RightButOld {
            account.rehash(app, &login.password).await?;
        }
        self.begin(&account, attempt, proof.as_ref()).await
    }

    /// That it was not taken before, only the log-in's transaction tells.
    async fn prove(
        &self,
        account: &Account,
        attempt: &mut Attempt,
        code: Option<&Secret>,
    ) -> Result<Option<Proof>, Refusal> {
        let Account::Admin(admin) = account else { return Ok(None) };
        let Some(factor) = second_factor::confirmed(&self.app, admin.id).await? else { return Ok(None) };
        let code = code.ok_or_else(missing_code)?;
        attempt.count_code(&self.app, admin.id).await?;
        let proof = second_factor::prove(&self.app, &factor, code).await?;
        Ok(Some(proof.ok_or_else(wrong_code)?))
    }

    async fn begin(&self, account: &Account, attempt: &Attempt, proof: Option<&Proof>) -> Result<LoginAnswer, Refusal> {
        let app = &self.app;
        let now = app.now();
        let token = caller::new_token();
        let session = account.session(app.store().ids().next(), &attempt.origin, now, app.policy().session_absolute);
        let caller = Caller {
            credential: Credential::Session(session.id),
            identity: account.identity(),
            credential_version: session.credential_version,
            origin: attempt.origin.clone(),
        };
        if let Account::User(tenant, user) = account {
            let database = app.store().tenant(tenant.id).await?;
            database
                .write(async |tx| {
                    users::logged_in(tx, user.id, now).await?;
                    app.audit(tx, &caller, logged_in(session.id, None)).await
                })
                .await?;
        }
        app.central()
            .write(async |tx| {
                if let (Account::Admin(admin), Some(proof)) = (account, proof) {
                    take(tx, admin.id, proof).await?;
                }
                attempt.succeeded(tx, now).await?;
                sessions::insert(tx, &session, &caller::token_hash(&token)).await?;
                if let Account::Admin(admin) = account {
                    admins::logged_in(tx, admin.id, now).await?;
                    app.audit(tx, &caller, logged_in(session.id, proof)).await?;
                }
                Ok::<_, Refusal>(())
            })
            .await?;
        let cookie = self.cookie(&token, app.policy().session_absolute.as_secs())?;
        let body = LoggedIn { token, expires_at: session.expires_at.to_datetime(), whoami: whoami(&caller) };
        Ok(LoginAnswer { body, cookie })
    }

    fn cookie(&self, token: &str, seconds: u64) -> Result<HeaderValue, Problem> {
        let secure = self.app.policy().secure_cookies;
        let name = caller::cookie_name(secure);
        let flag = if secure { "; Secure" } else { "" };
        let text = format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{flag}");
        HeaderValue::try_from(text).map_err(Problem::internal)
    }
}

async fn take(tx: &mut Tx, admin: AdminId, proof: &Proof) -> Result<(), Refusal> {
    if proof.take(tx, admin).await? { Ok(()) } else { Err(wrong_code()) }
}

fn logged_in(session: SessionId, proof: Option<&Proof>) -> Event {
    let changes = match proof {
        Some(proof) => serde_json::json!({ "second_factor": [null, proof.word()] }),
        None => serde_json::json!({}),
    };
    Event::done("auth.login", "session", session).changing(changes)
}

fn missing_code() -> Problem {
    Problem::unauthenticated().with_code("totp_required").detail("this account has a second factor: send its code too")
}

fn wrong_code() -> Refusal {
    let detail = "the code is wrong, or was used before";
    Refusal::Wrong("wrong code", Problem::unauthenticated().with_code("wrong_code").detail(detail))
}
