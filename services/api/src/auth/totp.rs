//! One's own second factor: begun with the password, confirmed with a first code, ended with both. Admins have one, or none.

use chiliview_store::{
    AdminId, SessionId, Timestamp, admins,
    audit::{Event, Outcome},
    second_factors as rows, sessions,
};
use chrono::{DateTime, Utc};
use garde::Validate;
use poem_openapi::{Object, OpenApi, param::Path};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    NARROW,
    guess::Guess,
    known_length,
    reauthenticate::{self, reauthenticate_by},
    second_factor::{self, Proof},
};
use crate::{
    app::App,
    caller::{Caller, Identity},
    json::{Json, NoContent},
    problem::Problem,
    secret::Secret,
};

/// The resource.
pub struct Totp {
    app: App,
}

/// The caller's own password, once more.
#[derive(Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct PasswordAgain {
    /// The caller's own.
    #[garde(custom(known_length))]
    pub(super) password: Secret,
}

/// A first code.
#[derive(Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct FirstCode {
    /// What the app shows.
    #[garde(custom(known_length))]
    code: Secret,
}

/// Both factors.
#[derive(Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct BothFactors {
    /// The caller's own.
    #[garde(custom(known_length))]
    password: Secret,
    /// What the app shows, or a recovery code.
    #[garde(custom(known_length))]
    code: Secret,
}

/// Whether one has a second factor.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct FactorInfo {
    /// Whether log-ins need it.
    pub enabled: bool,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<DateTime<Utc>>,
    /// How many recovery codes are left.
    pub recovery_codes_left: i64,
}

/// What an app is told. Shown once.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct FactorSecret {
    /// To be typed: base32.
    pub secret: String,
    /// To be scanned, as a QR code.
    pub otpauth_url: String,
}

/// For the day when the app is lost. Shown once.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct RecoveryCodes {
    /// Each logs in once, in the place of a code.
    pub recovery_codes: Vec<String>,
}

#[OpenApi]
impl Totp {
    /// Whether one has a second factor
    #[oai(path = "/auth/totp", method = "get", operation_id = "get_totp")]
    async fn get(&self, caller: Caller) -> Result<Json<FactorInfo>, Problem> {
        let (admin, _, _) = own(&caller)?;
        let (factor, left) = self
            .app
            .central()
            .read(async |tx| {
                let left = rows::recovery_codes_left(tx, admin).await?;
                Ok::<_, chiliview_store::Error>((rows::find(tx, admin).await?, left))
            })
            .await?;
        let confirmed_at = factor.and_then(|factor| factor.confirmed_at);
        let enabled = confirmed_at.is_some();
        Ok(Json(FactorInfo {
            enabled,
            confirmed_at: confirmed_at.map(Timestamp::to_datetime),
            recovery_codes_left: left,
        }))
    }

    /// Begin a second factor
    ///
    /// Nothing changes until it is confirmed with a code of the app.
    #[oai(path = "/auth/totp", method = "post", operation_id = "begin_totp")]
    async fn begin(&self, caller: Caller, input: Json<PasswordAgain>) -> Result<Json<FactorSecret>, Problem> {
        let (admin, username, _) = own(&caller)?;
        let app = &self.app;
        reauthenticate_by(app, &caller, Some(&input.password), "/password").await?;
        let fresh = second_factor::fresh(app, admin, &username).await?;
        let now = app.now();
        app.central()
            .write(async |tx| {
                if !rows::begin(tx, admin, &fresh.sealed, now).await? {
                    return Err(Problem::conflict("totp_enabled", "there is a second factor; remove it first"));
                }
                app.audit(tx, &caller, Event::done("auth.begin_totp", "admin", admin)).await
            })
            .await?;
        Ok(Json(FactorSecret { secret: fresh.base32, otpauth_url: fresh.url }))
    }

    /// Confirm a second factor
    ///
    /// With a first code of the app. From now on log-ins need one; all other sessions end.
    #[oai(path = "/auth/totp/confirm", method = "post", operation_id = "confirm_totp")]
    async fn confirm(&self, caller: Caller, input: Json<FirstCode>) -> Result<Json<RecoveryCodes>, Problem> {
        let (admin, _, session) = own(&caller)?;
        let app = &self.app;
        let begun = app.central().read(async |tx| rows::find(tx, admin).await).await?;
        let Some(factor) = begun.filter(|factor| factor.confirmed_at.is_none()) else {
            return Err(Problem::conflict("totp_not_begun", "there is nothing to confirm; begin first"));
        };
        let proof = self.prove(&caller, &factor, &input.code).await?;
        let (codes, hashes) = second_factor::recovery_codes();
        let now = app.now();
        app.central()
            .write(async |tx| {
                if !proof.take(tx, admin).await? {
                    return Err(wrong_code());
                }
                if !rows::confirm(tx, admin, now).await? {
                    return Err(Problem::conflict("totp_not_begun", "it was confirmed or ended meanwhile"));
                }
                rows::set_recovery_codes(tx, admin, &hashes).await?;
                sessions::delete_of_admin(tx, admin, Some(session)).await?;
                app.audit(tx, &caller, Event::done("auth.enable_totp", "admin", admin)).await
            })
            .await?;
        Ok(Json(RecoveryCodes { recovery_codes: codes }))
    }

