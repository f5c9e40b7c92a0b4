//! A change that carries a cookie must come from our own pages (cross-site request forgery).

use http::{HeaderMap, Method, header};
use poem::{Endpoint, Request};

use crate::problem::Problem;

/// Refuses it with a 403 otherwise.
pub(super) struct OriginCheck<E> {
    inner: E,
}

impl<E> OriginCheck<E> {
    pub(super) fn new(inner: E) -> Self {
        Self { inner }
    }
}

impl<E: Endpoint> Endpoint for OriginCheck<E> {
    type Output = E::Output;

    async fn call(&self, request: Request) -> poem::Result<E::Output> {
        let host = request.uri().authority().map(|authority| authority.as_str());
        if !is_ours(request.method(), request.headers(), host) {
            let problem = Problem::forbidden("a page of another origin may not do this");
            return Err(problem.with_code("cross_origin").into());
        }
        self.inner.call(request).await
    }
}

/// `authority` stands for the `Host` header in HTTP/2.
///
/// A foreign page cannot send `Authorization`. A request with neither `Sec-Fetch-Site` nor `Origin` comes from no browser:
/// each sends one of them with every such request.
fn is_ours(method: &Method, headers: &HeaderMap, authority: Option<&str>) -> bool {
    let by_cookie = headers.contains_key(header::COOKIE) && !headers.contains_key(header::AUTHORIZATION);
    if method.is_safe() || !by_cookie {
        return true;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = text("host").or(authority);
    matches!((origin, host), (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn passes(method: &Method, headers: &[(&'static str, &'static str)]) -> bool {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        is_ours(method, &headers.iter().map(pair).collect(), None)
    }

    #[test]
    fn with_a_cookie_only_our_own_pages_may_change_something() {
        const COOKIE: (&str, &str) = ("cookie", "session=1");
        const HOST: (&str, &str) = ("host", "panel.example:8000");
        let post = |more: &[(&'static str, &'static str)]| passes(&Method::POST, &[&[COOKIE, HOST], more].concat());
        assert!(post(&[("sec-fetch-site", "same-origin")]));
        assert!(post(&[("sec-fetch-site", "none")]));
        assert!(post(&[("origin", "https://panel.example:8000")]));
        assert!(!post(&[("sec-fetch-site", "cross-site")]));
        assert!(!post(&[("sec-fetch-site", "same-site"), ("origin", "https://panel.example:8000")]));
        assert!(!post(&[("origin", "https://evil.example")]));
        assert!(!post(&[("origin", "https://panel.example")]));
        assert!(!post(&[("origin", "null")]));
        assert!(post(&[]), "a tool that keeps cookies is no browser");
        assert!(post(&[("authorization", "Bearer x"), ("origin", "https://evil.example")]));
    }

    #[test]
    fn reading_and_requests_without_a_cookie_pass() {
        assert!(passes(&Method::GET, &[("cookie", "a=b"), ("sec-fetch-site", "cross-site")]));
        assert!(passes(&Method::POST, &[("authorization", "Bearer x"), ("sec-fetch-site", "cross-site")]));
    }
}
