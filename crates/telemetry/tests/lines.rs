//! What a log line in the file looks like.

use std::fs;

use chiliview_telemetry::{Console, LogFormat, Settings, build, context};
use serde_json::{Value, json};
use tempfile::TempDir;
use tracing::{Dispatch, dispatcher, error, info, info_span};

/// Runs `body` under a subscriber with a log file, and returns the file's lines.
fn logged(settings: Settings, body: impl FnOnce()) -> Vec<Value> {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("logs/chiliview.log");
    let settings = Settings { console: Console::None, log_file: Some(path.clone()), ..settings };
    let (dispatch, guard) = build(settings).expect("the settings are sound");
    dispatcher::with_default(&dispatch, body);
    guard.shutdown();
    let text = fs::read_to_string(path).expect("the guard has flushed it");
    text.lines().map(|line| serde_json::from_str(line).expect("every line is one JSON object")).collect()
}

#[test]
fn a_line_names_its_time_place_fields_and_trace() {
    let mut trace = None;
    let lines = logged(Settings::default(), || {
        let request = info_span!(target: "chiliview_test", "request", tenant = "acme", backup.id = 1);
        let _request = request.enter();
        let phase = info_span!(target: "chiliview_test", "phase", backup.id = 2);
        let _phase = phase.enter();
        trace = context::trace_id(&phase);
        info!(bytes = 42_u64, done = true, "snapshot written\n\"quoted\"");
    });

    let [line] = lines.as_slice() else { panic!("one line, not {lines:?}") };
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["target"], "lines");
    assert_eq!(line["message"], "snapshot written\n\"quoted\"");
    assert_eq!(line["fields"], json!({"bytes": 42, "done": true}));
    assert_eq!(line["trace_id"].as_str(), trace.as_deref());
    assert_eq!(line["trace_id"].as_str().map(str::len), Some(32));
    assert_eq!(line["span_id"].as_str().map(str::len), Some(16));
    assert_eq!(line["span"], "phase");
    assert_eq!(line["context"], json!({"tenant": "acme", "backup.id": 2}));
    let timestamp = line["timestamp"].as_str().expect("text");
    assert!(timestamp.contains('T') && timestamp.ends_with('Z'), "{timestamp}");
}

#[test]
fn lines_outside_spans_and_of_libraries_have_the_same_shape() {
    let lines = logged(Settings::default(), || {
        error!(target: "sqlx::query", error = %"disk full", "slow");
        error!(target: "opentelemetry_sdk", name = "Export", "");
    });
    assert_eq!(lines[0]["target"], "sqlx::query");
    assert_eq!(lines[0]["fields"], json!({"error": "disk full"}));
    assert_eq!(lines[1]["fields"], json!({"name": "Export"}));
    for absent in ["trace_id", "span_id", "span", "context"] {
        assert_eq!(lines[0].get(absent), None, "{absent}");
    }
}

#[test]
fn the_file_is_json_even_beside_a_pretty_console() {
    let settings = Settings { log_format: LogFormat::Pretty, ..Settings::default() };
    let lines = logged(settings, || info!("started"));
    assert_eq!(lines[0]["message"], "started");
}

#[test]
fn the_filter_holds_for_lines_and_not_for_traces() {
    let settings = Settings { log_filter: "warn,lines=error".to_owned(), ..Settings::default() };
    let lines = logged(settings, || {
        info!("quiet");
        error!("loud");
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["message"], "loud");
}

#[test]
fn a_filter_that_cannot_be_read_is_refused() {
    let settings = Settings { log_filter: "info,=nonsense=".to_owned(), ..Settings::default() };
    let refused: Result<(Dispatch, _), _> = build(settings);
    assert_eq!(refused.err().map(|error| error.to_string()).as_deref(), Some("read the log filter"));
}
