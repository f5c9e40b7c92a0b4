//! Whether it is still the caller who sits there: asked again before what cannot be taken back, or what hands on power.

use std::time::Duration;

use chiliview_store::{
    Timestamp, Tx, admins,
    audit::{Event, Outcome},
    sessions,
    throttle::Subject,
    users,
};
use poem_openapi::OpenApi;

use super::{NARROW, PasswordAgain, guess::Guess};
use crate::{
    app::App,
    caller::{Caller, Credential, Identity},
    json::{Json, NoContent},
    passwords::{Stored, Verdict},
    problem::{FieldError, Problem},
    secret::Secret,
};

/// For how long a log-in, or a password that was shown again, speaks for its session.
const CONFIRMED_FOR: Duration = Duration::from_mins(15);

/// The resource.
pub struct Reauthentication {
    app: App,
}

#[OpenApi]
impl Reauthentication {
    /// Show one's own password once more
    ///
    /// For a quarter of an hour this session may then do what takes a fresh log-in: delete a tenant.
    #[oai(path = "/auth/reauthenticate", method = "post", operation_id = "reauthenticate")]
    async fn confirm(&self, caller: Caller, input: Json<PasswordAgain>) -> Result<NoContent, Problem> {
        let app = &self.app;
        let session = caller.session()?;
        reauthenticate_by(app, &caller, Some(&input.password), "/password").await?;
        let now = app.now();
        app.central()
            .write(async |tx| {
                sessions::confirm(tx, session, now).await?;
                app.audit(tx, &caller, Event::done("auth.reauthenticate", "session", session)).await
            })
            .await?;
        Ok(NoContent)
    }
}

impl Reauthentication {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

/// 403 when the caller's session was neither begun nor confirmed lately. An API key was given out for what it may do.
pub(crate) async fn require_fresh(tx: &mut Tx, caller: &Caller, now: Timestamp) -> Result<(), Problem> {
    let Credential::Session(id) = caller.credential else { return Ok(()) };
    match sessions::confirmed_at(tx, id).await? {
        Some(at) if now < at.plus(CONFIRMED_FOR) => Ok(()),
        _ => {
            let detail = "this takes the caller's password once more: POST /api/auth/reauthenticate, then try again";
            Err(Problem::forbidden(detail).with_code("reauthentication_required"))
        }
    }
}

/// As [`reauthenticate`], of a request whose field `pointer` holds the password.
pub(crate) async fn reauthenticate_by(
    app: &App,
    caller: &Caller,
    password: Option<&Secret>,
    pointer: &str,
) -> Result<(), Problem> {
    caller.session()?;
    let Some(password) = password else {
        let detail = "this takes the caller's password once more";
        return Err(Problem::field(pointer, "required", detail));
    };
    reauthenticate(app, caller, password).await.map_err(|problem| match problem.code() {
        "wrong_password" => problem.errors(vec![FieldError::new(pointer, "wrong_password", "is wrong")]),
        _ => problem,
    })
}

/// 403 when the password is wrong, throttled like a log-in. An API key has no password, and may do nothing that asks for one.
pub(crate) async fn reauthenticate(app: &App, caller: &Caller, password: &Secret) -> Result<(), Problem> {
    let session = caller.session()?;
    let hash = match &caller.identity {
        Identity::Admin { id, .. } => {
            let admin = app.central().read(async |tx| admins::find(tx, *id).await).await?;
            admin.map(|admin| admin.password_hash)
        }
        Identity::User { id, tenant, .. } => {
            let database = app.store().tenant(tenant.id).await?;
            let user = database.read(async |tx| users::find(tx, *id).await).await?;
            user.and_then(|user| user.password_hash)
        }
    };
    let stored = hash.as_deref().map(|hash| Stored { hash, account: caller.account() });
    let guess = Guess::begin(app, &[(subject(caller), NARROW)]).await?;
    let verdict = app.passwords().verify(password.inner(), stored).await;
    let judged = verdict.map(|verdict| (verdict != Verdict::Wrong).then_some(()));
    let denied = Event::done("auth.reauthenticate", "session", session).ending(Outcome::Denied, "wrong password");
    let right = guess.end(app, caller, judged, denied).await?;
    right.ok_or_else(|| Problem::forbidden("the current password is wrong").with_code("wrong_password"))
}

/// What the caller's guesses are counted by: nobody who is not logged in can make him wait.
pub(super) fn subject(caller: &Caller) -> Subject {
    Subject::caller(&caller.key())
}
