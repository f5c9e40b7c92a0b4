//! Puts the layers together: lines to the outputs, spans to the tracer, each with a filter of its own.

use opentelemetry::global;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::filter::{EnvFilter, FilterExt, Targets, dynamic_filter_fn};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::export::Traces;
use crate::json::JsonLine;
use crate::output::Outputs;
use crate::{Error, Guard, Settings};

/// Starts logs and traces for the whole process: the subscriber, the tracer provider and the W3C propagator become global.
///
/// Needs no runtime, and works inside one. Once per process.
///
/// # Errors
/// When a setting is unusable or a subscriber is installed already.
pub fn init(settings: Settings) -> Result<Guard, Error> {
    let traces = Traces::start(&settings)?;
    let provider = traces.provider();
    let (dispatch, guard) = assemble(&settings, traces)?;
    dispatch.try_init()?;
    global::set_text_map_propagator(TraceContextPropagator::new());
    // It says so at info, which no command should print.
    dispatcher::with_default(&Dispatch::none(), || global::set_tracer_provider(provider));
    Ok(guard)
}

/// The same subscriber, uninstalled: for tests, which enter it with `tracing::dispatcher::with_default`.
///
/// # Errors
/// When a setting is unusable.
pub fn build(settings: Settings) -> Result<(Dispatch, Guard), Error> {
    let traces = Traces::start(&settings)?;
    assemble(&settings, traces)
}

fn assemble(settings: &Settings, traces: Traces) -> Result<(Dispatch, Guard), Error> {
    let filter = EnvFilter::builder().parse(&settings.log_filter)?;
    let outputs = Outputs::open(settings)?;
    let json = outputs.json.map(|writer| {
        fmt::layer().fmt_fields(JsonFields::new()).event_format(JsonLine).with_ansi(false).with_writer(writer)
    });
    let pretty = outputs.pretty.map(|writer| fmt::layer().compact().with_ansi(outputs.colour).with_writer(writer));
    // With a filter that decides by the place in the code alone, whoever asks whether a line would be written, and writes none,
    // makes the next one of his thread vanish (<https://github.com/tokio-rs/tracing/issues/2519>): hence one that is asked each time.
    let spans = tracing_opentelemetry::layer()
        .with_tracer(traces.tracer())
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(traced().and(dynamic_filter_fn(|_, _| true)));
    let lines = Layer::and_then(json, pretty).with_filter(filter);
    let dispatch = Dispatch::new(Registry::default().with(spans).with(lines));
    Ok((dispatch, Guard::new(traces, outputs.lost, outputs.writers)))
}

/// Only our spans, and the queue's, from info up. Never those of hyper and h2: the exporter uses them itself and would trace
/// its own exports for ever.
fn traced() -> Targets {
    Targets::new().with_target("chiliview", LevelFilter::INFO).with_target("apalis", LevelFilter::INFO)
}
