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

use std::time::Duration;

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

/// Log-ins to one account from one network, codes for it from where it never logged in, and what somebody who is logged in shows
/// once more.
const NARROW: throttle::Policy = slowed_after(5);
/// Log-ins from one network, to whichever accounts.
const PER_NETWORK: throttle::Policy = slowed_after(50);
/// Log-ins to one account from all over the world: a hundred at once, and a hundred an hour. Networks in which it logged in
/// within [`KNOWN_FOR`] are not kept out by it, or anybody could keep its owner out.
const PER_ACCOUNT: throttle::Policy = throttle::Policy {
    free: 100,
    window: Duration::from_hours(1),
    first_wait: Duration::from_secs(36),
    longest_wait: Duration::from_secs(36),
};
/// The worker forgets them then.
const KNOWN_FOR: Duration = Duration::from_hours(30 * 24);

const fn slowed_after(free: i64) -> throttle::Policy {
    throttle::Policy {
        free,
        window: Duration::from_mins(15),
        first_wait: Duration::from_secs(1),
        longest_wait: Duration::from_mins(5),
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
