//! Who may come in: log-ins, sessions, passwords and the second factor, for admins and for tenants' users.

mod account;
mod guess;
mod login;
mod password;
mod reauthenticate;
mod seal;
mod second_factor;
mod sessions;
mod totp;

use chiliview_store::throttle;

pub(crate) use self::reauthenticate::{reauthenticate, reauthenticate_by, require_fresh};
pub use self::{
    login::{LogIn, LoggedIn, Login, LoginAnswer, LogoutAnswer, Whoami},
    password::{PasswordChange, Passwords},
    reauthenticate::Reauthentication,
    sessions::{SessionInfo, Sessions},
    totp::{BothFactors, FactorInfo, FactorSecret, FirstCode, PasswordAgain, RecoveryCodes, Totp},
};
use crate::secret::Secret;

/// Guessing at one account gets slow after five failures; one network may fail for many accounts, but not for hundreds.
const PER_ACCOUNT: throttle::Policy = policy(5);
const PER_NETWORK: throttle::Policy = policy(50);

const fn policy(free: i64) -> throttle::Policy {
    throttle::Policy {
        free,
        window: std::time::Duration::from_secs(15 * 60),
        first_wait: std::time::Duration::from_secs(1),
        longest_wait: std::time::Duration::from_secs(5 * 60),
    }
}

/// A password that somebody shows: whether it is the right one is another question.
pub(crate) fn known_length(secret: &Secret, _: &()) -> Result<(), garde::Error> {
    match secret.expose().len() {
        0 => Err(garde::Error::new("too_short: must not be empty")),
        1..=1024 => Ok(()),
        _ => Err(garde::Error::new("too_long: may have at most 1024 bytes")),
    }
}
