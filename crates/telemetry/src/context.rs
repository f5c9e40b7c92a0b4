//! Carries a trace across processes: out of request headers, into job metadata and back (W3C Trace Context).
//!
//! A span takes a parent only before it is first entered, named or asked for its id: set the parent first.

use std::borrow::Cow;

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::carrier::{Carrier, TRACEPARENT, TRACESTATE};

/// Makes `span` a child of the span that the request's headers name, and tells whether it did.
///
/// Absent, malformed, repeated and oversized headers are ignored: the span then begins a trace of its own.
pub fn set_parent_from_headers(span: &Span, headers: &HeaderMap) -> bool {
    carrier(headers).is_some_and(|carrier| set_parent(span, &carrier))
}

/// Makes `span` a child of the span that `carrier` was taken from, and tells whether it did.
pub fn set_parent(span: &Span, carrier: &Carrier) -> bool {
    let Some(parent) = carrier.parent() else {
        return false;
    };
    OpenTelemetrySpanExt::set_parent(span, parent).is_ok()
}

/// The place of `span` in its trace, to be stored beside a job. Where `span` itself is not traced (a detail, a library's), its
/// nearest traced ancestor that is entered on this thread stands in.
#[must_use]
pub fn inject_current(span: &Span) -> Carrier {
    let context = span.context();
    if context.has_active_span() {
        return Carrier::of(&context);
    }
    Carrier::of(&Context::current())
}

/// The trace id of `span`, 32 hexadecimal digits; `None` when it is not traced.
#[must_use]
pub fn trace_id(span: &Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    valid(span.span_context()).map(|found| found.trace_id().to_string())
}

/// The trace id of the innermost traced span that is entered on this thread.
#[must_use]
pub fn current_trace_id() -> Option<String> {
    current().map(|found| found.trace_id().to_string())
}

/// Names `span` in its trace once the name is known: the matched route, not the path. Log lines keep the old one.
pub fn rename(span: &Span, name: impl Into<Cow<'static, str>>) {
    span.context().span().update_name(name);
}

/// The innermost traced span that is entered on this thread.
pub(crate) fn current() -> Option<SpanContext> {
    Context::map_current(|context| valid(context.span().span_context()).cloned())
}

fn valid(span: &SpanContext) -> Option<&SpanContext> {
    span.is_valid().then_some(span)
}

fn carrier(headers: &HeaderMap) -> Option<Carrier> {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let (Some(parent), None) = (parents.next(), parents.next()) else {
        return None;
    };
    // Section 3.3.1: several tracestate headers are one list.
    let states: Vec<&str> = headers.get_all(TRACESTATE).iter().filter_map(|state| state.to_str().ok()).collect();
    Some(Carrier::from_headers(parent.to_str().ok()?, &states.join(",")))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use tracing::{debug_span, info_span};

    use super::*;
    use crate::Settings;
    use crate::testing::{Recorder, scoped};

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(parent: &str) -> HeaderMap {
        let value = HeaderValue::from_str(parent).expect("a header value");
        HeaderMap::from_iter([(http::header::HeaderName::from_static(TRACEPARENT), value)])
    }

    #[test]
    fn a_request_and_its_job_share_one_trace_through_stored_metadata() {
        let recorder = Recorder::default();
        let settings = Settings { sink: Some(recorder.sink()), ..Settings::default() };
        scoped(settings, || {
            let request = info_span!("request");
            assert!(set_parent_from_headers(&request, &headers(PARENT)));
            let stored = serde_json::to_string(&inject_current(&request)).expect("text only");
            drop(request);

            let job = info_span!("job");
            let carrier: Carrier = serde_json::from_str(&stored).expect("it was just written");
            assert!(set_parent(&job, &carrier));
            assert_eq!(trace_id(&job).as_deref(), Some(TRACE));
        });

        let spans = recorder.spans();
        assert_eq!(spans[0].parent_id.as_deref(), Some("b7ad6b7169203331"));
        assert_eq!(spans[1].parent_id.as_ref(), Some(&spans[0].span_id));
        assert!(spans.iter().all(|span| span.trace_id == TRACE));
    }

    #[test]
    fn bad_headers_begin_a_trace_of_their_own() {
        let mut twice = headers(PARENT);
        twice.append(TRACEPARENT, HeaderValue::from_static(PARENT));
        let binary = HeaderValue::from_bytes(b"\xff\xfe").expect("opaque bytes are allowed");
        let mut opaque = headers(PARENT);
        opaque.insert(TRACEPARENT, binary);
        for bad in [HeaderMap::new(), headers("00-1-2-01"), headers(&PARENT.repeat(99)), twice, opaque] {
            scoped(Settings::default(), || {
                let span = info_span!("request");
                assert!(!set_parent_from_headers(&span, &bad));
                let own = trace_id(&span).expect("every span of ours is traced");
                assert_eq!(own.len(), 32);
                assert_ne!(own, TRACE);
            });
        }
    }

    #[test]
    fn a_parent_that_comes_too_late_is_told() {
        scoped(Settings::default(), || {
            let span = info_span!("request");
            assert!(trace_id(&span).is_some());
            assert!(!set_parent_from_headers(&span, &headers(PARENT)));
        });
    }

    #[test]
    fn an_untraced_detail_stands_for_the_span_around_it() {
        scoped(Settings::default(), || {
            let outer = info_span!("request");
            let _entered = outer.enter();
            let detail = debug_span!("detail");
            assert_eq!(trace_id(&detail), None);
            assert_eq!(inject_current(&detail), inject_current(&outer));
            assert_eq!(current_trace_id(), trace_id(&outer));
        });
        assert_eq!(current_trace_id(), None);
    }

    #[test]
    fn a_span_is_renamed_in_its_trace() {
        let recorder = Recorder::default();
        let settings = Settings { sink: Some(recorder.sink()), ..Settings::default() };
        scoped(settings, || rename(&info_span!("request"), "GET /api/backups/{id}"));
        assert_eq!(recorder.spans()[0].name, "GET /api/backups/{id}");
    }

    #[test]
    fn without_a_subscriber_nothing_is_carried_and_nothing_fails() {
        let span = info_span!("request");
        assert!(!set_parent_from_headers(&span, &headers(PARENT)));
        assert!(inject_current(&span).is_empty());
        rename(&span, "other");
    }
}
