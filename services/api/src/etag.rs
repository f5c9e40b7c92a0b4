//! Strong ETags made of a row's version, and `If-Match` (RFC 9110, 13.1.1).

use http::{HeaderValue, header};
use poem::{IntoResponse, Response};
use poem_openapi::{
    ApiResponse,
    registry::{MetaHeader, MetaResponses, Registry},
    types::{ToJSON, Type},
};
use serde::Serialize;

use crate::{json::Json, problem::Problem, ranges::names_strongly};

/// 200, with the row's ETag.
#[derive(Debug, Clone)]
pub struct Tagged<T> {
    /// The row's version.
    pub version: i64,
    /// The object.
    pub body: T,
}

/// The ETag of a version, quotes included.
#[must_use]
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Refuses with 412 unless `if_match` is absent, `*`, or names this version among others.
pub fn check_if_match(if_match: Option<&str>, version: i64) -> Result<(), Problem> {
    let Some(header) = if_match else { return Ok(()) };
    if names_strongly(header, &etag(version)) { Ok(()) } else { Err(Problem::precondition_failed()) }
}

impl<T: Serialize + ToJSON> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        if let Ok(tag) = HeaderValue::try_from(etag(self.version)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

impl<T: Serialize + ToJSON> ApiResponse for Tagged<T> {
    fn meta() -> MetaResponses {
        let mut meta = <Json<T> as ApiResponse>::meta();
        for response in &mut meta.responses {
            response.headers.push(MetaHeader {
                name: "ETag".to_owned(),
                description: Some("The version, for If-Match".to_owned()),
                required: true,
                deprecated: false,
                schema: String::schema_ref(),
            });
        }
        meta
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_takes_lists_and_stars_but_no_weak_tags() {
        assert!(check_if_match(None, 3).is_ok());
        assert!(check_if_match(Some("*"), 3).is_ok());
        assert!(check_if_match(Some("\"1\", \"3\""), 3).is_ok());
        assert!(check_if_match(Some("W/\"3\""), 3).is_err());
        assert!(check_if_match(Some("\"2\""), 3).is_err());
    }
}
