//! Why a mail could not be handed over, or the settings not be used.

use std::error::Error;
use std::time::Duration;

use lettre::transport::smtp;

use crate::chain;
use crate::delivery::{backoff, spread};

/// The text is no e-mail address. The words follow the name of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no e-mail address")]
pub struct AddressError;

/// The settings cannot be used. The words complete "failed to …"; the URL is not repeated, since it holds a password.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The server's URL.
    #[error("use the SMTP server's URL: it {0}")]
    Url(&'static str),
    /// The sender.
    #[error("use the sender of e-mails: it {0}")]
    From(AddressError),
    /// The certificates.
    #[error("set up TLS for e-mails")]
    Tls(#[source] smtp::Error),
}

/// A mail was not taken. The words complete "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// The server refused for good: an unknown recipient, a wrong password.
    #[error("hand over the mail: the server refused it")]
    Refused(#[source] smtp::Error),
    /// The server asks to come back later.
    #[error("hand over the mail: the server asks to try again later")]
    Deferred(#[source] smtp::Error),
    /// The server does not offer what the settings or the address need: STARTTLS, a way to log in, SMTPUTF8.
    #[error("use the mail server as configured")]
    Unsupported(#[source] smtp::Error),
    /// The server could not prove who it is.
    #[error("agree on TLS with the mail server")]
    Tls(#[source] smtp::Error),
    /// No answer in time.
    #[error("get the mail server's answer in time")]
    Timeout,
    /// The server was not reached, or the connection broke.
    #[error("talk to the mail server")]
    Connection(#[source] smtp::Error),
    /// The mail itself cannot be written.
    #[error("write the mail")]
    Unwritable(#[source] lettre::error::Error),
}

impl MailError {
    /// Whether another attempt may end otherwise.
    #[must_use]
    pub fn is_worth_retrying(&self) -> bool {
        !matches!(self, Self::Refused(_) | Self::Unwritable(_))
    }

    /// How long to wait before the next attempt after `failures` of them, this one included; none when it was the last.
    /// As for a webhook, up to a tenth more than [`backoff`](crate::backoff), by `random`.
    #[must_use]
    pub fn next_attempt(&self, failures: u32, random: u16) -> Option<Duration> {
        if self.is_worth_retrying() { Some(spread(backoff(failures)?, random)) } else { None }
    }

    /// One line with every cause and what the server said, for a delivery log.
    #[must_use]
    pub fn words(&self) -> String {
        chain::words(self)
    }
}

impl From<smtp::Error> for MailError {
    fn from(error: smtp::Error) -> Self {
        if error.is_permanent() {
            Self::Refused(error)
        } else if error.is_transient() {
            Self::Deferred(error)
        } else if error.is_timeout() {
            Self::Timeout
        } else if error.is_tls() || chain::causes(&error).any(<dyn Error>::is::<rustls::Error>) {
            Self::Tls(error)
        } else if error.is_client() {
            Self::Unsupported(error)
        } else {
            Self::Connection(error)
        }
    }
}
