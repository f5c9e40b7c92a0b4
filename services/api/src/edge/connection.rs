//! One connection: HTTP on it, and an end to it when its peer keeps us waiting.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::uri::Scheme;
use http_body_util::{BodyExt, combinators::BoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use poem::{
    Addr, Endpoint, Request, Response,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{net::TcpStream, sync::watch, time::timeout};

use super::{Limits, ShutdownSignal, serve::Server, socket::Socket};

/// How long an idle peer has to read that we are closing.
const FAREWELL: Duration = Duration::from_secs(1);

/// On a connection beyond the bound, a peer gets no longer for its only request.
const SPARE_TIMEOUT: Duration = Duration::from_secs(2);
/// What one HTTP/2 connection may send without being read, of all its requests together.
const WINDOW: u32 = 64 << 10;

/// Request data: the connection is one beyond the bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spare;

/// Serves `stream` until its peer or we are done with it. A spare connection is for one request.
pub(super) async fn run<E: Endpoint + 'static>(
    server: Arc<Server<E>>,
    stream: TcpStream,
    peer: SocketAddr,
    is_spare: bool,
) {
    let activity = Arc::new(Activity::default());
    let local = stream.local_addr().map_or_else(|_| LocalAddr::default(), |at| LocalAddr(Addr::SocketAddr(at)));
    let peer = RemoteAddr(Addr::SocketAddr(peer));
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&activity), server.limits.write_stall));
    let service = service_fn(|request: http::Request<Incoming>| {
        let busy = activity.begin();
        let (server, local, peer, activity) = (Arc::clone(&server), local.clone(), peer.clone(), Arc::clone(&activity));
        async move {
            let mut request = Request::from((request, local, peer, Scheme::HTTP));
            request.set_data(activity);
            if is_spare {
                request.set_data(Spare);
            }
            Ok::<_, Infallible>(held(answer(&server, request).await, busy))
        }
    });
    let mut limits = server.limits.clone();
    if is_spare {
        limits.header_timeout = limits.header_timeout.min(SPARE_TIMEOUT);
    }
    let builder = protocol();
    let mut connection = pin!(builder.serve_connection_with_upgrades(socket, service));
    tokio::select! {
        _ = connection.as_mut() => return,
        state = activity.exhausted(&limits) => {
            if state.is_reading {
                return;
            }
            connection.as_mut().graceful_shutdown();
            // Whatever becomes of it, there was nothing under way.
            let _ = timeout(FAREWELL, connection).await;
            return;
        }
        () = activity.began(), if is_spare => connection.as_mut().graceful_shutdown(),
        () = server.shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = connection => {}
        _ = activity.exhausted(&limits) => {}
        () = server.abort.cancelled() => {}
    }
}

/// Header time-outs are ours (`Activity`): hyper's has no notion of a first byte, and none at all before the version is known.
fn protocol() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(64 << 10);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).max_concurrent_streams(32).max_header_list_size(16 << 10);
    http2.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    builder
}

async fn answer<E: Endpoint>(server: &Server<E>, mut request: Request) -> Response {
    request.set_data(ShutdownSignal(server.shutdown.clone()));
    request.set_data(server.tasks.clone());
    server.endpoint.get_response(request).await
}

/// The connection is busy until the last byte of the body is handed over.
fn held(response: Response, busy: Busy) -> hyper::Response<BoxBody<Bytes, io::Error>> {
    let response: hyper::Response<BoxBody<Bytes, io::Error>> = response.into();
    response.map(|body| {
        let hold = move |error| {
            let _ = &busy;
            error
        };
        body.map_err(hold).boxed()
    })
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    /// Requests under way.
    requests: usize,
    /// Whether there was a request yet.
    is_known: bool,
    /// Whether something came since the last request, but no whole header.
    is_reading: bool,
    /// Whether the peer may still be sending a body that nobody reads.
    is_cut_short: bool,
}

/// Follows it, for the time-outs.
#[derive(Debug, Default)]
pub(super) struct Activity(watch::Sender<State>);

/// A request that is under way.
struct Busy(Arc<Activity>);

impl Activity {
    fn begin(self: &Arc<Self>) -> Busy {
        self.0.send_modify(|state| {
            *state = State { requests: state.requests + 1, is_known: true, is_reading: false, ..*state };
        });
        Busy(Arc::clone(self))
    }

    /// Some bytes came.
    pub(super) fn received(&self) {
        self.0.send_if_modified(|state| {
            let is_news = state.requests == 0 && !state.is_reading;
            state.is_reading |= is_news;
            is_news
        });
    }

    /// A body was dropped before its end.
    pub(super) fn cut_short(&self) {
        self.0.send_modify(|state| state.is_cut_short = true);
    }

    pub(super) fn is_cut_short(&self) -> bool {
        self.0.borrow().is_cut_short
    }

    /// Returns with the first request.
    async fn began(&self) {
        let _ = self.0.subscribe().wait_for(|state| state.is_known).await;
    }

    /// Returns once the peer has used up the time that its state allows.
    async fn exhausted(&self, limits: &Limits) -> State {
        let mut states = self.0.subscribe();
        loop {
            let state = *states.borrow_and_update();
            let patience = match state {
                State { requests: 1.., .. } => Duration::MAX,
                State { is_known: true, is_reading: false, .. } => limits.keep_alive,
                _ => limits.header_timeout,
            };
            if timeout(patience, states.changed()).await.is_err() {
                return state;
            }
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| state.requests -= 1);
    }
}
