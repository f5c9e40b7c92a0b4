//! Passwords: Argon2id (RFC 9106), off the async threads, never more at once than there are cores.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// Shortest and longest, in characters.
pub const LENGTH: std::ops::RangeInclusive<usize> = 12..=128;
const WAITING: usize = 64;
const RETRY_SECONDS: u64 = 2;

/// What no password hashes to, with the parameters below: unknown users cost as much time as known ones.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Y2hpbGl2aWV3IG5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and verifies, within bounds.
#[derive(Clone)]
pub struct Passwords {
    cores: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// What a verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Right.
    Right,
    /// Right, but hashed with parameters of long ago: hash it anew.
    RightButOld,
    /// Wrong, or there is nobody with that name.
    Wrong,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    /// As many at once as there are cores.
    #[must_use]
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { cores: Arc::new(Semaphore::new(cores)), waiting: Arc::new(AtomicUsize::new(0)) }
    }

    /// Hashes a password; the result is a PHC string.
    pub async fn hash(&self, password: &SecretString) -> Result<String, Problem> {
        let password = password.clone();
        let hashed = self.run(move || hash_now(password.expose_secret())).await?;
        hashed.map_err(Problem::internal)
    }

    /// Compares a password with a stored hash; without one it takes as long and is wrong.
    pub async fn verify(&self, password: &SecretString, hash: Option<&str>) -> Result<Verdict, Problem> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(NOBODY).to_owned();
        let password = password.clone();
        let verdict = self.run(move || verify_now(password.expose_secret(), &hash)).await?;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        if self.waiting.fetch_add(1, Ordering::SeqCst) >= WAITING {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            return Err(Problem::too_many_requests(RETRY_SECONDS));
        }
        let permit = self.cores.acquire().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let _permit = permit.map_err(Problem::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
    }
}

/// OWASP's recommendation: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19_456, 2, 1, None).unwrap_or_default();
    Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
}

fn hash_now(password: &str) -> Result<String, argon2::password_hash::Error> {
    argon2().hash_password(password.as_bytes()).map(|hash| hash.to_string())
}

fn verify_now(password: &str, hash: &str) -> Verdict {
    let Ok(parsed) = PasswordHash::new(hash) else { return Verdict::Wrong };
    if argon2().verify_password(password.as_bytes(), &parsed).is_err() {
        return Verdict::Wrong;
    }
    let current = argon2();
    match Params::try_from(&parsed) {
        Ok(params) if params.m_cost() == current.params().m_cost() && params.t_cost() == current.params().t_cost() => {
            Verdict::Right
        }
        _ => Verdict::RightButOld,
    }
}

/// A password that nobody guesses: 100 bits, in letters and digits that cannot be mistaken for each other.
#[must_use]
pub fn random() -> SecretString {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    let bytes = rand::random::<[u8; 20]>();
    let groups = bytes.chunks(5).map(|group| group.iter().map(letter).collect::<String>());
    groups.collect::<Vec<_>>().join("-").into()
}

/// Why a password may not be used, or nothing: too short, too long, or among the first that an attacker tries.
#[must_use]
pub fn weakness(password: &str, about: &[&str]) -> Option<(&'static str, String)> {
    let length = password.chars().count();
    if length < *LENGTH.start() {
        return Some(("too_short", format!("needs at least {} characters", LENGTH.start())));
    }
    if length > *LENGTH.end() {
        return Some(("too_long", format!("may have at most {} characters", LENGTH.end())));
    }
    let estimate = zxcvbn::zxcvbn(password, about);
    (estimate.score() < zxcvbn::Score::Two)
        .then(|| ("too_common", "is among the first that an attacker would try; take a longer or rarer one".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn right_wrong_and_nobody() {
        let passwords = Passwords::new();
        let right = SecretString::from("correct horse battery staple");
        let hash = passwords.hash(&right).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(passwords.verify(&right, Some(&hash)).await.unwrap(), Verdict::Right);
        assert_eq!(passwords.verify(&"wrong".into(), Some(&hash)).await.unwrap(), Verdict::Wrong);
        assert_eq!(passwords.verify(&right, None).await.unwrap(), Verdict::Wrong);
    }

    #[test]
    fn a_random_password_is_a_good_one_and_another_each_time() {
        let (one, two) = (random(), random());
        assert_eq!(weakness(one.expose_secret(), &[]), None);
        assert_eq!(one.expose_secret().len(), 23);
        assert_ne!(one.expose_secret(), two.expose_secret());
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&nobody).unwrap();
        let ours = argon2();
        let ours = ours.params();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (ours.m_cost(), ours.t_cost(), ours.p_cost()));
        assert_eq!(nobody.hash.map(|hash| hash.len()), Some(Params::DEFAULT_OUTPUT_LEN));
    }

    #[test]
    fn common_passwords_are_refused() {
        assert_eq!(weakness("short", &[]).unwrap().0, "too_short");
        assert_eq!(weakness("password1234", &[]).unwrap().0, "too_common");
        assert_eq!(weakness("aaaaaaaaaaaaaaaa", &[]).unwrap().0, "too_common");
        assert_eq!(weakness("correct horse battery staple", &[]), None);
    }
}
