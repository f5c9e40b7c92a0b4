//! The headers that keep a browser from doing more with an answer than show it.

use http::{HeaderName, HeaderValue, header};
use poem::{Endpoint, Request, Response};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Each is set unless the handler set its own.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Sets them on every answer.
pub(super) struct SecurityHeaders<E> {
    inner: E,
    hsts: bool,
}

impl<E> SecurityHeaders<E> {
    pub(super) fn new(inner: E, hsts: bool) -> Self {
        Self { inner, hsts }
    }
}

impl<E: Endpoint> Endpoint for SecurityHeaders<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let is_api = request.uri().path().starts_with("/api");
        let mut response = self.inner.get_response(request).await;
        let headers = response.headers_mut();
        let mut default = |name: &HeaderName, value| {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        };
        for (name, value) in &HEADERS {
            default(name, value);
        }
        if is_api {
            default(&header::CACHE_CONTROL, "no-store");
        }
        if self.hsts {
            default(&header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use poem::endpoint::make_sync;

    use super::*;

    async fn answer(path: &'static str, hsts: bool, cache: Option<&'static str>) -> Response {
        let inner = make_sync(move |_| match cache {
            Some(cache) => Response::builder().header("cache-control", cache).finish(),
            None => Response::default(),
        });
        let request = Request::builder().uri(path.parse().unwrap()).finish();
        SecurityHeaders::new(inner, hsts).get_response(request).await
    }

    #[tokio::test]
    async fn answers_of_the_api_are_not_stored_unless_a_handler_says_otherwise() {
        assert_eq!(answer("/api/x", false, None).await.header("cache-control"), Some("no-store"));
        assert_eq!(answer("/api/x", false, Some("private")).await.header("cache-control"), Some("private"));
        assert_eq!(answer("/index.html", false, None).await.header("cache-control"), None);
    }

    #[tokio::test]
    async fn the_policy_allows_nothing_unsafe_and_https_is_demanded_only_when_configured() {
        let plain = answer("/", false, None).await;
        assert!(!plain.header("content-security-policy").unwrap().contains("unsafe"));
        assert_eq!(plain.header("strict-transport-security"), None);
        assert!(answer("/", true, None).await.header("strict-transport-security").is_some());
    }
}
