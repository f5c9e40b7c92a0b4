//! E-mail: one plain text to one address, handed to the configured SMTP server.
//!
//! The server is the operator's choice and may stand on a private address. Nothing of a mail can become a header: addresses
//! are parsed, the subject is one line, and lettre encodes what is left.

mod error;
mod settings;

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use tokio::time::timeout;
use uuid::Uuid;

use crate::roots::Roots;
use crate::scrub;

pub use error::{AddressError, MailError, SettingsError};
pub use settings::SmtpSettings;

/// For each command to the server.
const COMMAND_PATIENCE: Duration = Duration::from_secs(10);
/// For the whole exchange.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer subjects are not shown anyway.
const LONGEST_SUBJECT: usize = 200;
/// Longer bodies are cut; a notice has some 2000 characters.
const LONGEST_BODY: usize = 100_000;

/// An e-mail address (RFC 5321), with or without a name: `ops@example.com`, `Operations <ops@example.com>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Mailbox);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > 254 || text.chars().any(char::is_control) {
            return Err(AddressError);
        }
        text.parse().map(Self).map_err(|_| AddressError)
    }
}

/// One mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The same for every attempt, so that a mail that arrived twice is known by its `Message-ID`.
    pub id: Uuid,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// To whom.
    pub to: Address,
    /// One line; line ends in it become blanks.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// Hands mails to a server. Cheap to clone; connects for each mail.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    patience: Duration,
}

impl Mailer {
    /// Reads the settings. Nothing is connected yet.
    ///
    /// # Errors
    /// When the URL or the sender cannot be used.
    pub fn new(settings: &SmtpSettings, roots: &Roots) -> Result<Self, SettingsError> {
        let Address(from) = settings.from.parse().map_err(SettingsError::From)?;
        // Servers want a full name in the greeting; a container has none.
        let greeting = ClientId::Domain(from.email.domain().to_owned());
        let builder = settings::transport(settings, roots)?;
        let transport = builder.hello_name(greeting).timeout(Some(COMMAND_PATIENCE)).build();
        Ok(Self { transport, from, patience: PATIENCE })
    }

    /// Allows another time for a whole exchange.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Hands over one mail: when it returns, the server has taken it.
    ///
    /// # Errors
    /// Why the server did not take it, as far as it said.
    pub async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        match timeout(self.patience, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(MailError::from(error)),
            Err(_) => Err(MailError::Timeout),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let id = format!("<{}@{}>", mail.id, self.from.email.domain());
        let body: String = mail.body.trim_end().chars().take(LONGEST_BODY).collect();
        Message::builder()
            .from(self.from.clone())
            .to(mail.to.0.clone())
            .date(mail.at.into())
            .message_id(Some(id))
            .subject(scrub::line(&mail.subject, LONGEST_SUBJECT))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(scrub::printable(&body))
            .map_err(MailError::Unwritable)
    }
}

/// `Auto-Submitted: auto-generated` (RFC 3834): no out-of-office answers, please.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_address() {
        for text in ["ops@example.com", "Operations <ops@example.com>", "a.b+c@sub.example.com"] {
            assert!(text.parse::<Address>().is_ok(), "{text}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        for text in
            ["", "ops", "ops@", "@example.com", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example", &long]
        {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
