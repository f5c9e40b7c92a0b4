//! A password or a code that somebody shows: counted before it is judged, so that of all that come at once no more are judged
//! than may fail.

use chiliview_store::{
    Error, Timestamp, Tx,
    audit::Event,
    throttle::{self, Attempt, Policy, Subject, Turn},
};

use crate::{app::App, caller::Caller, problem::Problem};

/// A guess that may be judged.
pub(super) struct Guess(Vec<Attempt>);

impl Guess {
    /// Counts it by each of these; 429 while one has to wait, and then it counts for none.
    pub(super) async fn begin(app: &App, limits: &[(Subject, Policy)]) -> Result<Self, Problem> {
        let now = app.now();
        refuse_blocked(app, limits, now).await?;
        app.central().write(async |tx| Self::begin_in(tx, limits, now).await).await
    }

    /// As [`Self::begin`], in a transaction that leaves nothing behind when it is refused.
    pub(super) async fn begin_in(tx: &mut Tx, limits: &[(Subject, Policy)], now: Timestamp) -> Result<Self, Problem> {
        let mut guess = Self(Vec::new());
        for (subject, policy) in limits {
            guess.count(tx, subject, *policy, now).await?;
        }
        Ok(guess)
    }

    /// Counts it by one more; 429 when that has to wait.
    pub(super) async fn count(
        &mut self,
        tx: &mut Tx,
        subject: &Subject,
        policy: Policy,
        now: Timestamp,
    ) -> Result<(), Problem> {
        self.count_if_free(tx, subject, policy, now).await?.map_or(Ok(()), |until| Err(too_many(until, now)))
    }

    /// As [`Self::count`]; what has to wait, and until when, is the caller's to think about.
    pub(super) async fn count_if_free(
        &mut self,
        tx: &mut Tx,
        subject: &Subject,
        policy: Policy,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        match throttle::begin(tx, subject, policy, now).await? {
            Turn::Granted(attempt) => self.0.push(attempt),
            Turn::Wait(until) => return Ok(Some(until)),
        }
        Ok(None)
    }

    /// It was wrong.
    pub(super) async fn failed(&self, tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
        for attempt in &self.0 {
            throttle::failed(tx, attempt, now).await?;
        }
        Ok(())
    }

    /// It was right.
    pub(super) async fn succeeded(&self, tx: &mut Tx) -> Result<(), Error> {
        for attempt in &self.0 {
            throttle::give_back(tx, attempt).await?;
        }
        Ok(())
    }

    /// As it was judged. A wrong one stays counted and is written down as `denied`; what could not be judged counts no more.
    pub(super) async fn end<T>(
        self,
        app: &App,
        caller: &Caller,
        judged: Result<Option<T>, Problem>,
        denied: Event,
    ) -> Result<Option<T>, Problem> {
        let Ok(None) = &judged else {
            self.give_back(app).await?;
            return judged;
        };
        let now = app.now();
        app.central()
            .write(async |tx| {
                self.failed(tx, now).await?;
                app.audit(tx, caller, denied).await
            })
            .await?;
        judged
    }

    /// It was right, or could not be judged.
    pub(super) async fn give_back(&self, app: &App) -> Result<(), Problem> {
        app.central().write(async |tx| Ok(self.succeeded(tx).await?)).await
    }
}

/// Whoever has to wait costs no write.
pub(super) async fn refuse_blocked(app: &App, limits: &[(Subject, Policy)], now: Timestamp) -> Result<(), Problem> {
    let until = app.central().read(async |tx| {
        let mut latest = None;
        for (subject, _) in limits {
            latest = latest.max(throttle::blocked_until(tx, subject, now).await?);
        }
        Ok::<_, Error>(latest)
    });
    until.await?.map_or(Ok(()), |until| Err(too_many(until, now)))
}

pub(super) fn too_many(until: Timestamp, now: Timestamp) -> Problem {
    Problem::too_many_requests(until.since(now).as_secs() + 1)
}
