//! How the store's requests travel: hyper and rustls, no redirect followed, no proxy asked, every wait bounded.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{HeaderValue, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use tokio::time::{Sleep, sleep, timeout};
use tower_service::Service;

use super::settings::{BucketSettings, Patience};

/// Sending is given time by its length, at a pace that any line worth the name has.
const SLOWEST_BYTES_A_SECOND: u64 = 64 << 10;
const IDLE: Duration = Duration::from_secs(20);

/// Makes the clients of one bucket.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    settings: BucketSettings,
}

impl Transport {
    pub(super) fn new(settings: &BucketSettings) -> Self {
        Self { settings: settings.clone() }
    }

    pub(super) fn client(&self) -> HttpClient {
        let settings = &self.settings;
        let guard = Guard { permits: settings.endpoint.is_none().then(|| Arc::clone(&settings.permits)) };
        let mut tcp = Tcp::new_with_resolver(guard);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.patience.connect));
        let tls = HttpsConnectorBuilder::new().with_tls_config((*settings.tls).clone());
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        HttpClient::new(Requests { client, patience: settings.patience })
    }
}

impl HttpConnector for Transport {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.client())
    }
}

#[derive(Debug)]
struct Requests {
    client: Client<HttpsConnector<Tcp<Guard>>, HttpRequestBody>,
    patience: Patience,
}

#[async_trait::async_trait]
impl HttpService for Requests {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let agent = HeaderValue::from_static(concat!("ChiliView/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        let bytes = request.body().content_length() as u64;
        let patience =
            self.patience.connect + self.patience.answer + Duration::from_secs(bytes / SLOWEST_BYTES_A_SECOND);
        match timeout(patience, self.client.request(request)).await {
            Err(_) => Err(HttpError::new(HttpErrorKind::Timeout, io::Error::from(io::ErrorKind::TimedOut))),
            Ok(Err(error)) => {
                let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
                Err(HttpError::new(kind, error))
            }
            Ok(Ok(response)) => {
                let patience = self.patience.answer;
                Ok(response.map(|body| HttpResponseBody::new(Patient { body, patience, until: None })))
            }
        }
    }
}

/// A body whose next piece is not waited for for ever. Only waiting counts: a reader may take its time.
struct Patient {
    body: Incoming,
    patience: Duration,
    until: Option<Pin<Box<Sleep>>>,
}

impl Body for Patient {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.until = None;
            return Poll::Ready(
                frame.map(|frame| frame.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))),
            );
        }
        let patience = self.patience;
        ready!(self.until.get_or_insert_with(|| Box::pin(sleep(patience))).poll_unpin(cx));
        Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Timeout, io::Error::from(io::ErrorKind::TimedOut)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Resolves names, and keeps those that nobody named from leading into the private network.
#[derive(Clone)]
struct Guard {
    permits: Option<Arc<dyn Fn(IpAddr) -> bool + Send + Sync>>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

impl Service<Name> for Guard {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let permits = self.permits.clone();
        async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let is_permitted = |address: &SocketAddr| permits.as_ref().is_none_or(|permits| permits(address.ip()));
            let permitted: Vec<_> = found.iter().copied().filter(is_permitted).collect();
            match (permitted.is_empty(), found.first()) {
                (true, Some(address)) => Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    format!("{} has the private address {}, which nobody allowed", name.as_str(), address.ip()),
                )),
                _ => Ok(permitted.into_iter()),
            }
        }
        .boxed()
    }
}

/// All of a short answer, and no more than `limit` bytes of a long one.
pub(super) async fn text(response: HttpResponse, limit: usize) -> Result<String, HttpError> {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        bytes.extend_from_slice(frame?.data_ref().map_or(&[], |data| data));
        if bytes.len() > limit {
            let error = io::Error::new(io::ErrorKind::InvalidData, "the answer is too long");
            return Err(HttpError::new(HttpErrorKind::Decode, error));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
