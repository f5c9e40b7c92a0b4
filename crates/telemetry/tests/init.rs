//! What [`init`] installs for the whole process. One test: there is one process.

use std::fs;

use chiliview_telemetry::{Console, Error, Settings, init};
use opentelemetry::global;
use opentelemetry::propagation::TextMapPropagator;
use tempfile::TempDir;

#[tokio::test]
async fn init_installs_lines_traces_and_propagation_once() {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("chiliview.log");
    let log_filter = "sqlx::postgres::notice=error,info".to_owned();
    let settings = Settings { console: Console::None, log_file: Some(path.clone()), log_filter, ..Settings::default() };
    let guard = init(settings.clone()).expect("the first time");
    assert!(matches!(init(settings), Err(Error::Installed(_))));
    global::get_text_map_propagator(|propagator: &dyn TextMapPropagator| {
        assert!(propagator.fields().any(|field| field == "traceparent"));
    });

    let span = tracing::info_span!(target: "chiliview_test", "request");
    let task = tokio::spawn(tracing::Instrument::instrument(async { tracing::info!("in a task") }, span));
    task.await.expect("it only logs");
    // So asks sqlx whenever PostgreSQL remarks something; whoever asks swallows no line of others.
    let _ = log::log_enabled!(target: "sqlx::postgres::notice", log::Level::Warn);
    tracing::error!(target: "chiliview_test", "request failed");
    let lost = guard.lost_lines();
    guard.shutdown();

    assert_eq!(lost.count(), 0);
    let text = fs::read_to_string(path).expect("the guard has flushed it");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("every line is one JSON object")).collect();
    let [line, failed] = lines.as_slice() else { panic!("two lines, not {lines:?}") };
    assert_eq!(failed["message"], "request failed");
    assert_eq!(line["trace_id"].as_str().map(str::len), Some(32));
    assert_eq!(line["span_id"].as_str().map(str::len), Some(16));
}
