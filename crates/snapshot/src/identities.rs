//! The keys that decrypt artefacts: age identities, which are secret. They are never shown and never written.

use std::fmt;
use std::sync::Arc;

use age::x25519::Identity;

/// What an encrypted identity file starts with, in both of its forms.
const ENCRYPTED: [&[u8]; 2] = [b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE"];

/// Some identities, or none.
#[derive(Clone, Default)]
pub struct Identities(Arc<[Identity]>);

/// The content of a file is not identities. The words complete "failed to …"; no secret is among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentitiesError {
    /// The file is protected with a passphrase.
    #[error("use an identity file that is encrypted with a passphrase: decrypt it with `age -d` first")]
    Passphrase,
    /// A line is a public key.
    #[error("take the recipient in line {line} as an identity: the secret key, AGE-SECRET-KEY-1…, is needed")]
    Public {
        /// Counted from 1.
        line: usize,
    },
    /// A line is neither identity nor comment.
    #[error(
        "read the identity in line {line}: it must be an X25519 identity as age-keygen writes it, AGE-SECRET-KEY-1…"
    )]
    Unreadable {
        /// Counted from 1.
        line: usize,
    },
    /// There is no identity in it.
    #[error("find an identity in the file: it is empty")]
    Empty,
    /// The file is longer, or has more identities, than any identity file should.
    #[error("take more than {} identities or {} bytes", Identities::MAX, Identities::MAX_BYTES)]
    TooLarge,
}

impl Identities {
    /// More keys than that are tried on no artefact.
    pub const MAX: usize = 64;

    /// No identity file is longer.
    pub const MAX_BYTES: usize = 64 << 10;

    /// No key: what is encrypted stays closed.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads the content of a file as `age-keygen` writes it: an identity a line, blank lines and lines that start
    /// with `#` say nothing. Rotated keys stay in the file as long as artefacts need them.
    ///
    /// # Errors
    /// [`IdentitiesError`], with the line.
    pub fn parse(content: impl AsRef<[u8]>) -> Result<Self, IdentitiesError> {
        let content = content.as_ref();
        if content.len() > Self::MAX_BYTES {
            return Err(IdentitiesError::TooLarge);
        }
        if ENCRYPTED.iter().any(|start| content.trim_ascii_start().starts_with(start)) {
            return Err(IdentitiesError::Passphrase);
        }
        let mut all = Vec::new();
        for (at, line) in content.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if !line.is_empty() && !line.starts_with(b"#") {
                all.push(identity(at + 1, line)?);
            }
        }
        match all.len() {
            0 => Err(IdentitiesError::Empty),
            1..=Self::MAX => Ok(Self(all.into())),
            _ => Err(IdentitiesError::TooLarge),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The public key of each, `age1…`: what an artefact must have been encrypted for so that these open it.
    pub fn recipients(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|identity| identity.to_public().to_string())
    }

    /// These, and then `other`'s.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(other.0.iter()).cloned().collect())
    }

    pub(crate) fn of(identity: Identity) -> Self {
        Self([identity].into())
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|identity| identity as &dyn age::Identity)
    }
}

fn identity(line: usize, text: &[u8]) -> Result<Identity, IdentitiesError> {
    if text.starts_with(b"age1") {
        return Err(IdentitiesError::Public { line });
    }
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    parsed.ok_or(IdentitiesError::Unreadable { line })
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identities(***)")
    }
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret as _;

    use super::*;

    fn generated() -> (String, String) {
        let identity = Identity::generate();
        (identity.to_string().expose_secret().to_owned(), identity.to_public().to_string())
    }

    #[test]
    fn a_file_of_age_keygen_is_read() {
        let ((one, first), (two, second)) = (generated(), generated());
        let file = format!("# created: 2026-11-23T10:00:00Z\r\n# public key: {first}\r\n{one}\r\n\n{two}");
        let read = Identities::parse(file).unwrap();
        assert_eq!(read.recipients().collect::<Vec<_>>(), [first, second]);
        assert_eq!(format!("{read:?}"), "Identities(***)");
    }

    #[test]
    fn what_is_no_identity_is_refused_with_its_line() {
        let (secret, public) = generated();
        let refused = |text: String| Identities::parse(text).unwrap_err();
        assert_eq!(refused(format!("# x\n{public}")), IdentitiesError::Public { line: 2 });
        assert_eq!(refused(format!("{secret}\n{}", &secret[..70])), IdentitiesError::Unreadable { line: 2 });
        assert_eq!(refused("-----BEGIN OPENSSH PRIVATE KEY-----".into()), IdentitiesError::Unreadable { line: 1 });
        assert_eq!(refused("\n# none\n".into()), IdentitiesError::Empty);
        assert_eq!(refused(" ".repeat(Identities::MAX_BYTES + 1)), IdentitiesError::TooLarge);
        assert_eq!(Identities::parse([0xff, 0xfe]).unwrap_err(), IdentitiesError::Unreadable { line: 1 });
        assert_eq!(refused(format!("{secret}\n").repeat(Identities::MAX + 1)), IdentitiesError::TooLarge);
    }

    #[test]
    fn a_file_that_wants_a_passphrase_says_so() {
        let binary = b"age-encryption.org/v1\n-> scrypt \xff\xfe".as_slice();
        let armored = b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl".as_slice();
        for file in [binary, armored] {
            assert_eq!(Identities::parse(file).unwrap_err(), IdentitiesError::Passphrase);
        }
    }
}
