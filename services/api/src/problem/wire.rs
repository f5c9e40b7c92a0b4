//! A problem as it stands on the wire (RFC 9457, 3.1), and as the OpenAPI document shows it.

use poem_openapi::Object;
use serde::Serialize;

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
