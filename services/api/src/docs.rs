//! The API's documentation as a page. Its scripts and styles stand inside the page, so the page is sent with a policy that
//! names the hash of each: nothing else runs (<https://www.w3.org/TR/CSP3/#match-element-to-source-list>).

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, header};
use poem::{Endpoint, Request, Response};
use sha2::{Digest, Sha256};

/// The page and its policy.
pub(crate) struct Docs {
    page: Bytes,
    policy: String,
}

impl Docs {
    pub(crate) fn new(page: &str) -> Self {
        let (scripts, styles) = (hashes(page, "script"), hashes(page, "style"));
        let policy = format!(
            "default-src 'none'; script-src{scripts}; style-src{styles}; img-src 'self' data:; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Self { page: Bytes::copy_from_slice(page.as_bytes()), policy }
    }
}

/// The hashes of all elements of that name that carry their text inside.
fn hashes(page: &str, element: &str) -> String {
    let (open, close) = (format!("<{element}"), format!("</{element}>"));
    let starts = page.match_indices(&open).map(|(at, _)| &page[at..]);
    let inner = starts.filter_map(|rest| {
        let (_, rest) = rest.split_once('>')?;
        rest.split_once(&close).map(|(text, _)| text)
    });
    inner
        .filter(|text| !text.is_empty())
        .map(|text| format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text))))
        .collect()
}

impl Endpoint for Docs {
    type Output = Response;

    async fn call(&self, _request: Request) -> poem::Result<Response> {
        let mut response = Response::builder().content_type("text/html; charset=utf-8").body(self.page.clone());
        if let Ok(policy) = HeaderValue::try_from(&self.policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_inline_script_is_named_by_its_hash() {
        let docs = Docs::new("<style>a{}</style><script src=\"/x.js\"></script><script>alert(1)</script>");
        let hash = BASE64_STANDARD.encode(Sha256::digest("alert(1)"));
        assert!(docs.policy.contains(&format!("script-src 'sha256-{hash}';")), "{}", docs.policy);
        assert!(!docs.policy.contains("unsafe"));
    }
}
