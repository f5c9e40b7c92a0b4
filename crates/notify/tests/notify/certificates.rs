//! A certificate of our own for a name, and the server's side of TLS with it.

use std::sync::Arc;

use chiliview_notify::Roots;
use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

pub(crate) struct Identity {
    pem: String,
    pub(crate) acceptor: TlsAcceptor,
}

impl Identity {
    pub(crate) fn of(name: &str) -> Self {
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
        Self { pem: cert.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    /// Roots that trust it.
    pub(crate) fn roots(&self) -> Roots {
        Roots::system().with_pem(self.pem.as_bytes()).unwrap()
    }
}
