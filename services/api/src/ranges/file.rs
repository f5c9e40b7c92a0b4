//! Sends a stored content whole or in part, with every header a resuming client or a cache asks for.

use std::time::SystemTime;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use poem::{Body, IntoResponse, Response};

use super::{Selection, Span, Validators, Verdict, evaluate, select};
use crate::{attachment::disposition, problem::Problem};

/// RFC 9530.
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// What is sent, apart from the bytes.
#[derive(Debug, Clone)]
pub struct Content {
    /// All of it, in bytes.
    pub length: u64,
    /// A strong entity tag, quotes included.
    pub etag: String,
    /// When it last changed.
    pub last_modified: Option<SystemTime>,
    /// Its media type.
    pub content_type: &'static str,
    /// The name it is saved under; any characters.
    pub file_name: String,
    /// SHA-256 of all of it.
    pub sha256: Option<[u8; 32]>,
}

/// Answers a GET or HEAD with all of it, or a part: `body` is asked for at most once, and for exactly the bytes to be sent.
pub fn serve(method: &Method, headers: &HeaderMap, content: &Content, body: impl FnOnce(Span) -> Body) -> Response {
    let stored = Validators { etag: content.etag.clone(), last_modified: content.last_modified };
    let range = match evaluate(method, headers, &stored) {
        Verdict::Failed => return Problem::precondition_failed().into_response(),
        Verdict::NotModified => return described(StatusCode::NOT_MODIFIED, content).finish(),
        Verdict::Proceed { range } => range,
    };
    let selection = if range { select(headers, content.length) } else { Selection::Whole };
    let whole = Span { start: 0, length: content.length };
    let (response, span) = match selection {
        Selection::Unsatisfiable => return Problem::range_not_satisfiable(content.length).into_response(),
        Selection::Whole => (described(StatusCode::OK, content), whole),
        Selection::Part(span) => {
            let last = span.start + span.length - 1;
            let range = format!("bytes {}-{last}/{}", span.start, content.length);
            (described(StatusCode::PARTIAL_CONTENT, content).header(header::CONTENT_RANGE, range), span)
        }
    };
    let response = response
        .content_type(content.content_type)
        .header(header::CONTENT_LENGTH, span.length)
        .header(header::CONTENT_DISPOSITION, disposition(&content.file_name));
    match *method == Method::HEAD || span.length == 0 {
        true => response.finish(),
        false => response.body(body(span)),
    }
}

/// What a 304 has as well (RFC 9110, 15.4.5).
fn described(status: StatusCode, content: &Content) -> poem::ResponseBuilder {
    let mut response = Response::builder()
        .status(status)
        .header(header::ETAG, &content.etag)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, no-transform");
    if let Some(at) = content.last_modified {
        response = response.header(header::LAST_MODIFIED, httpdate::fmt_http_date(at));
    }
    if let Some(digest) = content.sha256 {
        response = response.header(REPR_DIGEST, format!("sha-256=:{}:", BASE64_STANDARD.encode(digest)));
    }
    response
}
