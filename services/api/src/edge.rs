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
mod refusals;
mod serve;
mod shield;
mod socket;
mod trace;

use std::time::Duration;

use http::{Method, header};
use ipnet::IpNet;
use poem::{Endpoint, EndpointExt, Request, Response};

pub use self::{
    client::{ClientAddress, ForwardedHeader},
    refusals::AllowedMethods,
    serve::{ShutdownSignal, serve},
    trace::TraceId,
};
use crate::metrics::Requests;

/// How much, and how long, one peer may keep us busy.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections served at the same time; the next ones wait in the kernel's queue.
    pub connections: usize,
    /// For the first byte of a connection, and from the first byte of a request to the end of its header.
    pub header_timeout: Duration,
    /// Between two requests on one connection.
    pub keep_alive: Duration,
    /// Between two pieces of a request's body.
    pub body_idle: Duration,
    /// The length of a request's body, unless a handler raises it.
    pub body_bytes: u64,
    /// For a peer that takes none of the answer.
    pub write_stall: Duration,
    /// For what is under way when the service stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            header_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            body_idle: Duration::from_secs(30),
            body_bytes: 1 << 20,
            write_stall: Duration::from_secs(60),
            drain: Duration::from_secs(25),
        }
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
    let shielded = shield::Shield::new(endpoint.before(no_range_for_head));
    let checked = origin::OriginCheck::new(shielded);
    let bounded = body::Bounding::new(checked, limits.body_bytes, limits.body_idle);
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
