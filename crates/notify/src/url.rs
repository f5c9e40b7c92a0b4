//! URLs that people enter for a webhook or a ping: which are kept.

use std::net::{IpAddr, Ipv4Addr};

use url::{Host, Url};

use crate::address::Policy;

/// Longer URLs are no addresses but payloads.
const LONGEST: usize = 2000;

/// What is wrong with a URL. The words follow the name of a field: "url *has no host*".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// More than 2000 bytes.
    #[error("may have at most {LONGEST} characters")]
    TooLong,
    /// Spaces around it, or control characters, which a URL parser would drop without a word.
    #[error("may not hold spaces or control characters")]
    Blank,
    /// It does not parse.
    #[error("is no URL: {0}")]
    Malformed(String),
    /// Neither `https` nor `http`.
    #[error("must begin with https:// or http://")]
    Scheme,
    /// A user name or a password stands in it, where every log would show it.
    #[error("may not hold a user name or password")]
    Credentials,
    /// Nothing to connect to.
    #[error("has no host")]
    NoHost,
    /// The host is an address that may not be reached.
    #[error("leads to {0}, which is not a public address and is not allowed here")]
    Address(IpAddr),
}

impl UrlError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Blank => "control_character",
            Self::Malformed(_) | Self::NoHost => "url_invalid",
            Self::Scheme => "url_scheme",
            Self::Credentials => "url_credentials",
            Self::Address(_) => "url_address",
        }
    }
}

/// Reads a URL that a webhook or ping may be sent to.
///
/// An address in it is judged here, in whatever form it is written (`http://2130706433`, `http://0x7f.1`, `[::ffff:7f00:1]`);
/// what a name resolves to is judged at each delivery.
///
/// # Errors
/// The first thing that is wrong, as words for the field.
pub fn check_url(text: &str, policy: &Policy) -> Result<Url, UrlError> {
    if text.len() > LONGEST {
        return Err(UrlError::TooLong);
    }
    if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
        return Err(UrlError::Blank);
    }
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::EmptyHost => UrlError::NoHost,
        url::ParseError::RelativeUrlWithoutBase => UrlError::Scheme,
        other => UrlError::Malformed(other.to_string()),
    })?;
    check(&url, policy)?;
    Ok(url)
}

/// Checks a URL that is parsed already, for instance one that was kept under another policy.
pub(crate) fn check(url: &Url, policy: &Policy) -> Result<(), UrlError> {
    if !matches!(url.scheme(), "https" | "http") {
        return Err(UrlError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    match literal(url)? {
        Some(address) if !policy.permits(address) => Err(UrlError::Address(address)),
        _ => Ok(()),
    }
}

/// The address that the host is, when it is one. The parser has turned every odd form into one (WHATWG URL, host parsing);
/// `localhost` is one too (RFC 6761).
pub(crate) fn literal(url: &Url) -> Result<Option<IpAddr>, UrlError> {
    match url.host().ok_or(UrlError::NoHost)? {
        Host::Ipv4(address) => Ok(Some(address.into())),
        Host::Ipv6(address) => Ok(Some(address.into())),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let local = name == "localhost" || name.ends_with(".localhost");
            if name.is_empty() { Err(UrlError::NoHost) } else { Ok(local.then_some(Ipv4Addr::LOCALHOST.into())) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_hosts_are_kept_as_they_are() {
        for text in ["https://hooks.example.com/a?b=c", "http://1.1.1.1:8080/", "https://[2606:4700::1111]/x"] {
            assert_eq!(check_url(text, &Policy::default()).map(String::from).as_deref(), Ok(text));
        }
    }

    #[test]
    fn every_way_to_write_a_private_address_is_refused() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "127.0.0.1.",
            "127.0.0.1%2e",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "0",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::10.0.0.1]",
            "[fe80::1]",
            "169.254.169.254",
            "localhost",
            "LOCALHOST.",
            "api.localhost",
        ] {
            for scheme in ["http", "https"] {
                let refused = check_url(&format!("{scheme}://{host}/x"), &Policy::default());
                assert!(matches!(refused, Err(UrlError::Address(_))), "{host}: {refused:?}");
            }
        }
    }

    #[test]
    fn an_allowed_network_opens_its_addresses() {
        let policy = Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
        for text in ["http://127.0.0.1/", "http://localhost:3000/", "http://2130706433/"] {
            assert!(check_url(text, &policy).is_ok(), "{text}");
        }
        assert!(check_url("http://10.0.0.1/", &policy).is_err());
    }

    #[test]
    fn what_is_wrong_is_told() {
        let long = format!("https://example.com/{}", "a".repeat(LONGEST));
        for (text, code) in [
            ("", "url_scheme"),
            ("example.com", "url_scheme"),
            ("ftp://example.com/", "url_scheme"),
            ("file:///etc/passwd", "url_scheme"),
            ("javascript:alert(1)", "url_scheme"),
            ("https://", "url_invalid"),
            ("https://./", "url_invalid"),
            ("https://example.com:99999/", "url_invalid"),
            ("https://1.2.3.4.5/", "url_invalid"),
            ("https://user@example.com/", "url_credentials"),
            ("https://:secret@example.com/", "url_credentials"),
            (" https://example.com/", "control_character"),
            ("https://example.com/a\r\nHost: b", "control_character"),
            (long.as_str(), "too_long"),
        ] {
            assert_eq!(check_url(text, &Policy::default()).unwrap_err().code(), code, "{text:.60}");
        }
    }
}
