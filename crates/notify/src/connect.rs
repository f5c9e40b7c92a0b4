//! One connection to where a URL leads: resolve, judge every address, connect to one that was judged, TLS.
//!
//! The address that was judged is the address that is connected to: no second look-up comes between.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::address::Policy;
use crate::delivery::DeliveryError;
use crate::lookup::Lookup;
use crate::url::{check, literal};

/// A name with more addresses than this gets no more chances.
const ADDRESSES_TRIED: usize = 4;

/// What a request is written to.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How connections are made.
pub(crate) struct Connector {
    pub(crate) policy: Policy,
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) tls: TlsConnector,
    /// For each address.
    pub(crate) patience: Duration,
}

impl Connector {
    pub(crate) async fn connect(&self, url: &Url) -> Result<Box<dyn Stream>, DeliveryError> {
        check(url, &self.policy).map_err(DeliveryError::Refused)?;
        let port = url.port_or_known_default().ok_or(DeliveryError::Refused(crate::UrlError::Scheme))?;
        let stream = self.reach(&self.addresses(url).await?, port).await?;
        if url.scheme() == "http" {
            return Ok(Box::new(stream));
        }
        // The brackets of an IPv6 literal are not part of its name.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.');
        let name =
            ServerName::try_from(host.to_owned()).map_err(|error| DeliveryError::Tls(io::Error::other(error)))?;
        let secured = timeout(self.patience, self.tls.connect(name, stream)).await;
        let secured = secured.map_err(|_| DeliveryError::Timeout)?.map_err(DeliveryError::Tls)?;
        Ok(Box::new(secured))
    }

    /// Every address of the host that may be reached.
    async fn addresses(&self, url: &Url) -> Result<Vec<IpAddr>, DeliveryError> {
        if let Some(address) = literal(url).map_err(DeliveryError::Refused)? {
            return Ok(vec![address]);
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let found = timeout(self.patience, self.lookup.lookup(host)).await;
        let found = found.map_err(|_| DeliveryError::Timeout)?.map_err(DeliveryError::Resolve)?;
        let permitted: Vec<IpAddr> = found.iter().copied().filter(|address| self.policy.permits(*address)).collect();
        match (permitted.is_empty(), found.first()) {
            (true, Some(address)) => Err(DeliveryError::Refused(crate::UrlError::Address(*address))),
            (true, None) => Err(DeliveryError::Resolve(io::ErrorKind::NotFound.into())),
            (false, _) => Ok(permitted),
        }
    }

    async fn reach(&self, addresses: &[IpAddr], port: u16) -> Result<TcpStream, DeliveryError> {
        let mut last = DeliveryError::Timeout;
        for address in addresses.iter().take(ADDRESSES_TRIED) {
            match timeout(self.patience, TcpStream::connect(SocketAddr::new(*address, port))).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = DeliveryError::Connect(error),
                Err(_) => last = DeliveryError::Timeout,
            }
        }
        Err(last)
    }
}
