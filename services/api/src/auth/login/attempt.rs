//! A log-in under way: what failures of it are counted by, and how they are written down.

use chiliview_store::{
    audit::{Event, Outcome},
    throttle::{self, Subject},
};

use super::Login;
use crate::{
    app::App,
    auth::{PER_ACCOUNT, PER_ADDRESS},
    caller::Origin,
    problem::Problem,
};

/// A log-in under way.
pub(super) struct Attempt {
    username: String,
    tenant: Option<String>,
    pub(super) origin: Origin,
    pub(super) subject: Subject,
    pub(super) address: Subject,
}

impl Attempt {
    pub(super) fn of(login: &Login, origin: Origin) -> Self {
        Self {
            username: login.username.clone(),
            tenant: login.tenant.clone(),
            subject: Subject::account(login.tenant.as_deref(), &login.username),
            address: Subject::address(origin.address.as_deref().unwrap_or("unknown")),
            origin,
        }
    }

    pub(super) async fn failed(&self, app: &App, reason: &str) -> Result<(), Problem> {
        let now = app.now();
        let event = Event {
            action: "auth.login",
            object_kind: "account",
            object_id: self.tenant.clone(),
            outcome: Outcome::Denied,
            reason: Some(reason.to_owned()),
            changes: serde_json::json!({}),
        };
        app.central()
            .write(async |tx| {
                throttle::failed(tx, &self.subject, PER_ACCOUNT, now).await?;
                throttle::failed(tx, &self.address, PER_ADDRESS, now).await?;
                app.audit_as(tx, &self.origin.anonymous(&self.username), event).await
            })
            .await
    }
}
