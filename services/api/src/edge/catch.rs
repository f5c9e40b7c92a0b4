//! Whatever goes wrong inside is answered with a problem that carries the trace id, a panic too.

use std::{any::Any, panic::AssertUnwindSafe};

use futures::FutureExt;
use poem::{Endpoint, IntoResponse, PathPattern, Request, Response};
use poem_openapi::OperationId;

use super::{AllowedMethods, TraceId, refusals};
use crate::problem::Problem;

/// The last place where an error is an error: from here on there are only responses.
pub(super) struct Catch<E> {
    inner: E,
    allowed: AllowedMethods,
}

impl<E> Catch<E> {
    pub(super) fn new(inner: E, allowed: AllowedMethods) -> Self {
        Self { inner, allowed }
    }
}

impl<E: Endpoint> Endpoint for Catch<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let uri = request.uri().clone();
        let trace = request.data::<TraceId>().cloned();
        let seen = refusals::Seen::of(&request);
        let located = |problem: Problem| problem.located(uri.path(), trace.as_ref().map(|trace| trace.0.as_str()));
        let outcome = AssertUnwindSafe(self.inner.call(request)).catch_unwind().await;
        let (problem, pattern, operation) = match outcome {
            Ok(Ok(response)) => return Ok(told(response.into_response(), located)),
            Ok(Err(error)) => {
                let (pattern, operation) = (error.data::<PathPattern>().cloned(), error.data::<OperationId>().copied());
                (refusals::problem(error, &seen, &self.allowed), pattern, operation)
            }
            Err(panic) => (panicked(&*panic), None, None),
        };
        let mut response = located(problem).into_response();
        if let Some(pattern) = pattern {
            response.set_data(pattern);
        }
        if let Some(operation) = operation {
            response.set_data(operation);
        }
        Ok(response)
    }
}

/// A problem that a handler answered with, instead of failing with it, learns where it happened too.
fn told(mut response: Response, located: impl Fn(Problem) -> Problem) -> Response {
    if let Some(problem) = response.data::<Problem>().cloned() {
        response.set_body(located(problem).to_bytes());
    }
    response
}

fn panicked(panic: &(dyn Any + Send)) -> Problem {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("no message"), "handler panicked");
    Problem::internal_logged()
}
