//! One's own password.

use chiliview_store::{
    AdminId, SessionId, Tx, UserId,
    admins::{self, Admin},
    audit::Event,
    sessions,
    tenants::Tenant,
    users::{self, User},
};
use garde::Validate;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use super::{known_length, reauthenticate};
use crate::{
    app::App,
    caller::{Caller, Identity},
    fields,
    json::{Json, NoContent},
    passwords,
    problem::Problem,
    secret::Secret,
};

/// The resource.
pub struct Passwords {
    app: App,
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

#[OpenApi]
impl Passwords {
    /// Change one's own password
    ///
    /// All other sessions end.
    #[oai(path = "/auth/password", method = "post", operation_id = "change_password")]
    async fn password(&self, caller: Caller, input: Json<PasswordChange>) -> Result<NoContent, Problem> {
        let Json(change) = input;
        let session = caller.session()?;
        reauthenticate(&self.app, &caller, &change.current).await?;
        let username = match &caller.identity {
            Identity::Admin { username, .. } | Identity::User { username, .. } => username,
        };
        if let Some((code, detail)) = passwords::weakness(change.new.expose(), &[username]) {
            return Err(Problem::field("/new", code, detail));
        }
        let hash = self.app.passwords().hash(change.new.inner()).await?;
        match &caller.identity {
            Identity::Admin { id, .. } => self.change_admin(&caller, session, *id, hash).await?,
            Identity::User { id, tenant, .. } => self.change_user(&caller, session, tenant, *id, hash).await?,
        }
        Ok(NoContent)
    }
}

impl Passwords {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn change_admin(
        &self,
        caller: &Caller,
        session: SessionId,
        id: AdminId,
        hash: String,
    ) -> Result<(), Problem> {
        let app = &self.app;
        let now = app.now();
        app.central()
            .write(async |tx| {
                let admin = admins::find(tx, id).await?.ok_or_else(Problem::unauthenticated)?;
                let credential_version = admin.credential_version + 1;
                let admin = Admin { password_hash: hash, credential_version, updated_at: now, ..admin };
                admins::update(tx, &admin).await?;
                keep_session(tx, session, credential_version, async |tx| {
                    sessions::delete_of_admin(tx, id, Some(session)).await
                })
                .await?;
                app.audit(tx, caller, Event::done("auth.change_password", "admin", id)).await
            })
            .await
    }

    async fn change_user(
        &self,
        caller: &Caller,
        session: SessionId,
        tenant: &Tenant,
        id: UserId,
        hash: String,
    ) -> Result<(), Problem> {
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
                keep_session(tx, session, credential_version, async |tx| {
                    sessions::delete_of_user(tx, tenant.id, id, Some(session)).await
                })
                .await
            })
            .await
    }
}

async fn keep_session(
    tx: &mut Tx,
    session: SessionId,
    credential_version: i64,
    end_others: impl AsyncFnOnce(&mut Tx) -> chiliview_store::Result<u64>,
) -> Result<(), Problem> {
    end_others(tx).await?;
    Ok(sessions::renew(tx, session, credential_version).await?)
}
