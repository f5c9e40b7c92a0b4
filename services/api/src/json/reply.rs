//! The other successful answers: 201, 202 and 204.

use http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::{
    ApiResponse,
    registry::{MetaHeader, MetaResponses, Registry},
    types::{ToJSON, Type},
};
use serde::Serialize;

use super::{Json, answer, media};

/// 201: made, committed, and to be found at `location`.
#[derive(Debug, Clone)]
pub struct Created<T> {
    /// The path of the new object.
    pub location: String,
    /// Its strong `ETag`, quotes included.
    pub etag: Option<String>,
    /// The object.
    pub body: T,
}

/// 202: queued, committed; `location` tells how it goes on.
#[derive(Debug, Clone)]
pub struct Accepted<T> {
    /// The path to poll.
    pub location: String,
    /// The object.
    pub body: T,
}

/// 204: done, and nothing to say.
#[derive(Debug, Clone, Copy)]
pub struct NoContent;

impl<T: Serialize + ToJSON> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let response = Json(self.body).into_response();
        let response = located(response, StatusCode::CREATED, &self.location);
        match self.etag.and_then(|etag| HeaderValue::try_from(etag).ok()) {
            Some(etag) => response.with_header(header::ETAG, etag).into_response(),
            None => response,
        }
    }
}

impl<T: Serialize + ToJSON> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        let response = Json(self.body).into_response();
        located(response, StatusCode::ACCEPTED, &self.location)
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// A body that could not be written stays the failure that it is.
fn located(mut response: Response, status: StatusCode, location: &str) -> Response {
    if !response.status().is_success() {
        return response;
    }
    response.set_status(status);
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

impl<T: Serialize + ToJSON> ApiResponse for Created<T> {
    fn meta() -> MetaResponses {
        with_location(answer("Made", 201, media::<T>()))
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Serialize + ToJSON> ApiResponse for Accepted<T> {
    fn meta() -> MetaResponses {
        with_location(answer("Queued", 202, media::<T>()))
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl ApiResponse for NoContent {
    fn meta() -> MetaResponses {
        answer("Done", 204, vec![])
    }

    fn register(_registry: &mut Registry) {}
}

fn with_location(mut meta: MetaResponses) -> MetaResponses {
    for response in &mut meta.responses {
        response.headers.push(MetaHeader {
            name: "Location".to_owned(),
            description: Some("Where the object is found".to_owned()),
            required: true,
            deprecated: false,
            schema: String::schema_ref(),
        });
    }
    meta
}
