//! Passwords: Argon2id (RFC 9106), off the async threads, never more at once than there are cores.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        Error, PasswordVerifier,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};
use chiliview_store::password_hashes::{self, LANES, MEMORY_KIB, OUTPUT_BYTES, PASSES, SALT_BYTES};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::{caller::Account, problem::Problem};

/// Shortest and longest, in characters.
pub const LENGTH: std::ops::RangeInclusive<usize> = 12..=128;
const WAITING: usize = 64;
const RETRY_SECONDS: u64 = 2;

/// What no password hashes to, with the parameters below: unknown users cost as much time as known ones.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Y2hpbGl2aWV3IG5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What a hash is made in: a block for each KiB.
type Memory = Vec<Block>;

/// Hashes and verifies, within bounds.
#[derive(Clone)]
pub struct Passwords {
    cores: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    /// Kept, and used again. Left to the allocator it would stay in the arena of each thread that ever hashed, some 600 MB.
    idle: Arc<Mutex<Vec<Memory>>>,
}

/// A hash as it is stored, and whose it is.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub(crate) hash: &'a str,
    pub(crate) account: Account,
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
        Self { cores: Arc::new(Semaphore::new(cores)), waiting: Arc::default(), idle: Arc::default() }
    }

    /// Hashes a password; the result is a PHC string.
    pub async fn hash(&self, password: &SecretString) -> Result<String, Problem> {
        let password = password.clone();
        let hashed = self.run(move |memory| hash_now(password.expose_secret(), memory)).await?;
        hashed.map_err(Problem::internal)
    }

    /// Compares a password with a stored hash; without one, or with one that would cost more than ours, it takes as long and is
    /// wrong.
    pub(crate) async fn verify(&self, password: &SecretString, stored: Option<Stored<'_>>) -> Result<Verdict, Problem> {
        let usable = stored.filter(is_usable);
        let known = usable.is_some();
        let hash = usable.map_or(NOBODY, |stored| stored.hash).to_owned();
        let password = password.clone();
        let verdict = self.run(move |memory| verify_now(password.expose_secret(), &hash, memory)).await?;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Result<T, Problem> {
        if self.waiting.fetch_add(1, Ordering::SeqCst) >= WAITING {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            return Err(Problem::too_many_requests(RETRY_SECONDS));
        }
        let permit = self.cores.clone().acquire_owned().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let permit = permit.map_err(Problem::internal)?;
        let idle = self.idle.clone();
        let hashing = tokio::task::spawn_blocking(move || {
            // Held by the work, not by who waits for it: he may hang up, and the core is busy all the same.
            let _permit = permit;
            let mut memory = idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            let result = work(&mut memory);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            result
        });
        hashing.await.map_err(Problem::internal)
    }
}

/// A tenant's database may have come from outside, hashes included.
fn is_usable(stored: &Stored<'_>) -> bool {
    let usable = password_hashes::is_within_bounds(stored.hash);
    if !usable {
        tracing::warn!(account = %stored.account, "password.hash_refused");
    }
    usable
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES)).unwrap_or_default();
    Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
}

fn compute(password: &str, salt: &Salt, memory: &mut Memory) -> Result<Output, Error> {
    let argon2 = argon2();
    memory.resize(argon2.params().block_count(), Block::new());
    let mut output = [0; OUTPUT_BYTES];
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory)?;
    Ok(Output::new(&output)?)
}

fn hash_now(password: &str, memory: &mut Memory) -> Result<String, Error> {
    let salt = Salt::new(&rand::random::<[u8; SALT_BYTES]>())?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2().params())?,
        hash: Some(compute(password, &salt, memory)?),
        salt: Some(salt),
    };
    Ok(hash.to_string())
}

fn verify_now(password: &str, hash: &str, memory: &mut Memory) -> Verdict {
    let Ok(parsed) = PasswordHash::new(hash) else { return Verdict::Wrong };
    let (Some(salt), true) = (&parsed.salt, is_ours(&parsed)) else { return verify_old(password, &parsed) };
    match compute(password, salt, memory) {
        // Compared in constant time.
        Ok(output) if Some(&output) == parsed.hash.as_ref() => Verdict::Right,
        _ => Verdict::Wrong,
    }
}

/// Hashed as we hash today.
fn is_ours(hash: &PasswordHash) -> bool {
    hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && ParamsString::try_from(argon2().params()).is_ok_and(|params| params == hash.params)
        && hash.hash.as_ref().is_some_and(|output| output.len() == OUTPUT_BYTES)
}

