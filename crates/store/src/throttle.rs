//! Failed guesses, counted by who is guessed at and by where the guesses come from, so that guessing gets slow and nobody is locked out for ever.
//!
//! An attempt is counted before it is judged: of those that come at once, in however many processes, no more are judged than
//! may fail. What was right is taken off the count again.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use sqlx::FromRow;

use crate::{clock::Timestamp, error::Result, ids::AdminId, seam::Tx};

/// What is counted, as text with its kind in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// An account, wherever it is guessed at from: of the tenant with this slug, or of the platform.
    #[must_use]
    pub fn account(tenant: Option<&str>, username: &str) -> Self {
        Self(format!("account:{}:{}", tenant.unwrap_or_default(), username.to_lowercase()))
    }

    /// An account, guessed at from one network.
    #[must_use]
    pub fn account_from(network: Network, tenant: Option<&str>, username: &str) -> Self {
        Self(format!("account-from:{network} {}", Self::account(tenant, username)))
    }

    /// The second factor of an admin, guessed at by whoever knows the password.
    #[must_use]
    pub fn second_factor(admin: AdminId) -> Self {
        Self(format!("second-factor:{admin}"))
    }

    /// Somebody who is logged in, and is asked for what he knows once more.
    #[must_use]
    pub fn caller(key: &str) -> Self {
        Self(format!("caller:{key}"))
    }

    /// Where a client is.
    #[must_use]
    pub fn network(network: Network) -> Self {
        Self(format!("address:{network}"))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one client has to himself: an IPv4 address, or a /64 of IPv6 (RFC 6177), in which he takes as many addresses as he
/// likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(Option<IpAddr>);

impl Network {
    /// The one that an address lies in. All addresses that are not known lie in one.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        }))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(IpAddr::V4(address)) => write!(f, "{address}"),
            Some(IpAddr::V6(address)) => write!(f, "{address}/64"),
            None => f.write_str("unknown"),
        }
    }
}

/// How much is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Failures within [`Policy::window`] that cost nothing.
    pub free: i64,
    /// After so long without a failure the count begins anew.
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

/// Whether an attempt may be judged.
#[derive(Clone, Debug)]
pub enum Turn {
    /// It may, and is counted as if it had failed.
    Granted(Attempt),
    /// Not before then.
    Wait(Timestamp),
}

/// An attempt that may be judged: it [failed], or is to be [given back](give_back).
#[derive(Clone, Debug)]
pub struct Attempt {
    subject: Subject,
    at: Timestamp,
    blocked_until: Timestamp,
}

/// Asks for a turn. Two never get the same one, since writes to a database run one after the other.
pub async fn begin(tx: &mut Tx, subject: &Subject, policy: Policy, now: Timestamp) -> Result<Turn> {
    let previous = find(tx, subject).await?;
    if let Some(row) = previous.as_ref().filter(|row| row.blocked_until > now) {
        return Ok(Turn::Wait(row.blocked_until));
    }
    let previous = previous.filter(|row| now.since(row.started_at) < policy.window);
    let failures = previous.as_ref().map_or(0, |row| row.failures) + 1;
    // Only what did fail lengthens the window.
    let started_at = previous.map_or(now, |row| row.started_at);
    let blocked_until = now.plus(wait(policy, failures));
    tx.query(
        "INSERT INTO login_throttle (subject, failures, started_at, blocked_until) VALUES ($1, $2, $3, $4)
         ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, started_at = excluded.started_at,
             blocked_until = excluded.blocked_until",
    )
    .bind(subject.0.clone())
    .bind(failures)
    .bind(started_at)
    .bind(blocked_until)
    .execute()
    .await?;
    Ok(Turn::Granted(Attempt { subject: subject.clone(), at: now, blocked_until }))
}

/// It was judged, and failed: it stays counted.
pub async fn failed(tx: &mut Tx, attempt: &Attempt, now: Timestamp) -> Result<()> {
    tx.query("UPDATE login_throttle SET started_at = $2 WHERE subject = $1")
        .bind(attempt.subject.0.clone())
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// It was right, or not judged: it counts no more, and whom it made wait waits no longer.
pub async fn give_back(tx: &mut Tx, attempt: &Attempt) -> Result<()> {
    tx.query(
        "UPDATE login_throttle SET failures = failures - 1,
             blocked_until = CASE WHEN blocked_until = $2 THEN $3 ELSE blocked_until END
         WHERE subject = $1 AND failures > 0",
    )
    .bind(attempt.subject.0.clone())
    .bind(attempt.blocked_until)
    .bind(attempt.at)
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
