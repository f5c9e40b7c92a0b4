//! A job is part of the trace of the request that enqueued it.

use std::sync::{Arc, Mutex};

use chiliview_store::{Clock, Ids, Settings, Store, queue::JobStatus};
use chiliview_telemetry::{FinishedSpan, SpanSink, build};
use chiliview_worker::queue::Outcome;
use tracing::Instrument;

use crate::workshop::{Running, Scripted, add, all_are, alone, job, options, until};

#[derive(Default)]
struct Spans(Mutex<Vec<FinishedSpan>>);

impl SpanSink for Spans {
    fn record(&self, span: FinishedSpan) {
        self.0.lock().unwrap().push(span);
    }
}

impl Spans {
    fn named(&self, name: &str) -> Option<FinishedSpan> {
        self.0.lock().unwrap().iter().find(|span| span.name == name).cloned()
    }
}

/// On one thread, because that is where the subscriber is, and alone, because other tests' spans decide what is enabled.
#[test]
fn a_job_is_a_child_of_the_request_that_enqueued_it() {
    alone("trace::a_job_is_a_child_of_the_request_that_enqueued_it", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(request_and_job());
    });
}

async fn request_and_job() {
    let spans = Arc::new(Spans::default());
    let settings = chiliview_telemetry::Settings { sink: Some(spans.clone()), ..Default::default() };
    let (dispatch, _guard) = build(settings).unwrap();
    let _default = tracing::dispatcher::set_default(&dispatch);

    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&Settings::sqlite(directory.path()), Clock::system(), Ids).await.unwrap();
    async { add(&store, [job()]).await }.instrument(tracing::info_span!(target: "chiliview_api", "request")).await;

    let handler = Scripted::new(&store, async |_| Outcome::Done);
    let worker = Running::start(&store, &handler, options());
    until("done", async || all_are(&store, JobStatus::Done).await).await;
    worker.stop().await;

    let (request, job) = (spans.named("request").unwrap(), spans.named("job back_up").unwrap());
    assert_eq!(job.trace_id, request.trace_id);
    assert_eq!(job.parent_id, Some(request.span_id));
}
