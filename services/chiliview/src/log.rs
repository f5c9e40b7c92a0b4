//! Logs and traces of a command, as its settings say.

use chiliview_telemetry::{Console, Guard, SpanQueue};

use crate::{exit::Failure, settings::Settings};

/// Every connection that comes back to the pool is rolled back, and PostgreSQL remarks that there was nothing to roll back.
const QUIET: &str = "sqlx::postgres::notice=error";

/// For what runs for long: lines on standard output and in `logs/chiliview.log`, and the finished spans, to be kept.
pub(crate) fn service(settings: &Settings, name: &str) -> Result<(Guard, SpanQueue), Failure> {
    let (sink, spans) = SpanQueue::new();
    let log_file = chiliview_store::data_dir::DataDir::new(&settings.data_dir).logs().join("chiliview.log");
    let telemetry = chiliview_telemetry::Settings {
        console: Console::Stdout,
        log_format: settings.log_format,
        log_filter: format!("{QUIET},{}", settings.log_filter),
        log_file: Some(log_file),
        otlp_endpoint: settings.otlp_endpoint.clone(),
        service_instance: instance(name),
        sink: Some(sink),
        ..Default::default()
    };
    Ok((chiliview_telemetry::init(telemetry).map_err(with_causes)?, spans))
}

/// The process, as its traces name it.
pub(crate) fn instance(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// For what an operator waits for: warnings on standard error, and no file.
pub(crate) fn command(settings: &Settings) -> Result<Guard, Failure> {
    let default = Settings::default().log_filter;
    let chosen = (settings.log_filter != default).then(|| settings.log_filter.clone());
    let telemetry = chiliview_telemetry::Settings {
        console: Console::Stderr,
        log_format: settings.log_format,
        log_filter: format!("{QUIET},{}", chosen.unwrap_or_else(|| "warn".to_owned())),
        otlp_endpoint: settings.otlp_endpoint.clone(),
        ..Default::default()
    };
    chiliview_telemetry::init(telemetry).map_err(with_causes)
}

fn with_causes(error: chiliview_telemetry::Error) -> Failure {
    Failure::usage(format!("{:#}", anyhow::Error::from(error)))
}
