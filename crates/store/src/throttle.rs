//! Failed log-ins, counted per account and per address, so that guessing gets slow and nobody is locked out for ever.

use std::time::Duration;

use sqlx::FromRow;

use crate::{clock::Timestamp, error::Result, seam::Tx};

/// What is counted: an account or an address, as text with its kind in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// An account: of the tenant with this slug, or of the platform.
    #[must_use]
    pub fn account(tenant: Option<&str>, username: &str) -> Self {
        Self(format!("account:{}:{}", tenant.unwrap_or_default(), username.to_lowercase()))
    }

    /// A client's address.
    #[must_use]
    pub fn address(address: &str) -> Self {
        Self(format!("address:{address}"))
    }
}

/// How much is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Failures within [`Policy::window`] that cost nothing.
    pub free: i64,
    /// After so long without a failure the count starts anew.
    pub window: Duration,
    /// The first wait; it doubles with each further failure…
    pub first_wait: Duration,
    /// …up to this.
    pub longest_wait: Duration,
}

#[derive(FromRow)]
struct Row {
    failures: i64,
    started_at: Timestamp,
    blocked_until: Timestamp,
}

/// Until when the subject has to wait, if it has to.
pub async fn blocked_until(tx: &mut Tx, subject: &Subject, now: Timestamp) -> Result<Option<Timestamp>> {
    let row = find(tx, subject).await?;
    Ok(row.map(|row| row.blocked_until).filter(|until| *until > now))
}

/// Counts a failure.
pub async fn failed(tx: &mut Tx, subject: &Subject, policy: Policy, now: Timestamp) -> Result<()> {
    let previous = find(tx, subject).await?.filter(|row| now.since(row.started_at) < policy.window);
    let failures = previous.map_or(0, |row| row.failures) + 1;
    let blocked_until = now.plus(wait(policy, failures));
    tx.query(
        "INSERT INTO login_throttle (subject, failures, started_at, blocked_until) VALUES ($1, $2, $3, $4)
         ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, started_at = excluded.started_at,
             blocked_until = excluded.blocked_until",
    )
    .bind(subject.0.clone())
    .bind(failures)
    .bind(now)
    .bind(blocked_until)
    .execute()
    .await?;
    Ok(())
}

fn wait(policy: Policy, failures: i64) -> Duration {
    let beyond = failures - policy.free;
    if beyond <= 0 {
        return Duration::ZERO;
    }
    let doublings = u32::try_from(beyond - 1).unwrap_or(u32::MAX).min(20);
    (policy.first_wait * 2_u32.pow(doublings)).min(policy.longest_wait)
}

/// Forgets the failures of a subject that logged in.
pub async fn succeeded(tx: &mut Tx, subject: &Subject) -> Result<()> {
    tx.query("DELETE FROM login_throttle WHERE subject = $1").bind(subject.0.clone()).execute().await?;
    Ok(())
}

/// Forgets what is older than `before`.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.query("DELETE FROM login_throttle WHERE started_at < $1 AND blocked_until < $1").bind(before).execute().await
}

async fn find(tx: &mut Tx, subject: &Subject) -> Result<Option<Row>> {
    tx.query("SELECT failures, started_at, blocked_until FROM login_throttle WHERE subject = $1")
        .bind(subject.0.clone())
        .fetch_optional()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let policy = Policy {
            free: 5,
            window: Duration::from_secs(900),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(300),
        };
        let seconds: Vec<u64> = [1, 5, 6, 7, 10, 100].map(|failures| wait(policy, failures).as_secs()).to_vec();
        assert_eq!(seconds, [0, 0, 1, 2, 16, 300]);
    }
}
