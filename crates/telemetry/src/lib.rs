//! Logs and traces for every ChiliView process: one [`init`] at start, one [`Guard`] held to the end.
//!
//! Log lines go to the console and to a rotated file; spans go to an OTLP collector when one is configured. The tracer is
//! installed either way, so every request has a trace id to put into its answer, its log lines and its jobs.
//!
//! [`context`] carries that trace across processes: out of request headers, into job metadata and back.

mod carrier;
pub mod context;
mod error;
mod export;
mod guard;
mod json;
mod output;
mod queue;
mod rotation;
mod settings;
mod sink;
mod subscriber;
#[cfg(test)]
mod testing;
mod traceparent;

pub use carrier::Carrier;
pub use error::Error;
pub use guard::Guard;
pub use output::LostLines;
pub use queue::{SpanQueue, lose_spans, lost_spans};
pub use settings::{Console, LogFormat, Settings, UnknownLogFormat};
pub use sink::{FinishedSpan, SpanSink};
pub use subscriber::{build, init};
