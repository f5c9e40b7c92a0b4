//! Who asks: the peer's address, or what a proxy we trust says about it.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, header};
use ipnet::IpNet;
use poem::{Endpoint, Request};

/// The client's address, as request data. IPv4 in IPv6 is written as IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The one header the trusted proxies set. Only one: they pass the other on as the client wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Finds the client's address before anything else happens.
pub(super) struct Client<E> {
    inner: E,
    trusted: Vec<IpNet>,
    header: ForwardedHeader,
}

impl<E> Client<E> {
    pub(super) fn new(inner: E, trusted: Vec<IpNet>, header: ForwardedHeader) -> Self {
        Self { inner, trusted, header }
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&address))
    }

    /// Walks from us outwards and stops at the first address that is not a trusted proxy, or cannot be read.
    fn find(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer.to_canonical();
        let hops = match self.header {
            ForwardedHeader::XForwardedFor => hops(headers, "x-forwarded-for", address),
            ForwardedHeader::Forwarded => hops(headers, header::FORWARDED.as_str(), forwarded_for),
        };
        for hop in hops.into_iter().rev() {
            match hop {
                Some(next) if self.is_trusted(nearest) => nearest = next.to_canonical(),
                _ => break,
            }
        }
        nearest
    }
}

impl<E: Endpoint> Endpoint for Client<E> {
    type Output = E::Output;

    async fn call(&self, mut request: Request) -> poem::Result<E::Output> {
        if let Some(peer) = request.remote_addr().as_socket_addr().map(SocketAddr::ip) {
            let found = self.find(peer, request.headers());
            request.set_data(ClientAddress(found));
        }
        self.inner.call(request).await
    }
}

type Hops = Vec<Option<IpAddr>>;

/// The list in all lines of a header, oldest hop first.
fn hops(headers: &HeaderMap, name: &str, read: fn(&str) -> Option<IpAddr>) -> Hops {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',').map(read)).collect()
}

/// `for=` of one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    address(named.next()?.1.trim().trim_matches('"'))
}

/// An address, with or without port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    bare().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn find(header: ForwardedHeader, peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let trusted = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let headers = lines.iter().map(pair).collect();
        Client::new((), trusted, header).find(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_up_to_the_first_stranger() {
        let xff = |peer, value| find(ForwardedHeader::XForwardedFor, peer, &[("x-forwarded-for", value)]);
        assert_eq!(xff("203.0.113.9", "198.51.100.1"), "203.0.113.9");
        assert_eq!(xff("10.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(xff("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2"), "198.51.100.1");
        assert_eq!(xff("::ffff:10.0.0.1", "198.51.100.1:4711"), "198.51.100.1");
        assert_eq!(xff("fd00::1", "2001:db8::1"), "2001:db8::1");
        assert_eq!(xff("10.0.0.1", "198.51.100.1, unknown"), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_when_it_is_the_chosen_header_and_ignored_otherwise() {
        let lines =
            [("forwarded", "for=192.0.2.60;proto=http, For=\"[2001:db8::17]:4711\""), ("x-forwarded-for", "6.6.6.6")];
        assert_eq!(find(ForwardedHeader::Forwarded, "10.0.0.1", &lines), "2001:db8::17");
        assert_eq!(find(ForwardedHeader::XForwardedFor, "10.0.0.1", &lines[..1]), "10.0.0.1");
    }

    proptest::proptest! {
        #[test]
        fn no_header_makes_it_panic(value in "[ -~]{0,60}") {
            address(&value);
            forwarded_for(&value);
        }
    }
}
