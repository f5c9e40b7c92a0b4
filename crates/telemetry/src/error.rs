//! Why telemetry could not start. Each message completes "failed to …".

use std::path::PathBuf;

/// A reason for which [`init`](crate::init) refused its settings or could not install the subscriber.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log filter is no list of `target=level` directives.
    #[error("read the log filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The log file or its directory could not be made.
    #[error("open the log file {}", path.display())]
    LogFile {
        /// The configured path.
        path: PathBuf,
        /// What the operating system answered.
        source: std::io::Error,
    },
    /// The OTLP endpoint is unusable. It is not repeated here: it may hold a password.
    #[error("use the OTLP endpoint: {0}")]
    Endpoint(&'static str),
    /// The sample ratio lies outside 0 to 1.
    #[error("use the trace sample ratio {0}: it must lie between 0 and 1")]
    SampleRatio(f64),
    /// The exporter refused its configuration.
    #[error("build the OTLP exporter")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The exporter's thread could not be started.
    #[error("start the OTLP exporter")]
    Runtime(#[source] std::io::Error),
    /// The process has a subscriber already.
    #[error("install the log subscriber")]
    Installed(#[from] tracing_subscriber::util::TryInitError),
}
