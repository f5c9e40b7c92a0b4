//! One trace from the HTTP request through the job to the last fsync, as a real collector receives it.

pub(crate) mod collector;

use reqwest::Method;
use serde_json::json;

use self::collector::{Collector, Span};
use crate::support::{Answer, Home};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

#[tokio::test]
async fn a_backup_is_one_trace_from_the_request_to_the_last_fsync() {
    let Some(collector) = Collector::start().await else { return };
    let home = Home::new().with("CHILIVIEW_OTLP_ENDPOINT", collector.endpoint());
    let server = home.serve().await;
    let admin = home.admin(&server).await;

    let request = admin.request(Method::POST, "/api/backups").header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    let answer = Answer::to(request.json(&json!({"scope": "central"}))).await;
    assert_eq!(answer.header("x-trace-id"), TRACE);
    let queued = answer.expect(202);
    let backup = admin.backup_ended(queued["id"].as_str().unwrap()).await;
    assert_eq!((&backup["status"], &backup["trace_id"]), (&json!("verified"), &json!(TRACE)));
    let job = &admin.get("/api/jobs?kind=back_up").await.expect(200)["items"][0];
    assert_eq!(job["trace_id"], TRACE);
    assert!(server.stop().await.success());

    let spans: Vec<_> = collector.stop().await.into_iter().filter(|span| span.trace == TRACE).collect();
    let child = |name: &str, parent: &str| -> &Span {
        let found = spans.iter().find(|span| span.name == name && span.parent == parent);
        found.unwrap_or_else(|| panic!("no {name} below {parent} in {spans:#?}"))
    };
    let http = child("POST /api/backups", CALLER);
    child("store.commit", &http.id);
    let job = child("job back_up", &http.id);
    child("snapshot.read", &job.id);
    child("snapshot.publish", &job.id);
    let proof = child("snapshot.prove", &job.id);
    let last_commit = |span: &&Span| span.name == "store.commit" && span.parent == job.id && span.began >= proof.ended;
    assert!(spans.iter().any(|span| last_commit(&span)), "a commit after the proof: {spans:#?}");
}

#[tokio::test]
async fn every_answer_and_every_problem_names_its_trace() {
    let home = Home::new();
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    let fine = admin.get("/api/tenants").await;
    assert_eq!((fine.status, fine.header("x-trace-id").len()), (200, 32));
    for (path, status) in [("/api/tenants/nobody", 404), ("/api/nothing", 404), ("/api/tenants?limit=none", 400)] {
        let answer = admin.get(path).await;
        let trace = answer.header("x-trace-id").to_owned();
        assert_eq!(answer.expect(status)["trace_id"], json!(trace), "{path}");
    }
}
