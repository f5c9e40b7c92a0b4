//! The codes of a second factor: by time (RFC 6238, as every app does it: SHA-1, six digits, 30 seconds), and recovery codes
//! that each work once. A code by time works once too.

use chiliview_store::{
    AdminId, Tx, keys,
    second_factors::{self as rows, SecondFactor},
};
use sha2::{Digest, Sha256};
use totp_rs::{Algorithm, Builder};

use super::seal;
use crate::{app::App, problem::Problem, secret::Secret};

const ISSUER: &str = "ChiliView";
const DIGITS: usize = 6;
const RECOVERY_CODES: usize = 10;

/// A code that fits. It counts once it was taken.
pub(super) enum Proof {
    /// Of this time step.
    Step(i64),
    /// With this hash.
    Recovery(Vec<u8>),
}

impl Proof {
    /// In the transaction of what it is for. False when it was taken before.
    pub(super) async fn take(&self, tx: &mut Tx, admin: AdminId) -> Result<bool, chiliview_store::Error> {
        match self {
            Self::Step(step) => rows::take_step(tx, admin, *step).await,
            Self::Recovery(hash) => rows::take_recovery_code(tx, admin, hash).await,
        }
    }

    /// For the audit log.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Step(_) => "code",
            Self::Recovery(_) => "recovery code",
        }
    }
}

/// The admin's, when log-ins need it.
pub(super) async fn confirmed(app: &App, admin: AdminId) -> Result<Option<SecondFactor>, Problem> {
    let found = app.central().read(async |tx| rows::find(tx, admin).await).await?;
    Ok(found.filter(|factor| factor.confirmed_at.is_some()))
}

/// What a code is worth; nothing when it fits nowhere. Recovery codes only count with a factor that is confirmed.
pub(super) async fn prove(app: &App, factor: &SecondFactor, code: &Secret) -> Result<Option<Proof>, Problem> {
    let typed: String =
        code.expose().chars().filter(|character| !character.is_whitespace() && *character != '-').collect();
    if typed.len() != DIGITS || !typed.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(factor.confirmed_at.map(|_| Proof::Recovery(hash(&typed))));
    }
    let key = app.central().read(async |tx| keys::find(tx, seal::KEY).await).await?;
    let key =
        key.and_then(|key| <[u8; 32]>::try_from(key).ok()).ok_or_else(|| Problem::internal("the key is missing"))?;
    let opened = seal::open(&key, factor.admin_id, &factor.secret);
    let secret = opened.ok_or_else(|| Problem::internal("the secret of a second factor does not open"))?;
    let seconds = u64::try_from(app.now().micros() / 1_000_000).unwrap_or(0);
    let totp = builder(secret).build().map_err(Problem::internal)?;
    Ok(totp.check(&typed, seconds).and_then(|step| i64::try_from(step).ok()).map(Proof::Step))
}

/// A new secret: for the app in base32 and as a link, for the table sealed.
pub(super) struct Fresh {
    pub(super) base32: String,
    pub(super) url: String,
    pub(super) sealed: Vec<u8>,
}

/// Makes one. The platform's key is made with the first.
pub(super) async fn fresh(app: &App, admin: AdminId, username: &str) -> Result<Fresh, Problem> {
    let now = app.now();
    let new: [u8; 32] = rand::random();
    let key = app.central().write(async |tx| keys::find_or_insert(tx, seal::KEY, &new, now).await).await?;
    let key = <[u8; 32]>::try_from(key).map_err(|_| Problem::internal("the key has another length"))?;
    let secret: [u8; 20] = rand::random();
    let totp = builder(secret.to_vec()).with_issuer(Some(ISSUER)).with_account_name(username).build();
    let totp = totp.map_err(Problem::internal)?;
    Ok(Fresh {
        base32: totp.secret().to_base32(),
        url: totp.to_url().map_err(Problem::internal)?,
        sealed: seal::seal(&key, admin, &secret)?,
    })
}

fn builder(secret: Vec<u8>) -> Builder {
    Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret)
}

/// New recovery codes, and their hashes: 100 random bits each, so that a plain hash is enough.
pub(super) fn recovery_codes() -> (Vec<String>, Vec<Vec<u8>>) {
    use secrecy::ExposeSecret as _;
    let codes: Vec<String> =
        (0..RECOVERY_CODES).map(|_| crate::passwords::random().expose_secret().to_owned()).collect();
    let hashes = codes.iter().map(|code| hash(&code.replace('-', ""))).collect();
    (codes, hashes)
}

fn hash(typed: &str) -> Vec<u8> {
    Sha256::digest(typed.to_lowercase()).to_vec()
}