    /// Get new recovery codes
    ///
    /// The old ones work no more.
    #[oai(path = "/auth/totp/recovery-codes", method = "post", operation_id = "renew_recovery_codes")]
    async fn renew(&self, caller: Caller, input: Json<BothFactors>) -> Result<Json<RecoveryCodes>, Problem> {
        let (admin, proof) = self.both(&caller, &input).await?;
        let app = &self.app;
        let (codes, hashes) = second_factor::recovery_codes();
        app.central()
            .write(async |tx| {
                if !proof.take(tx, admin).await? {
                    return Err(wrong_code());
                }
                rows::set_recovery_codes(tx, admin, &hashes).await?;
                app.audit(tx, &caller, Event::done("auth.renew_recovery_codes", "admin", admin)).await
            })
            .await?;
        Ok(Json(RecoveryCodes { recovery_codes: codes }))
    }

    /// Remove one's second factor
    #[oai(path = "/auth/totp/remove", method = "post", operation_id = "remove_totp")]
    async fn remove(&self, caller: Caller, input: Json<BothFactors>) -> Result<NoContent, Problem> {
        let (admin, proof) = self.both(&caller, &input).await?;
        let app = &self.app;
        app.central()
            .write(async |tx| {
                if !proof.take(tx, admin).await? {
                    return Err(wrong_code());
                }
                rows::delete(tx, admin).await?;
                app.audit(tx, &caller, Event::done("auth.remove_totp", "admin", admin)).await
            })
            .await?;
        Ok(NoContent)
    }

    /// Remove another admin's second factor
    ///
    /// For an owner, when somebody has lost both app and recovery codes. His sessions end.
    #[oai(path = "/admins/:admin/totp/reset", method = "post", operation_id = "reset_admin_totp")]
    async fn reset(&self, caller: Caller, admin: Path<Uuid>, input: Json<PasswordAgain>) -> Result<NoContent, Problem> {
        caller.require_owner()?;
        let app = &self.app;
        let id = AdminId::from(admin.0);
        if matches!(&caller.identity, Identity::Admin { id: own, .. } if *own == id) {
            return Err(Problem::conflict("own_totp", "one's own second factor is removed with a code of it"));
        }
        let seen = app.central().read(async |tx| admins::find(tx, id).await).await?;
        seen.ok_or_else(|| Problem::not_found("admin"))?;
        reauthenticate_by(app, &caller, Some(&input.password), "/password").await?;
        app.central()
            .write(async |tx| {
                if !rows::delete(tx, id).await? {
                    return Err(Problem::conflict("no_totp", "there is no second factor to remove"));
                }
                sessions::delete_of_admin(tx, id, None).await?;
                app.audit(tx, &caller, Event::done("admin.reset_totp", "admin", id)).await
            })
            .await?;
        Ok(NoContent)
    }
}

impl Totp {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn both(&self, caller: &Caller, input: &BothFactors) -> Result<(AdminId, Proof), Problem> {
        let (admin, _, _) = own(caller)?;
        reauthenticate_by(&self.app, caller, Some(&input.password), "/password").await?;
        let Some(factor) = second_factor::confirmed(&self.app, admin).await? else {
            return Err(Problem::conflict("no_totp", "there is no second factor"));
        };
        Ok((admin, self.prove(caller, &factor, &input.code).await?))
    }

    /// A wrong code is counted like a wrong password: six digits are soon guessed otherwise.
    async fn prove(&self, caller: &Caller, factor: &rows::SecondFactor, code: &Secret) -> Result<Proof, Problem> {
        let app = &self.app;
        let guess = Guess::begin(app, &[(reauthenticate::subject(caller), NARROW)]).await?;
        let judged = second_factor::prove(app, factor, code).await;
        let denied = Event::done("auth.second_factor", "admin", factor.admin_id).ending(Outcome::Denied, "wrong code");
        guess.end(app, caller, judged, denied).await?.ok_or_else(wrong_code)
    }
}

/// The admin who is logged in himself. For everybody else there is no such thing.
fn own(caller: &Caller) -> Result<(AdminId, String, SessionId), Problem> {
    caller.require_admin()?;
    let session = caller.session()?;
    match &caller.identity {
        Identity::Admin { id, username, .. } => Ok((*id, username.clone(), session)),
        Identity::User { .. } => Err(Problem::not_found("resource")),
    }
}

fn wrong_code() -> Problem {
    let detail = "the code is wrong, or was used before";
    Problem::field("/code", "wrong_code", detail)
}
