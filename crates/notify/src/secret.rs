//! The secret that a webhook's receiver and we share (Standard Webhooks, "Signature scheme").

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::Sha256;

const PREFIX: &str = "whsec_";

/// The text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read a webhook's secret: it must be {PREFIX} and the base64 of 24 to 64 bytes")]
pub struct SecretError;

/// 24 to 64 random bytes; never printed, wiped when dropped.
#[derive(Clone)]
pub struct Secret(SecretSlice<u8>);

impl Secret {
    /// A secret of 32 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes.to_vec().into())
    }

    /// The form that its owner sees once, and that [`FromStr`] reads: `whsec_<base64>`.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.0.expose_secret()))
    }

    /// The value of `webhook-signature`: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
    ///
    /// A receiver computes the same over the body as it came, byte for byte, compares in constant time, and refuses a
    /// `webhook-timestamp` that is more than five minutes off. There are libraries at <https://www.standardwebhooks.com>;
    /// by hand, in Python:
    ///
    /// ```python
    /// key = base64.b64decode(secret.removeprefix("whsec_"))
    /// content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    /// ours = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    /// genuine = any(hmac.compare_digest(ours, theirs) for theirs in headers["webhook-signature"].split(" "))
    /// fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    /// ```
    ///
    /// The same with this type:
    ///
    /// ```
    /// use chiliview_notify::Secret;
    ///
    /// let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
    /// let (id, timestamp, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
    /// let header = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    /// assert!(header.split(' ').any(|theirs| secret.sign(id, timestamp, body) == theirs));
    /// # Ok::<(), chiliview_notify::SecretError>(())
    /// ```
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        // A key of any length is taken: the type's bound is the specification's, not the algorithm's.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()) else {
            unreachable!("HMAC takes keys of every length")
        };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX).ok_or(SecretError)?).map_err(|_| SecretError)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes.into())) } else { Err(SecretError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_is_written_and_never_printed() {
        let secret = Secret::from_random([7; 32]);
        assert_eq!(secret.expose().parse::<Secret>().unwrap().expose(), secret.expose());
        assert_eq!(format!("{secret:?}"), "***");
    }

    #[test]
    fn other_forms_and_lengths_are_refused() {
        let short = format!("{PREFIX}{}", STANDARD.encode([1; 23]));
        let long = format!("{PREFIX}{}", STANDARD.encode([1; 65]));
        for text in ["", PREFIX, "whsec_!!!", &short, &long, &STANDARD.encode([1; 32])] {
            assert!(text.parse::<Secret>().is_err(), "{text}");
        }
    }
}
