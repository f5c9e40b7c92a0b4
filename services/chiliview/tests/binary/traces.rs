//! The trace of a backup, kept by ChiliView itself: no collector runs, and the API and the worker are two processes.

use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::process::{Place, Service};

const PATIENCE: Duration = Duration::from_secs(60);

/// `chiliview worker`. Dropped, it is killed.
struct Worker(Child);

impl Worker {
    fn start(place: &Place) -> Self {
        Self(place.command(&["worker"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn stop(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The answer, once it is as wanted.
fn until(service: &Service, path: &str, token: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let limit = Instant::now() + PATIENCE;
    loop {
        let (status, answer) = service.get(path, token);
        if status == 200 && wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < limit, "{path} stays {status} {answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn span<'t>(trace: &'t Value, name: &str) -> &'t Value {
    let spans = trace["spans"].as_array().unwrap();
    spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no {name} in {trace:#}"))
}

#[test]
fn a_backups_trace_goes_from_the_click_to_the_last_fsync_across_processes_and_without_a_collector() {
    let place = Place::new();
    let service = place.serve_with(&["--no-worker"], &[]);
    let (_, token) = service.log_in(&service.password().unwrap());
    let worker = Worker::start(&place);
    let (status, backup) = service.post("/api/backups", &token, &json!({ "scope": "central" }));
    assert_eq!(status, 202, "{backup}");
    let backup = format!("/api/backups/{}", backup["id"].as_str().unwrap());
    until(&service, &backup, &token, |backup| backup["status"] == "verified");
    let trace = until(&service, &format!("{backup}/trace"), &token, |trace| trace["complete"] == true);

    let (request, job) = (span(&trace, "POST /api/backups"), span(&trace, "job back_up"));
    assert_eq!(job["parent_span_id"], request["span_id"]);
    assert!(request["service"].as_str().unwrap().starts_with("serve-"), "{request}");
    assert!(job["service"].as_str().unwrap().starts_with("worker-"), "{job}");
    for name in ["snapshot.read", "snapshot.publish", "snapshot.prove"] {
        assert_eq!(span(&trace, name)["parent_span_id"], job["span_id"], "{name}");
    }
    let proof = span(&trace, "snapshot.prove");
    let commits = |parent: &Value, after: &Value| {
        let spans = trace["spans"].as_array().unwrap();
        let found =
            spans.iter().filter(|span| span["name"] == "store.commit" && span["parent_span_id"] == parent["span_id"]);
        found.filter(|span| span["started_at"].as_str() >= after["started_at"].as_str()).count()
    };
    assert!(commits(request, request) >= 1 && commits(job, proof) >= 1, "{trace:#}");

    let id = trace["trace_id"].as_str().unwrap();
    assert_eq!(service.get(&format!("/api/traces/{id}"), &token).1["spans"], trace["spans"]);
    let text = trace.to_string();
    assert!(!text.contains(&token) && !text.contains("127.0.0.1"), "{text}");
    assert_eq!((worker.stop(), service.stop()), (Some(0), Some(0)));
}
