//! One span for each request, a child of the caller's where there is one, and its trace id on every answer.
//!
//! The span is named by the route, never by the path or the query: those may hold secrets, and names must stay few.

use std::time::{Duration, Instant};

use chiliview_telemetry::context;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use poem::{Endpoint, PathPattern, Request, Response};
use tracing::{Instrument, Span, field::Empty};

use super::ClientAddress;
use crate::metrics::Requests;

/// Where the trace id stands in an answer.
const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// Names this request in logs, traces, problems and job records: 32 hexadecimal digits. Request data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceId(pub String);

/// Opens the span, and closes it with the route, the status and the duration.
pub(super) struct Trace<E> {
    inner: E,
    requests: Requests,
}

impl<E> Trace<E> {
    pub(super) fn new(inner: E, requests: Requests) -> Self {
        Self { inner, requests }
    }
}

impl<E: Endpoint> Endpoint for Trace<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let started = Instant::now();
        let method = known(request.method());
        let span = open(method, &request);
        let trace = trace_id(&span);
        request.set_data(TraceId(trace.clone()));
        let mut response = self.inner.get_response(request).instrument(span.clone()).await;
        close(&span, method, &response, started.elapsed(), &self.requests);
        if let Ok(trace) = HeaderValue::try_from(trace) {
            response.headers_mut().insert(X_TRACE_ID, trace);
        }
        Ok(response)
    }
}

fn open(method: &'static str, request: &Request) -> Span {
    let span = tracing::info_span!(
        "http.request",
        otel.kind = "server",
        http.request.method = method,
        http.route = Empty,
        http.response.status_code = Empty,
        otel.status_code = Empty,
        client.address = request.data::<ClientAddress>().map(|client| client.0.to_string()),
    );
    context::set_parent_from_headers(&span, request.headers());
    span
}

fn close(span: &Span, method: &'static str, response: &Response, took: Duration, requests: &Requests) {
    let route = response.data::<PathPattern>().map(|pattern| template(&pattern.0));
    let route = route.as_deref().unwrap_or("unmatched");
    let status = response.status();
    span.record("http.route", route);
    span.record("http.response.status_code", status.as_u16());
    context::rename(span, format!("{method} {route}"));
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    requests.answered(method, route, status.as_u16(), took);
    span.in_scope(|| report(route, status, took));
}

/// One line for each request; probes only when someone looks closer.
fn report(route: &str, status: StatusCode, took: Duration) {
    let (status, duration_ms) = (status.as_u16(), took.as_secs_f64() * 1e3);
    match route {
        "/livez" | "/readyz" | "/metrics" | "/api/health" => tracing::debug!(status, duration_ms, "request answered"),
        _ => tracing::info!(status, duration_ms, "request answered"),
    }
}

/// A client may invent methods, but not names of spans.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

/// A route with its parameters blanked: the router and the OpenAPI document name them differently.
pub(super) fn template(pattern: &str) -> String {
    let blank = |segment| if is_parameter(segment) { "{}" } else { segment };
    pattern.split('/').map(blank).collect::<Vec<_>>().join("/")
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with([':', '{', '*', '<'])
}

/// The span's own, or a random one when nobody records it: a problem always has one to quote.
fn trace_id(span: &Span) -> String {
    context::trace_id(span).unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use chiliview_telemetry::{Console, FinishedSpan, Settings, SpanSink, build};
    use poem::{IntoEndpoint, Route, endpoint::make_sync};

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[derive(Clone, Default)]
    struct Recorder(Arc<Mutex<Vec<FinishedSpan>>>);

    impl SpanSink for Recorder {
        fn record(&self, span: FinishedSpan) {
            self.0.lock().unwrap().push(span);
        }
    }

    #[tokio::test]
    async fn the_span_continues_the_callers_trace_and_is_named_by_the_route() {
        let recorder = Recorder::default();
        let sink: Arc<dyn SpanSink> = Arc::new(recorder.clone());
        let settings = Settings { sink: Some(sink), console: Console::None, ..Settings::default() };
        let (dispatch, guard) = build(settings).unwrap();
        let _default = tracing::dispatcher::set_default(&dispatch);
        let route = Route::new().at("/users/:id", make_sync(|_| StatusCode::BAD_GATEWAY)).into_endpoint();
        let request = Request::builder().uri("/users/7?token=secret".parse().unwrap());
        let request = request.header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01")).finish();
        let response = Trace::new(route, Requests::default()).get_response(request).await;
        assert_eq!(response.header("x-trace-id"), Some(TRACE));
        guard.shutdown();
        let spans = recorder.0.lock().unwrap();
        assert_eq!((spans[0].name.as_str(), spans[0].trace_id.as_str()), ("GET /users/{}", TRACE));
        assert!(spans[0].error, "a 5xx is a failed span");
        assert!(!format!("{spans:?}").contains("secret"));
    }
}
