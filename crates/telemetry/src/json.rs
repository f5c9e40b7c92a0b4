//! One log event as one JSON object on one line.
//!
//! `timestamp` (RFC 3339, UTC), `level`, `target`, `message`, `fields`, then inside spans `span` (the innermost's name),
//! `context` (the fields of all enclosing spans, inner ones winning), `trace_id` and `span_id`. A key without a value is left out.

use std::fmt;

use opentelemetry::trace::SpanContext;
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::context;

/// The format of every JSON line, on the console and in the file.
pub(crate) struct JsonLine;

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: &'static str,
    target: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    fields: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<&'static str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    context: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<String>,
}

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut content = Content::default();
        event.record(&mut content);
        let place = place(event);
        let line = Line {
            timestamp: timestamp()?,
            level: event.metadata().level().as_str(),
            target: content.target.as_deref().unwrap_or(event.metadata().target()),
            message: content.message,
            fields: content.fields,
            span: ctx.event_scope().and_then(|mut scope| Some(scope.next()?.name())),
            context: enclosing(ctx),
            trace_id: place.as_ref().map(|span| span.trace_id().to_string()),
            span_id: place.as_ref().map(|span| span.span_id().to_string()),
        };
        let text = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
        writeln!(writer, "{text}")
    }
}

fn timestamp() -> Result<String, fmt::Error> {
    let mut text = String::new();
    SystemTime.format_time(&mut Writer::new(&mut text))?;
    Ok(text)
}

/// The traced span around the event. Not asked for OpenTelemetry's own events: some are logged while it changes the current
/// context, and asking then would panic.
fn place(event: &Event<'_>) -> Option<SpanContext> {
    let own = event.metadata().target().starts_with("opentelemetry");
    if own { None } else { context::current() }
}

fn enclosing<S>(ctx: &FmtContext<'_, S, JsonFields>) -> Map<String, Value>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    let mut fields = Map::new();
    for span in ctx.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
        let extensions = span.extensions();
        let recorded = extensions.get::<FormattedFields<JsonFields>>();
        let text = recorded.map(|found| found.fields.as_str()).unwrap_or_default();
        if let Ok(Value::Object(own)) = serde_json::from_str(text) {
            fields.extend(own);
        }
    }
    fields
}

/// An event's fields, its message apart.
#[derive(Default)]
struct Content {
    message: String,
    /// The real target of a record that came through the `log` crate.
    target: Option<String>,
    fields: Map<String, Value>,
}

impl Content {
    fn set(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            ("log.target", Value::String(text)) => self.target = Some(text),
            (name, _) if name.starts_with("log.") => {}
            (name, value) => {
                self.fields.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Content {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}").into());
    }
}
