//! A signed statement of what was backed up and how it was proven, which can be checked without ChiliView's databases.
//!
//! It is a JWS (RFC 7515) in the flattened JSON form, signed with Ed25519 (`EdDSA`, RFC 8037). Its protected header holds
//! the signer's public key, so that it can be read without any other; whether that key is to be believed is known only to
//! one who got it elsewhere. There is one spelling of a certificate: any other byte, also a blank, is refused.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::artefact::Artefact;
use crate::error::Error;
use crate::identities::Identities;
use crate::manifest::{Manifest, ManifestError, instant};
use crate::prove::{Check, Depth, examine};
use crate::task;
use crate::watch::Watch;

pub use keys::{KeysError, PublicKey, SigningKey};

mod keys;

/// The only format there is.
const FORMAT: u32 = 1;

/// No certificate is longer: a manifest of the greatest length, in base64, and what is around it.
pub const MAX_BYTES: usize = 2 << 20;

/// No issuer's name is longer, in bytes.
const MAX_ISSUER: usize = 256;

const ALGORITHM: &str = "EdDSA";
const TYPE: &str = "chiliview-certificate+json";

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Version of this document; [`Statement::FORMAT`].
    pub format: u32,
    /// The installation that made the snapshot and signs.
    pub issuer: String,
    /// When this was signed.
    #[serde(with = "instant")]
    pub issued_at: DateTime<Utc>,
    /// When the snapshot was last proven.
    #[serde(with = "instant")]
    pub verified_at: DateTime<Utc>,
    /// How thoroughly it was proven.
    pub depth: Depth,
    /// Everything that was compared then.
    pub checks: Vec<Check>,
    /// The snapshot: whose it is, when it was taken, sizes and digests, rows of each table, schema version, the version
    /// of the program that made it, and for whom it is encrypted.
    pub manifest: Manifest,
}

impl Statement {
    /// The format that this version writes and reads.
    pub const FORMAT: u32 = FORMAT;

    fn validate(&self) -> Result<(), CertificateError> {
        if self.format != FORMAT {
            return Err(CertificateError::Invalid("a format other than 1"));
        }
        if self.issuer.is_empty() || self.issuer.len() > MAX_ISSUER {
            return Err(CertificateError::Invalid("an issuer that is empty or too long"));
        }
        Ok(self.manifest.validate()?)
    }
}

/// A certificate whose signature is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// What it states.
    pub statement: Statement,
    /// Who states it. It is an assertion of the certificate itself when no key was given to [`verify`].
    pub signer: PublicKey,
}

/// Why a certificate is not issued or not believed. The words complete "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It is longer than [`MAX_BYTES`].
    #[error("take a certificate of more than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is not spelled as a certificate of ChiliView is.
    #[error("read the certificate: {0}")]
    Malformed(String),
    /// Its signature is not that of its key over its content.
    #[error("believe the certificate: its signature is wrong, so it was changed or is no certificate of this key")]
    Signature,
    /// Somebody else signed it.
    #[error("believe the certificate: it was signed by {found}, not by {expected}")]
    Signer {
        /// The thumbprint of the key that is trusted.
        expected: String,
        /// The thumbprint of the key that signed.
        found: String,
    },
    /// It is signed and says something impossible, or of a later format.
    #[error("accept a certificate with {0}")]
    Invalid(&'static str),
    /// The manifest in it is none.
    #[error("accept the manifest in the certificate")]
    Manifest(#[from] ManifestError),
}

/// RFC 7515, section 7.2.2; the members in this order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flattened {
    payload: String,
    protected: String,
    signature: String,
}

impl Flattened {
    fn text(&self) -> Result<String, CertificateError> {
        serde_json::to_string_pretty(self).map(|text| text + "\n").map_err(malformed)
    }

    fn signed(&self) -> String {
        format!("{}.{}", self.protected, self.payload)
    }
}

