//! What stands between the network and the handlers: our own accept loop, and the layers every request passes.
//!
//! From the outside in: who asks (`client`), the trace (`trace`), security headers (`headers`), panics and refusals as
//! problems (`catch`), the bound on the body (`body`), forged browser requests (`origin`), and the shield that lets a
//! change finish when its client hangs up (`shield`).

pub mod body;
mod catch;
mod client;
mod connection;
mod headers;
mod origin;
mod peers;
mod refusals;
mod rooms;
mod serve;
mod shield;
mod socket;
mod trace;

use std::time::Duration;

use http::{Method, header};
use ipnet::IpNet;
use poem::{Endpoint, EndpointExt, Request, Response};

use self::connection::Spare;
pub use self::{
    client::{ClientAddress, ForwardedHeader},
    refusals::AllowedMethods,
    serve::{ShutdownSignal, serve},
    trace::TraceId,
};
use crate::{metrics::Requests, problem::Problem};

const CONNECTIONS: usize = 4096;
/// A browser opens six.
const FEWEST_OF_A_PEER: usize = 64;
/// What is answered whoever else is connected.
const ALWAYS: [&str; 2] = ["/livez", "/readyz"];
const RETRY_SECONDS: u64 = 1;

/// How much, and how long, one peer may keep us busy.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections served at the same time.
    pub connections: usize,
    /// Those beyond, which are answered whether we live, and else that we are busy; the next ones wait in the kernel's queue.
    pub spare_connections: usize,
    /// Of one peer. Of IPv6, a /64 is one.
    pub connections_of_a_peer: usize,
    /// Peers who stand for many: proxies. They may have all of what others have a part of.
    pub proxies: Vec<IpNet>,
    /// For the first byte of a connection, and from the first byte of a request to the end of its header.
    pub header_timeout: Duration,
    /// Between two requests on one connection.
    pub keep_alive: Duration,
    /// Between two pieces of a request's body.
    pub body_idle: Duration,
    /// The length of a request's body before it is known whose it is.
    pub strangers_body_bytes: u64,
    /// The length of a request's body then, unless a handler raises it: the longest object that there is, each character
    /// escaped.
    pub body_bytes: u64,
    /// Of all bodies that are held in memory at once, before it is known whose they are, one client's a quarter at most…
    pub strangers_bodies_bytes: usize,
    /// …and then.
    pub bodies_bytes: usize,
    /// For one of them to go, when it is full.
    pub body_room_wait: Duration,
    /// For a peer that takes none of the answer.
    pub write_stall: Duration,
    /// For what is under way when the service stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS,
            spare_connections: 64,
            connections_of_a_peer: Self::of_a_peer(CONNECTIONS),
            proxies: Vec::new(),
            header_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            body_idle: Duration::from_secs(30),
            strangers_body_bytes: 8 << 10,
            body_bytes: 256 << 10,
            strangers_bodies_bytes: 16 << 20,
            bodies_bytes: 64 << 20,
            body_room_wait: Duration::from_secs(5),
            write_stall: Duration::from_secs(60),
            drain: Duration::from_secs(25),
        }
    }
}

impl Limits {
    /// What of so many connections one peer may have.
    #[must_use]
    pub fn of_a_peer(connections: usize) -> usize {
        (connections / 4).max(FEWEST_OF_A_PEER)
    }
}

/// What an installation decides about its edge.
#[derive(Debug, Clone, Default)]
pub struct EdgeSettings {
    /// The bounds; `serve` gets the same.
    pub limits: Limits,
    /// The proxies whose word about the client's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they give it.
    pub forwarded_header: ForwardedHeader,
    /// Whether browsers are told to come back over https only.
    pub hsts: bool,
    /// The methods of each route, for the `Allow` of a 405.
    pub allowed_methods: AllowedMethods,
    /// Where requests are counted.
    pub requests: Requests,
}

/// Puts all layers around `endpoint`. The result answers every request, refusals and panics included, with a response.
pub fn wrap<E>(endpoint: E, settings: EdgeSettings) -> impl Endpoint<Output = Response> + 'static
where
    E: Endpoint + 'static,
{
    let EdgeSettings { limits, trusted_proxies, forwarded_header, hsts, allowed_methods, requests } = settings;
    let shielded = shield::Shield::new(endpoint.before(no_range_for_head).before(nothing_beyond_the_bound));
    let checked = origin::OriginCheck::new(shielded);
    let bounded = body::Bounding::new(checked, &limits);
    let caught = catch::Catch::new(bounded, allowed_methods);
    let secured = headers::SecurityHeaders::new(caught, hsts);
    let traced = trace::Trace::new(secured, requests);
    client::Client::new(traced, trusted_proxies, forwarded_header)
}

/// The router turns HEAD into GET, but a range is for GET alone (RFC 9110, 14.2).
async fn no_range_for_head(mut request: Request) -> poem::Result<Request> {
    if request.method() == Method::HEAD {
        request.headers_mut().remove(header::RANGE);
    }
    Ok(request)
}

async fn nothing_beyond_the_bound(request: Request) -> poem::Result<Request> {
    if request.data::<Spare>().is_some() && !ALWAYS.contains(&request.uri().path()) {
        return Err(Problem::unavailable(RETRY_SECONDS).detail("too many are connected").into());
    }
    Ok(request)
}
