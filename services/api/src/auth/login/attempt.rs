//! A log-in under way: what it is counted by until it is judged, and how failures are written down.

use chiliview_store::{
    AdminId, Error, Timestamp, Tx,
    audit::{Event, Outcome},
    login_networks,
    throttle::{self, Network, Subject},
};

use super::{Login, Refusal};
use crate::{
    app::App,
    auth::{
        KNOWN_FOR, NARROW, PER_ACCOUNT, PER_NETWORK,
        guess::{Guess, refuse_blocked, too_many},
    },
    caller::Origin,
    problem::Problem,
};

/// A log-in under way.
pub(super) struct Attempt {
    username: String,
    tenant: Option<String>,
    pub(super) origin: Origin,
    network: Network,
    account: Subject,
    account_from: Subject,
    guess: Guess,
    /// Whether the account logged in from there lately.
    known: bool,
    /// What keeps out everybody else while too many guess at the account.
    shut: Option<Problem>,
}

impl Attempt {
    /// 429 while too many have failed from there.
    pub(super) async fn begin(app: &App, login: &Login, origin: Origin) -> Result<Self, Problem> {
        let network = Network::of(origin.address.as_deref().and_then(|address| address.parse().ok()));
        let (tenant, username) = (login.tenant.as_deref(), &login.username);
        let account = Subject::account(tenant, username);
        let account_from = Subject::account_from(network, tenant, username);
        let limits = [(account_from.clone(), NARROW), (Subject::network(network), PER_NETWORK)];
        let now = app.now();
        refuse_blocked(app, &limits, now).await?;
        let (guess, known, shut) = app
            .central()
            .write(async |tx| {
                let mut guess = Guess::begin_in(tx, &limits, now).await?;
                let known = login_networks::is_known(tx, &account, network, now.minus(KNOWN_FOR)).await?;
                let shut = guess.count_if_free(tx, &account, PER_ACCOUNT, now).await?;
                Ok::<_, Problem>((guess, known, shut))
            })
            .await?;
        let shut = shut.map(|until| too_many(until, now));
        let (username, tenant) = (login.username.clone(), login.tenant.clone());
        Ok(Self { username, tenant, origin, network, account, account_from, guess, known, shut })
    }

    /// Whether what it shows is looked at.
    pub(super) fn may_be_judged(&self) -> bool {
        self.known || self.shut.is_none()
    }

    /// While the account is shut, whoever is judged and whoever is not hear the same: nobody learns where it logged in.
    pub(super) fn wrong_credentials(&self) -> Refusal {
        let wrong = "wrong username or password";
        let reason = if self.may_be_judged() { wrong } else { "too many guess at the account" };
        let unauthenticated = || Problem::unauthenticated().with_code("wrong_credentials").detail(wrong);
        Refusal::Wrong(reason, self.shut.clone().unwrap_or_else(unauthenticated))
    }

    /// Before a code is looked at. Only who knows the password gets so far, and a code is short: from where the account never
    /// logged in few are.
    pub(super) async fn count_code(&mut self, app: &App, admin: AdminId) -> Result<(), Problem> {
        if self.known {
            return Ok(());
        }
        let now = app.now();
        let guess = &mut self.guess;
        app.central().write(async |tx| guess.count(tx, &Subject::second_factor(admin), NARROW, now).await).await
    }

    /// In the transaction that begins the session.
    pub(super) async fn succeeded(&self, tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
        self.guess.succeeded(tx).await?;
        throttle::succeeded(tx, &self.account_from).await?;
        login_networks::remember(tx, &self.account, self.network, now).await
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
