//! What an operator may choose about logs and traces.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::sink::SpanSink;

/// How console lines look. The log file is JSON whatever the console is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// A word that names no [`LogFormat`]. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
#[error("read the log format: it is one of auto, json, pretty")]
pub struct UnknownLogFormat;

impl FromStr for LogFormat {
    type Err = UnknownLogFormat;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "auto" => Ok(Self::Auto),
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(UnknownLogFormat),
        }
    }
}

/// Where console lines go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Console {
    /// For the service and the worker: written from a thread of its own, so that a stalled reader of the pipe never stalls a
    /// request. Lines beyond the queue are dropped and counted.
    Stdout,
    /// For commands, whose standard output is data: written at once.
    #[default]
    Stderr,
    /// Nowhere.
    None,
}

/// Everything [`init`](crate::init) needs.
#[derive(Clone)]
pub struct Settings {
    /// Where console lines go.
    pub console: Console,
    /// How console lines look.
    pub log_format: LogFormat,
    /// `EnvFilter` directives for the console and the file, such as `info,chiliview_store=debug`. Traces have their own filter.
    pub log_filter: String,
    /// The live log file; rotated ones lie beside it as `<name>.1`, the youngest, `<name>.2`, …
    pub log_file: Option<PathBuf>,
    /// Rotate before the live file would grow beyond this many bytes.
    pub log_file_bytes: u64,
    /// How many rotated files are kept beside the live one.
    pub log_files: usize,
    /// Base URL of an OTLP/HTTP collector, such as `http://127.0.0.1:4318`; `/v1/traces` is appended unless it is there.
    /// Only `http`: a collector in another network is reached through a local one.
    pub otlp_endpoint: Option<String>,
    /// The share of new traces that is recorded, 0 to 1. A trace begun elsewhere keeps its caller's decision.
    pub sample_ratio: f64,
    /// `service.instance.id` of the exported spans; left out when empty.
    pub service_instance: String,
    /// `service.version` of the exported spans.
    pub service_version: String,
    /// Receives every sampled span of ours when it ends, with or without a collector.
    pub sink: Option<Arc<dyn SpanSink>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            console: Console::default(),
            log_format: LogFormat::default(),
            log_filter: "info".to_owned(),
            log_file: None,
            log_file_bytes: 16 * 1024 * 1024,
            log_files: 5,
            otlp_endpoint: None,
            sample_ratio: 1.0,
            service_instance: String::new(),
            service_version: env!("CARGO_PKG_VERSION").to_owned(),
            sink: None,
        }
    }
}
