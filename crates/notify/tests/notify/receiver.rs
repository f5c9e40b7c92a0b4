//! An HTTP server on this machine that remembers what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chiliview_notify::{Limits, Outbound, Policy, Roots};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use url::Url;

/// What a request is answered with: the first is number 0.
type Answers = dyn Fn(usize) -> Response<Full<Bytes>> + Send + Sync;

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Request<Bytes>>>>,
    answers: Arc<Answers>,
}

impl Receiver {
    pub(crate) async fn start(answers: impl Fn(usize) -> Response<Full<Bytes>> + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1:0", None, answers).await
    }

    pub(crate) async fn listen(
        address: &str,
        tls: Option<TlsAcceptor>,
        answers: impl Fn(usize) -> Response<Full<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = Self { address, seen: Arc::default(), answers: Arc::new(answers) };
        let serving = receiver.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().accept(stream, tls.clone()));
            }
        });
        receiver
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Request<Bytes>> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    async fn accept(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        match tls {
            None => self.serve(stream).await,
            // A client that does not trust us goes away in the middle.
            Some(tls) => {
                if let Ok(stream) = tls.accept(stream).await {
                    self.serve(stream).await;
                }
            }
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(async |request: Request<Incoming>| {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let number = {
                let mut seen = self.seen.lock().unwrap();
                seen.push(Request::from_parts(head, body));
                seen.len() - 1
            };
            Ok::<_, hyper::Error>((self.answers)(number))
        });
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.unwrap();
    }
}

pub(crate) fn answer(status: u16, body: &str) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::from(body.to_owned())).unwrap()
}

/// A client that may reach this machine.
pub(crate) fn local() -> Outbound {
    Outbound::new(loopback(), Limits::default(), &Roots::system()).unwrap()
}

/// One that gives up at once.
pub(crate) fn impatient() -> Outbound {
    let limits = Limits { total: Duration::from_millis(200), ..Limits::default() };
    Outbound::new(loopback(), limits, &Roots::system()).unwrap()
}

pub(crate) fn loopback() -> Policy {
    Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()])
}
