//! Every refusal the API speaks, as RFC 9457 problem details. The only file that knows an HTTP error status.
//!
//! `code` is what programs switch on and never changes; `detail` is for people and may. Nothing internal gets into
//! either: a cause is logged where it is handled, and `trace_id` leads an operator to it.

mod lower;
mod wire;

use std::fmt;

use self::wire::Document;
pub use self::wire::{FieldError, PROBLEM_JSON};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

#[derive(Debug, Clone)]
struct Inner {
    document: Document,
    headers: HeaderMap,
}

/// A refusal, ready to be sent. Handlers return `Result<_, Problem>`; the edge adds the trace id.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

impl Problem {
    fn new(status: StatusCode, code: &str, title: &str) -> Self {
        let document = Document {
            kind: format!("/problems/{}", code.replace('_', "-")),
            title: title.to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: None,
            instance: None,
            trace_id: None,
            errors: Vec::new(),
        };
        Self(Box::new(Inner { document, headers: HeaderMap::new() }))
    }

    /// 404. `what` is the noun: "no such {what}". Objects of another tenant are told apart by nobody.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found").detail(format!("no such {what}"))
    }

    /// 401, with the challenge RFC 9110 demands.
    pub fn unauthenticated() -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"chiliview\"");
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Authentication needed")
            .header(header::WWW_AUTHENTICATE, challenge)
    }

    /// 403: known, but not allowed.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed").detail(detail)
    }

    /// 422: understood, but some fields do not hold.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let detail = match errors.len() {
            1 => "one field is not valid".to_owned(),
            n => format!("{n} fields are not valid"),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", "Not valid").detail(detail).errors(errors)
    }

    /// 422 of one field; `pointer` as [`FieldError::new`] takes it.
    pub fn field(pointer: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::validation(vec![FieldError::new(pointer, code, detail)])
    }

    /// 400: not understood at all.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "Not understood").detail(detail)
    }

    /// 400: a parameter of the path, the query or a header cannot be read.
    pub fn invalid_parameter(error: FieldError) -> Self {
        let title = "Parameter not understood";
        Self::new(StatusCode::BAD_REQUEST, "invalid_parameter", title).detail(error.detail.clone()).errors(vec![error])
    }

    /// 409: contradicts what is stored. `code` is the caller's, stable and snake_case.
    pub fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, "Conflict").detail(detail)
    }

    /// 409: the field at `pointer` has what another one of its kind has already.
    pub fn taken(pointer: &str, code: &str, detail: &str) -> Self {
        Self::conflict(code, detail).errors(vec![FieldError::new(pointer, code, detail)])
    }

    /// 410: a link that is over, that was changed on its way, or whose person may not use it any more: told apart by nobody.
    pub fn link_expired() -> Self {
        Self::new(StatusCode::GONE, "link_expired", "Link expired")
            .detail("the link is over; ask for a new one, which resumes a broken download")
    }

    /// 412: `If-Match` names another version than the stored one.
    pub fn precondition_failed() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", "Changed meanwhile")
            .detail("somebody else changed it since it was read; read it again")
    }

    /// 416, with the length there is (RFC 9110, 15.5.17).
    pub fn range_not_satisfiable(length: u64) -> Self {
        let title = "Range outside the content";
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", title)
            .header_text(header::CONTENT_RANGE, &format!("bytes */{length}"))
    }

    /// 405, with the methods that are allowed here (RFC 9110, 15.5.6).
    pub fn method_not_allowed(allow: &str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
            .header_text(header::ALLOW, allow)
    }

    /// 429, with the seconds to wait.
    pub fn too_many_requests(retry_after_secs: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests").retry_after(retry_after_secs)
    }

    /// 413: the body is longer than `limit` bytes.
    pub fn payload_too_large(limit: u64) -> Self {
        let title = "Body too large";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", title)
            .detail(format!("the body may have at most {limit} bytes"))
    }

    /// 415: a body of another kind than `expected`.
    pub fn unsupported_media_type(expected: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Content-Type not supported")
            .detail(format!("send the body as {expected}"))
    }

    /// 408: the body came too slowly.
    pub fn timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "Too slow").detail("the body did not arrive in time")
    }

    /// 423: exists, but rests for a moment (a tenant that is being restored).
    pub fn locked(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::LOCKED, "locked", "Locked").detail(detail)
    }

    /// 507: no room left to keep what was sent.
    pub fn insufficient_storage() -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "insufficient_storage", "No space left")
            .detail("nothing was changed; it works again once space is free")
    }

    /// 503, with the seconds to wait.
    pub fn unavailable(retry_after_secs: u64) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now").retry_after(retry_after_secs)
    }

    /// 500. Logs `cause` here, once; the client learns the trace id and nothing else.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(error = %cause, "request failed");
        Self::internal_logged()
    }

    /// 500 for a cause that was logged already.
    pub fn internal_logged() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error")
            .detail("the fault is on this side; the trace id leads to it in the logs")
    }

    /// What the framework refused by `status` alone, `detail` being its words (not shown for faults of ours).
    pub(crate) fn from_status(status: StatusCode, detail: String) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("resource"),
            StatusCode::UNAUTHORIZED => Self::unauthenticated(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::unsupported_media_type("application/json"),
            StatusCode::REQUEST_TIMEOUT => Self::timeout(),
            _ if status.is_client_error() => {
                let code = if status == StatusCode::BAD_REQUEST { "bad_request" } else { "refused" };
                let title = status.canonical_reason().unwrap_or("Refused");
                Self::new(status, code, title).detail(detail)
            }
            _ => Self::internal(detail),
        }
    }

    /// The HTTP status.
    pub fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.document.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether the request was at fault or there was no room: nothing of it was kept, for certain.
    pub(crate) fn is_refusal(&self) -> bool {
        self.status_code().is_client_error() || self.status_code() == StatusCode::INSUFFICIENT_STORAGE
    }

    /// What programs switch on.
    pub fn code(&self) -> &str {
        &self.0.document.code
    }

    /// The fields that are wrong.
    pub fn field_errors(&self) -> &[FieldError] {
        &self.0.document.errors
    }

    /// Replaces the words about this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.document.detail = Some(detail.into());
        self
    }

    /// Replaces `code` (and `type` with it) by a finer one.
    #[must_use]
    pub fn with_code(mut self, code: &str) -> Self {
        self.0.document.kind = format!("/problems/{}", code.replace('_', "-"));
        code.clone_into(&mut self.0.document.code);
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Sets where it happened and the name of the request; the edge does, for every problem that passes.
    #[must_use]
    pub(crate) fn located(mut self, instance: &str, trace_id: Option<&str>) -> Self {
        let document = &mut self.0.document;
        document.instance.get_or_insert_with(|| instance.to_owned());
        if document.trace_id.is_none() {
            document.trace_id = trace_id.map(str::to_owned);
        }
        self
    }

    /// The body.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0.document).unwrap_or_default()
    }

    /// Names the fields that it is about.
    #[must_use]
    pub(crate) fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.document.errors = errors;
        self
    }

    fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    fn header_text(self, name: HeaderName, text: &str) -> Self {
        match HeaderValue::from_str(text) {
            Ok(value) => self.header(name, value),
            Err(_) => self,
        }
    }
}

#[cfg(test)]
mod tests;
