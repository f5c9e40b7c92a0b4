//! The keys of certificates: Ed25519 (RFC 8032), as PEM (RFC 8410) or as 32 bytes in base64url.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// No key's text is longer.
const MAX_TEXT: usize = 4096;

/// Signs certificates. Never shown.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

/// Tells who signed a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// The text is no key. The words complete "failed to …"; the text is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// No secret key.
    #[error("read the signing key: it must be an Ed25519 key in PKCS#8 PEM, or 32 bytes in base64url")]
    Signing,
    /// No public key.
    #[error("read the public key: it must be an Ed25519 key in PEM, or 32 bytes in base64url")]
    Public,
    /// The key cannot be written as PEM.
    #[error("write the key as PEM")]
    Pem,
}

/// A public key as JSON (RFC 8037, section 2); the members in the order of RFC 7638.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Jwk {
    crv: String,
    kty: String,
    x: String,
}

impl Jwk {
    pub(super) fn key(&self) -> Result<PublicKey, KeysError> {
        if self.crv != "Ed25519" || self.kty != "OKP" { Err(KeysError::Public) } else { self.x.parse() }
    }
}

impl SigningKey {
    /// The key that belongs to 32 bytes of the caller's secure randomness.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// What others check its signatures with.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The key as PKCS#8 PEM: secret.
    ///
    /// # Errors
    /// [`KeysError::Pem`].
    pub fn to_pem(&self) -> Result<String, KeysError> {
        self.0.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.to_string()).map_err(|_| KeysError::Pem)
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl PublicKey {
    /// The key as PEM.
    ///
    /// # Errors
    /// [`KeysError::Pem`].
    pub fn to_pem(&self) -> Result<String, KeysError> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(|_| KeysError::Pem)
    }

    /// The JWK thumbprint (RFC 7638) in base64url: a name for the key.
    pub fn thumbprint(&self) -> String {
        let Jwk { crv, kty, x } = self.jwk();
        BASE64URL.encode(Sha256::digest(format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}"}}"#)))
    }

    pub(super) fn jwk(&self) -> Jwk {
        Jwk { crv: "Ed25519".into(), kty: "OKP".into(), x: self.to_string() }
    }

    /// Strictly: a signature has one spelling, and weak keys sign nothing.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

impl FromStr for SigningKey {
    type Err = KeysError;

    fn from_str(text: &str) -> Result<Self, KeysError> {
        let text = bounded(text, KeysError::Signing)?;
        if text.starts_with("-----") {
            return ed25519_dalek::SigningKey::from_pkcs8_pem(text).map(Self).map_err(|_| KeysError::Signing);
        }
        raw(text).map(Self::from_seed).ok_or(KeysError::Signing)
    }
}

impl FromStr for PublicKey {
    type Err = KeysError;

    fn from_str(text: &str) -> Result<Self, KeysError> {
        let text = bounded(text, KeysError::Public)?;
        let key = if text.starts_with("-----") {
            VerifyingKey::from_public_key_pem(text).ok()
        } else {
            raw(text).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
        };
        key.filter(|key| !key.is_weak()).map(Self).ok_or(KeysError::Public)
    }
}

fn bounded(text: &str, error: KeysError) -> Result<&str, KeysError> {
    if text.len() > MAX_TEXT { Err(error) } else { Ok(text.trim()) }
}

fn raw(text: &str) -> Option<[u8; 32]> {
    BASE64URL.decode(text).ok()?.try_into().ok()
}

/// The 32 bytes in base64url.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.
    const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    #[test]
    fn the_published_key_has_the_published_thumbprint_and_signature() {
        let key: SigningKey = SEED.parse().unwrap();
        assert_eq!(key.public().to_string(), PUBLIC);
        assert_eq!(key.public().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let signed = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert_eq!(BASE64URL.encode(key.sign(signed)), signature);
    }

    #[test]
    fn a_key_reads_back_as_itself_from_pem() {
        let key = SigningKey::from_seed([7; 32]);
        let again: SigningKey = key.to_pem().unwrap().parse().unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(key.public().to_pem().unwrap().parse(), Ok(key.public()));
        assert_eq!(format!("{key:?}"), "SigningKey(***)");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let pem = SigningKey::from_seed([7; 32]).to_pem().unwrap();
        let weak = BASE64URL.encode([0; 32]);
        for text in ["", "x", &SEED[1..], &pem, &weak, &" ".repeat(5000)] {
            assert_eq!(text.parse::<PublicKey>(), Err(KeysError::Public), "{text}");
        }
        for text in ["", &SEED[1..], &pem[..60], &SigningKey::from_seed([7; 32]).public().to_pem().unwrap()] {
            assert_eq!(text.parse::<SigningKey>().unwrap_err(), KeysError::Signing, "{text}");
        }
    }
}