/// RFC 7515, section 4.1; the key as in RFC 8037, section 2.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
    jwk: keys::Jwk,
}

/// Signs `statement`; the text of the certificate, which ends with a line feed.
///
/// # Errors
/// [`CertificateError`] when [`verify`] would not accept it.
pub fn issue(key: &SigningKey, statement: &Statement) -> Result<String, CertificateError> {
    statement.validate()?;
    let public = key.public();
    let header = Header { alg: ALGORITHM.into(), typ: TYPE.into(), kid: public.thumbprint(), jwk: public.jwk() };
    let encode = |json: serde_json::Result<Vec<u8>>| json.map(|json| BASE64URL.encode(json)).map_err(malformed);
    let (payload, protected) = (encode(serde_json::to_vec(statement))?, encode(serde_json::to_vec(&header))?);
    let mut document = Flattened { payload, protected, signature: String::new() };
    document.signature = BASE64URL.encode(key.sign(document.signed().as_bytes()));
    let text = document.text()?;
    if text.len() > MAX_BYTES { Err(CertificateError::TooLarge) } else { Ok(text) }
}

/// Reads a certificate and checks its signature; with `trusted`, that it is the signer's key.
///
/// # Errors
/// [`CertificateError`].
pub fn verify(text: &str, trusted: Option<&PublicKey>) -> Result<Certificate, CertificateError> {
    if text.len() > MAX_BYTES {
        return Err(CertificateError::TooLarge);
    }
    let document: Flattened = serde_json::from_str(text).map_err(malformed)?;
    if document.text()? != text {
        return Err(CertificateError::Malformed("it is spelled another way than it was issued".into()));
    }
    let header: Header = decoded(&document.protected)?;
    let signer = header.jwk.key().map_err(malformed)?;
    if header.alg != ALGORITHM || header.typ != TYPE || header.kid != signer.thumbprint() {
        return Err(CertificateError::Malformed("its header is not that of a certificate".into()));
    }
    if let Some(trusted) = trusted.filter(|trusted| **trusted != signer) {
        return Err(CertificateError::Signer { expected: trusted.thumbprint(), found: signer.thumbprint() });
    }
    let signature = BASE64URL.decode(&document.signature).map_err(malformed)?;
    if !signer.has_signed(document.signed().as_bytes(), &signature) {
        return Err(CertificateError::Signature);
    }
    let statement: Statement = decoded(&document.payload)?;
    statement.validate()?;
    Ok(Certificate { statement, signer })
}

/// Compares the file at `path` with what `statement` says of it: its length and digest, and, unless it is encrypted and
/// `identities` is empty, the database inside, which is unpacked into `scratch` and thrown away. Answers how thoroughly
/// it was checked and which checks passed.
///
/// # Errors
/// [`Error::Damaged`] when it is not that file, [`Error::NoIdentity`] when it is and no identity of some opens it, and
/// as [`prove`](crate::prove()).
pub async fn check_file(
    statement: &Statement,
    path: &Path,
    identities: &Identities,
    scratch: &Path,
    watch: &Watch,
) -> Result<(Depth, Vec<Check>), Error> {
    let (manifest, identities) = (statement.manifest.clone(), identities.clone());
    let (path, scratch) = (path.to_path_buf(), scratch.to_path_buf());
    task::watched(watch, move |watch| {
        let artefact = Artefact::open(path.clone()).map_err(Error::io("open", &path))?;
        let closed = manifest.encryption.is_some() && identities.is_empty();
        let depth = if closed { Depth::Stored } else { Depth::Quick };
        Ok((depth, examine(&artefact, &manifest, depth, &identities, &scratch, watch)?))
    })
    .await
}

fn decoded<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, CertificateError> {
    serde_json::from_slice(&BASE64URL.decode(text).map_err(malformed)?).map_err(malformed)
}

fn malformed(error: impl std::fmt::Display) -> CertificateError {
    CertificateError::Malformed(error.to_string())
}

#[cfg(test)]
mod tests;
