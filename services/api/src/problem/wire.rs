//! A problem as it stands on the wire (RFC 9457, 3.1), and as the OpenAPI document shows it.

use std::fmt;

use http::StatusCode;
use poem::{IntoResponse, Response, error::ResponseError};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};
use serde::Serialize;

use super::Problem;

/// The media type of every error body (RFC 9457, 3).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// One thing that is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
pub struct FieldError {
    /// Where: a JSON Pointer (RFC 6901) into the body, or `/query/<name>`, `/path/<name>`, `/header/<name>`.
    pub pointer: String,
    /// What is wrong, for programs: `required`, `unknown_field`, `too_short` and so on.
    pub code: String,
    /// What is wrong, for people.
    pub detail: String,
}

impl FieldError {
    /// A field error; `pointer` starts with a slash, or is empty for the whole body.
    pub fn new(pointer: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.into(), detail: detail.into() }
    }
}

/// Why a request was refused (RFC 9457).
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Problem", skip_serializing_if_is_none)]
pub(super) struct Document {
    /// Identifies the kind of problem, one per `code`.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    pub(super) kind: String,
    /// The kind of problem in a few words, the same each time.
    pub(super) title: String,
    /// The HTTP status, repeated.
    pub(super) status: u16,
    /// The kind of problem, for programs.
    pub(super) code: String,
    /// This occurrence, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instance: Option<String>,
    /// Names this request in the logs and traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trace_id: Option<String>,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[oai(default, skip_serializing_if_is_empty)]
    pub(super) errors: Vec<FieldError>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let document = &self.0.document;
        f.write_str(document.detail.as_deref().unwrap_or(&document.title))
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    /// The problem goes along as response data, so that the edge can still say where it happened.
    fn into_response(self) -> Response {
        let response = Response::builder().status(self.status_code()).content_type(PROBLEM_JSON);
        let mut response = response.body(self.to_bytes());
        response.headers_mut().extend(self.0.headers.clone());
        response.set_data(self);
        response
    }
}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status_code()
    }

    fn as_response(&self) -> Response {
        self.clone().into_response()
    }
}

/// The statuses the document lists for every operation, each with the same schema: generated clients need one error type.
const DOCUMENTED: [(u16, &str); 15] = [
    (400, "Not understood"),
    (401, "Authentication needed"),
    (403, "Not allowed"),
    (404, "Not found"),
    (409, "Conflict with what is stored"),
    (410, "The link is over"),
    (412, "Changed meanwhile"),
    (413, "Body too large"),
    (415, "Content-Type not supported"),
    (422, "Not valid"),
    (423, "Locked while it is being restored"),
    (429, "Too many requests"),
    (500, "Internal error"),
    (503, "Not available now"),
    (507, "No space left"),
];

impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let response = |(status, description)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType { content_type: PROBLEM_JSON, schema: Document::schema_ref() }],
            headers: vec![],
        };
        MetaResponses { responses: DOCUMENTED.into_iter().map(response).collect() }
    }

    fn register(registry: &mut Registry) {
        Document::register(registry);
    }
}
