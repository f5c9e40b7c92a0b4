//! Whether it is still the caller who sits there: asked again before what cannot be taken back, or what hands on power.

use chiliview_store::{
    admins,
    audit::{Event, Outcome},
    throttle::{self, Subject},
    users,
};

use super::{PER_ACCOUNT, refuse_throttled};
use crate::{
    app::App,
    caller::{Caller, Identity},
    passwords::Verdict,
    problem::{FieldError, Problem},
    secret::Secret,
};

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
        return Err(Problem::validation(vec![FieldError::new(pointer, "required", detail)]));
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
    let subject = subject(caller);
    refuse_throttled(app, &[&subject]).await?;
    if app.passwords().verify(password.inner(), hash.as_deref()).await? != Verdict::Wrong {
        return Ok(());
    }
    let denied = Event::done("auth.reauthenticate", "session", session).ending(Outcome::Denied, "wrong password");
    failed(app, caller, &subject, denied).await?;
    Err(Problem::forbidden("the current password is wrong").with_code("wrong_password"))
}

/// What guesses at the caller's account are counted by.
pub(super) fn subject(caller: &Caller) -> Subject {
    match &caller.identity {
        Identity::Admin { username, .. } => Subject::account(None, username),
        Identity::User { username, tenant, .. } => Subject::account(Some(&tenant.slug), username),
    }
}

/// Counts a wrong guess, and writes it down.
pub(super) async fn failed(app: &App, caller: &Caller, subject: &Subject, denied: Event) -> Result<(), Problem> {
    let now = app.now();
    app.central()
        .write(async |tx| {
            throttle::failed(tx, subject, PER_ACCOUNT, now).await?;
            app.audit(tx, caller, denied).await
        })
        .await
}
