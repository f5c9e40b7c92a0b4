//! For whom new artefacts are encrypted: age recipients (<https://c2sp.org/age>), which are public keys.
//!
//! Only `age1…` (X25519) is taken. SSH keys would bring RSA, whose only crate has an open advisory (RUSTSEC-2023-0071).

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use age::x25519::Recipient;
use serde::{Deserialize, Serialize};

/// No text of a recipient is repeated further than this.
const SHOWN: usize = 72;

/// Recipients without duplicates, in the order in which they were named. None of them: nothing is encrypted.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Recipients(Arc<[Recipient]>);

/// The text does not name recipients. The words complete "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipientsError {
    /// A line is no recipient.
    #[error("read recipient {text:?} in line {line}: it must be an X25519 recipient as age-keygen prints it, age1…")]
    Unreadable {
        /// Counted from 1.
        line: usize,
        /// The beginning of the line.
        text: String,
    },
    /// A line is a secret key; it is not repeated.
    #[error("take the secret key in line {line} as a recipient: name its public key, age1…, and keep the secret one")]
    Secret {
        /// Counted from 1.
        line: usize,
    },
    /// There are more than [`Recipients::MAX`].
    #[error("take more than {} recipients", Recipients::MAX)]
    TooMany,
}

impl Recipients {
    /// No artefact is encrypted for more.
    pub const MAX: usize = 32;

    /// Nobody: what is written is not encrypted.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads one recipient a line; blank lines and lines that start with `#` say nothing.
    ///
    /// # Errors
    /// [`RecipientsError`], with the line.
    pub fn parse(text: &str) -> Result<Self, RecipientsError> {
        Self::of(text.lines())
    }

    /// As [`parse`](Self::parse), from lines.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn of(lines: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, RecipientsError> {
        let (mut known, mut all) = (HashSet::new(), Vec::new());
        for (at, line) in lines.into_iter().enumerate() {
            let text = line.as_ref().trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let recipient = recipient(at + 1, text)?;
            if known.insert(recipient.to_string()) {
                all.push(recipient);
            }
            if all.len() > Self::MAX {
                return Err(RecipientsError::TooMany);
            }
        }
        Ok(Self(all.into()))
    }

    /// These, and then `other`'s.
    ///
    /// # Errors
    /// [`RecipientsError::TooMany`].
    pub fn and(&self, other: &Self) -> Result<Self, RecipientsError> {
        Self::of(self.iter().chain(other.iter()))
    }

    /// Whether both name the same ones, in whatever order.
    pub fn are_those(&self, other: &Self) -> bool {
        self.iter().collect::<HashSet<_>>() == other.iter().collect()
    }

    /// Whether there are none, so that nothing is encrypted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As text, `age1…`.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(Recipient::to_string)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &dyn age::Recipient> {
        self.0.iter().map(|recipient| recipient as &dyn age::Recipient)
    }
}

fn recipient(line: usize, text: &str) -> Result<Recipient, RecipientsError> {
    if text.to_ascii_uppercase().contains("SECRET-KEY-") {
        return Err(RecipientsError::Secret { line });
    }
    text.parse().map_err(|_| RecipientsError::Unreadable { line, text: text.chars().take(SHOWN).collect() })
}

impl PartialEq for Recipients {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Recipients {}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl TryFrom<Vec<String>> for Recipients {
    type Error = RecipientsError;

    fn try_from(lines: Vec<String>) -> Result<Self, RecipientsError> {
        Self::of(lines)
    }
}

impl From<Recipients> for Vec<String> {
    fn from(recipients: Recipients) -> Self {
        recipients.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use age::x25519::Identity;

    use super::*;

    fn key() -> String {
        Identity::generate().to_public().to_string()
    }

    #[test]
    fn lines_are_read_in_their_order_and_once_each() {
        let (one, two) = (key(), key());
        let read = Recipients::parse(&format!("# the platform's\n{two}\n\n  {one} \n{two}\n")).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), [two, one]);
        assert!(Recipients::parse("# nobody\n").unwrap().is_empty());
    }

    #[test]
    fn two_lists_become_one_without_duplicates_and_are_compared_without_their_order() {
        let (one, two) = (key(), key());
        let list = |keys: &[&String]| Recipients::of(keys).unwrap();
        let both = list(&[&one]).and(&list(&[&two, &one])).unwrap();
        assert_eq!(both, list(&[&one, &two]));
        assert!(both.are_those(&list(&[&two, &one])));
        assert!(!both.are_those(&list(&[&one])) && !both.are_those(&Recipients::none()));
    }

    #[test]
    fn a_line_that_is_no_recipient_is_named() {
        let good = key();
        let mut bad = good.clone();
        bad.replace_range(20..21, if bad.as_bytes()[20] == b'q' { "p" } else { "q" });
        for wrong in ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ", "acme", "age1", bad.as_str(), "age1yubikey1qqqq"] {
            let refused = Recipients::parse(&format!("{good}\n{wrong}")).unwrap_err();
            assert_eq!(refused, RecipientsError::Unreadable { line: 2, text: wrong.into() });
        }
        let endless = Recipients::parse(&"x".repeat(1 << 20)).unwrap_err().to_string();
        assert!(endless.len() < 300, "{endless}");
    }

    #[test]
    fn a_secret_key_is_refused_and_not_repeated() {
        use age::secrecy::ExposeSecret as _;
        let secret = Identity::generate().to_string();
        let refused = Recipients::parse(secret.expose_secret()).unwrap_err();
        assert_eq!(refused, RecipientsError::Secret { line: 1 });
        assert!(!refused.to_string().contains(secret.expose_secret()));
    }

    #[test]
    fn more_than_the_bound_are_refused() {
        let many: Vec<_> = (0..=Recipients::MAX).map(|_| key()).collect();
        assert!(Recipients::of(&many[1..]).is_ok());
        assert_eq!(Recipients::of(&many), Err(RecipientsError::TooMany));
    }
}
