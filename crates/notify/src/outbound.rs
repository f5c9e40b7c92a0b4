//! The one way out over HTTP: one request on one connection, no redirect followed, no proxy asked, everything bounded.
//!
//! hyper by itself, since it does none of those things. (reqwest could be told so, but TLS in it is a feature for the whole
//! workspace, and every other client of it would then panic for want of a crypto provider.) No connection is kept: an address
//! is judged for every request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use url::{Position, Url};

use crate::address::Policy;
use crate::connect::{Connector, Stream};
use crate::delivery::{Delivered, DeliveryError};
use crate::lookup::{Lookup, SystemLookup};
use crate::roots::{Roots, RootsError};
use crate::scrub;

/// How much of an answer's body is kept; the rest is not read.
const EXCERPT_BYTES: usize = 16 * 1024;
/// How large an answer's head may be.
const HEAD_BYTES: usize = 64 * 1024;

/// How long a request may take. Standard Webhooks recommends 15 to 30 seconds in all.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the look-up, for each connection and for TLS.
    pub connect: Duration,
    /// From the look-up to the end of the answer.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(20) }
    }
}

/// Sends requests to where [`Policy`] lets it. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    connector: Arc<Connector>,
    total: Duration,
}

/// An answer's head, and the beginning of its body.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) delivered: Delivered,
}

impl Outbound {
    /// A client that asks the system's resolver.
    ///
    /// # Errors
    /// When the certificates cannot be used.
    pub fn new(policy: Policy, limits: Limits, roots: &Roots) -> Result<Self, RootsError> {
        Self::with_lookup(policy, limits, roots, Arc::new(SystemLookup))
    }

    /// A client that asks another resolver.
    ///
    /// # Errors
    /// When the certificates cannot be used.
    pub fn with_lookup(
        policy: Policy,
        limits: Limits,
        roots: &Roots,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, RootsError> {
        let tls = TlsConnector::from(Arc::new(roots.client().map_err(RootsError::Certificate)?));
        let connector = Connector { policy, lookup, tls, patience: limits.connect };
        Ok(Self { connector: Arc::new(connector), total: limits.total })
    }

    /// Sends one request. Every status is an answer; only what kept an answer from coming is an error.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, DeliveryError> {
        let began = Instant::now();
        let deadline = began + self.total;
        let request = request(method, url, headers, body)?;
        let head = async {
            let stream = self.connector.connect(url).await?;
            exchange(stream, request).await
        };
        let (response, connection) = timeout_at(deadline, head).await.map_err(|_| DeliveryError::Timeout)??;
        let (head, body) = response.into_parts();
        let excerpt = excerpt(body, deadline).await;
        // An answer that never ends does not keep its connection.
        drop(connection);
        let delivered = Delivered { status: head.status.as_u16(), excerpt, took: began.elapsed() };
        Ok(Answer { headers: head.headers, delivered })
    }
}

fn request(method: Method, url: &Url, headers: HeaderMap, body: Bytes) -> Result<Request<Full<Bytes>>, DeliveryError> {
    let unusable = |_| DeliveryError::Refused(crate::UrlError::NoHost);
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]).map_err(unusable)?;
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let target: Uri = target.parse().map_err(|_| DeliveryError::Refused(crate::UrlError::NoHost))?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = target;
    *request.headers_mut() = headers;
    request.headers_mut().insert(header::HOST, host);
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    let agent = HeaderValue::from_static(concat!("ChiliView/", env!("CARGO_PKG_VERSION")));
    request.headers_mut().insert(header::USER_AGENT, agent);
    Ok(request)
}

/// Aborts the connection's task when it goes, so that a request that is given up leaves nothing behind.
struct Connection(tokio::task::JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn exchange(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
) -> Result<(http::Response<Incoming>, Connection), DeliveryError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(DeliveryError::Exchange)?;
    // What ends the connection ends the request too, and is told there.
    let connection = Connection(tokio::spawn(async { drop(connection.await) }));
    let response = sender.send_request(request).await.map_err(DeliveryError::Exchange)?;
    Ok((response, connection))
}

/// The beginning of a body. The head has said how it went: a body that stalls or breaks off is kept as far as it came.
async fn excerpt(mut body: Incoming, deadline: Instant) -> String {
    let mut kept = Vec::new();
    while kept.len() < EXCERPT_BYTES
        && let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await
    {
        if let Some(data) = frame.data_ref() {
            kept.extend_from_slice(&data[..data.len().min(EXCERPT_BYTES - kept.len())]);
        }
    }
    scrub::printable(&String::from_utf8_lossy(&kept))
}
