//! Finished spans handed to the process itself, so that the console can draw a backup's waterfall with no collector.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

/// One finished span.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedSpan {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// The parent's `span_id`, which may belong to another process; `None` for the root of a trace.
    pub parent_id: Option<String>,
    /// The name as last set, see [`rename`](crate::context::rename).
    pub name: String,
    /// `server`, `client`, `producer`, `consumer` or `internal`.
    pub kind: &'static str,
    /// When it started, by this machine's clock.
    pub start: SystemTime,
    /// When it ended, by this machine's clock.
    pub end: SystemTime,
    /// Its fields, as text.
    pub attributes: Vec<(String, String)>,
    /// Whether it failed: an error was logged inside it, or its status says so.
    pub error: bool,
    /// Why it failed, where that was said.
    pub reason: Option<String>,
}

/// Receives spans as they end.
pub trait SpanSink: Send + Sync {
    /// Takes one span. Called on the thread that ended it: it must neither block, nor panic, nor open a span.
    fn record(&self, span: FinishedSpan);
}

/// Hands the SDK's spans to a [`SpanSink`].
pub(crate) struct SinkProcessor(pub(crate) Arc<dyn SpanSink>);

impl fmt::Debug for SinkProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SinkProcessor")
    }
}

impl SpanProcessor for SinkProcessor {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.record(finished(span));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn finished(span: SpanData) -> FinishedSpan {
    let parent = span.parent_span_id;
    let reason = match &span.status {
        Status::Error { description } if !description.is_empty() => Some(description.to_string()),
        _ => None,
    };
    FinishedSpan {
        trace_id: span.span_context.trace_id().to_string(),
        span_id: span.span_context.span_id().to_string(),
        parent_id: (parent != SpanId::INVALID).then(|| parent.to_string()),
        name: span.name.into_owned(),
        kind: kind(&span.span_kind),
        start: span.start_time,
        end: span.end_time,
        attributes: span.attributes.into_iter().map(|pair| (pair.key.to_string(), pair.value.to_string())).collect(),
        error: matches!(span.status, Status::Error { .. }),
        reason,
    }
}

fn kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use tracing::{error, info_span};

    use crate::Settings;
    use crate::testing::{Recorder, scoped};

    #[test]
    fn a_sink_sees_parents_attributes_and_failures() {
        let recorder = Recorder::default();
        let settings = Settings { sink: Some(recorder.sink()), ..Settings::default() };
        scoped(settings, || {
            let outer = info_span!("backup.run", tenant = "acme");
            let _outer = outer.enter();
            info_span!("backup.prove").in_scope(|| error!("damaged"));
        });

        let spans = recorder.spans();
        let [inner, outer] = spans.as_slice() else { panic!("two spans, not {spans:?}") };
        assert_eq!((&*inner.name, &*outer.name), ("backup.prove", "backup.run"));
        assert_eq!(inner.trace_id, outer.trace_id);
        assert_eq!(inner.parent_id.as_ref(), Some(&outer.span_id));
        assert_eq!(outer.parent_id, None);
        assert!(inner.error && !outer.error);
        assert!(inner.start <= inner.end);
        assert!(outer.attributes.contains(&("tenant".into(), "acme".into())));
    }

    #[test]
    fn spans_of_libraries_and_details_stay_out() {
        let recorder = Recorder::default();
        let settings = Settings { sink: Some(recorder.sink()), log_filter: "trace".to_owned(), ..Settings::default() };
        scoped(settings, || {
            info_span!(target: "h2::client", "connection").in_scope(|| {});
            tracing::debug_span!("detail").in_scope(|| {});
        });
        assert!(recorder.spans().is_empty());
    }
}
