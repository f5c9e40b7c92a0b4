//! Whose certificates are trusted: the system's, and those that the operator adds.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// The certificates of an added file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// No PEM, or none with a certificate in it.
    #[error("read the added certificates: they must be PEM, with at least one CERTIFICATE block")]
    Pem,
    /// A certificate in it is malformed.
    #[error("trust an added certificate")]
    Certificate(#[source] rustls::Error),
}

/// Certificate authorities. Where the system has none (a minimal image), Mozilla's list stands in.
#[derive(Clone)]
pub struct Roots {
    system: Vec<CertificateDer<'static>>,
    added: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// The system's authorities. Reads files (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others): call it once, at the start.
    #[must_use]
    pub fn system() -> Self {
        // What cannot be read is not trusted; a delivery that needed it says so.
        let system = rustls_native_certs::load_native_certs().certs;
        let system = system.into_iter().filter(|certificate| add(&mut RootCertStore::empty(), certificate).is_ok());
        Self { system: system.collect(), added: Vec::new() }
    }

    /// Trusts the certificates of a PEM file too.
    ///
    /// # Errors
    /// When it holds none, or one is malformed.
    pub fn with_pem(mut self, pem: &[u8]) -> Result<Self, RootsError> {
        let found: Vec<_> =
            CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| RootsError::Pem)?;
        if found.is_empty() {
            return Err(RootsError::Pem);
        }
        for certificate in &found {
            add(&mut RootCertStore::empty(), certificate).map_err(RootsError::Certificate)?;
        }
        self.added.extend(found);
        Ok(self)
    }

    /// A TLS client that trusts them. The provider is named, so that nothing depends on a process-wide default.
    ///
    /// # Errors
    /// When a certificate cannot be used.
    pub fn client(&self) -> Result<ClientConfig, rustls::Error> {
        let mut store = RootCertStore::empty();
        if self.use_mozilla() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for certificate in self.certificates() {
            add(&mut store, certificate)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(builder.with_root_certificates(store).with_no_client_auth())
    }

    pub(crate) fn use_mozilla(&self) -> bool {
        self.system.is_empty()
    }

    pub(crate) fn certificates(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.system.iter().chain(&self.added)
    }
}

fn add(store: &mut RootCertStore, certificate: &CertificateDer<'static>) -> Result<(), rustls::Error> {
    store.add(certificate.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(Roots::system().with_pem(pem.as_bytes()), Err(RootsError::Pem)), "{pem}");
        }
        let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(Roots::system().with_pem(empty.as_bytes()), Err(RootsError::Certificate(_))));
    }
}
