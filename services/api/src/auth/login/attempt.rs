//! A log-in under way: what it is counted by until it is judged, and how failures are written down.

use chiliview_store::{
    Error, Tx,
    audit::{Event, Outcome},
    throttle::{self, Network, Subject},
};

use super::Login;
use crate::{
    app::App,
    auth::{PER_ACCOUNT, PER_NETWORK, guess::Guess},
    caller::Origin,
    problem::Problem,
};

/// A log-in under way.
pub(super) struct Attempt {
    username: String,
    tenant: Option<String>,
    pub(super) origin: Origin,
    account: Subject,
    guess: Guess,
}

impl Attempt {
    /// 429 while too many have failed.
    pub(super) async fn begin(app: &App, login: &Login, origin: Origin) -> Result<Self, Problem> {
        let network = Network::of(origin.address.as_deref().and_then(|address| address.parse().ok()));
        let account = Subject::account(login.tenant.as_deref(), &login.username);
        let limits = [(account.clone(), PER_ACCOUNT), (Subject::network(network), PER_NETWORK)];
        let guess = Guess::begin(app, &limits).await?;
        Ok(Self { username: login.username.clone(), tenant: login.tenant.clone(), origin, account, guess })
    }

    /// In the transaction that begins the session.
    pub(super) async fn succeeded(&self, tx: &mut Tx) -> Result<(), Error> {
        self.guess.succeeded(tx).await?;
        throttle::succeeded(tx, &self.account).await
    }

    pub(super) async fn give_back(&self, app: &App) -> Result<(), Problem> {
        self.guess.give_back(app).await
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
                self.guess.failed(tx, now).await?;
                app.audit_as(tx, &self.origin.anonymous(&self.username), event).await
            })
            .await
    }
}