fn verify_old(password: &str, hash: &PasswordHash) -> Verdict {
    match argon2().verify_password(password.as_bytes(), hash) {
        Ok(()) => Verdict::RightButOld,
        Err(_) => Verdict::Wrong,
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

/// Why a password may not be used, or nothing: too short, too long, or among the first that an attacker tries, made of our
/// name or of what is known `about` its person.
#[must_use]
pub fn weakness(password: &str, about: &[&str]) -> Option<(&'static str, String)> {
    let length = password.chars().count();
    if length < *LENGTH.start() {
        return Some(("too_short", format!("needs at least {} characters", LENGTH.start())));
    }
    if length > *LENGTH.end() {
        return Some(("too_long", format!("may have at most {} characters", LENGTH.end())));
    }
    let estimate = zxcvbn::zxcvbn(password, &[about, &["chiliview"]].concat());
    (estimate.score() < zxcvbn::Score::Two)
        .then(|| ("too_common", "is among the first that an attacker would try; take a longer or rarer one".to_owned()))
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHasher as _;

    use super::*;

    fn stored(hash: &str) -> Option<Stored<'_>> {
        Some(Stored { hash, account: Account::Admin(chiliview_store::Ids.next()) })
    }

    #[tokio::test]
    async fn right_wrong_and_nobody() {
        let passwords = Passwords::new();
        let right = SecretString::from("correct horse battery staple");
        let hash = passwords.hash(&right).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(passwords.verify(&right, stored(&hash)).await.unwrap(), Verdict::Right);
        assert_eq!(passwords.verify(&"wrong".into(), stored(&hash)).await.unwrap(), Verdict::Wrong);
        assert_eq!(passwords.verify(&right, None).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn what_the_library_alone_hashed_is_verified_and_the_other_way_round() {
        let (passwords, right) = (Passwords::new(), SecretString::from("correct horse battery staple"));
        let theirs = argon2().hash_password(right.expose_secret().as_bytes()).unwrap().to_string();
        assert_eq!(passwords.verify(&right, stored(&theirs)).await.unwrap(), Verdict::Right);
        let ours = PasswordHash::new(&passwords.hash(&right).await.unwrap()).unwrap();
        argon2().verify_password(right.expose_secret().as_bytes(), &ours).unwrap();
        argon2().verify_password(b"wrong", &ours).unwrap_err();

        let weaker = Argon2::from(Params::new(64, 1, 1, None).unwrap());
        let old = weaker.hash_password(right.expose_secret().as_bytes()).unwrap().to_string();
        assert_eq!(passwords.verify(&right, stored(&old)).await.unwrap(), Verdict::RightButOld);
        assert_eq!(passwords.verify(&"wrong".into(), stored(&old)).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_that_asks_for_more_than_ours_is_wrong_and_never_computed() {
        let (passwords, right) = (Passwords::new(), SecretString::from("correct horse battery staple"));
        let argon2 = Argon2::from(Params::new(MEMORY_KIB + 1, 1, 1, None).unwrap());
        let larger = argon2.hash_password(right.expose_secret().as_bytes()).unwrap().to_string();
        assert_eq!(passwords.verify(&right, stored(&larger)).await.unwrap(), Verdict::Wrong);
        // Would take 4 TiB, or until the end of days.
        for params in ["m=4294967295,t=1,p=1", "m=8,t=4294967295,p=1"] {
            let endless = NOBODY.replace("m=19456,t=2,p=1", params);
            assert_eq!(passwords.verify(&right, stored(&endless)).await.unwrap(), Verdict::Wrong);
        }
    }

    #[tokio::test]
    async fn there_is_memory_for_as_many_hashes_as_there_are_cores() {
        let (passwords, right) = (Passwords::new(), SecretString::from("correct horse battery staple"));
        let cores = passwords.cores.available_permits();
        let hashes = (0..3 * cores).map(|_| passwords.hash(&right));
        for hash in futures::future::join_all(hashes).await {
            hash.unwrap();
        }
        let idle = passwords.idle.lock().unwrap().len();
        assert!((1..=cores).contains(&idle), "{idle} of {cores}");
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
        assert_eq!(nobody.hash.map(|hash| hash.len()), Some(OUTPUT_BYTES));
    }

    #[test]
    fn common_passwords_are_refused() {
        assert_eq!(weakness("short", &[]).unwrap().0, "too_short");
        assert_eq!(weakness("password1234", &[]).unwrap().0, "too_common");
        assert_eq!(weakness("aaaaaaaaaaaaaaaa", &[]).unwrap().0, "too_common");
        assert_eq!(weakness("correct horse battery staple", &[]), None);
        assert_eq!(weakness("chiliviewchiliview", &[]).unwrap().0, "too_common");
        assert_eq!(weakness("zuzunaxifolo", &[]), None);
        assert_eq!(weakness("zuzunaxifolo", &["zuzunaxifolo"]).unwrap().0, "too_common");
    }
}
