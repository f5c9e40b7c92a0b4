//! Traces over HTTP: each sees the part that is his.

use chiliview_store::{
    Timestamp,
    admins::AdminRole,
    json_text::JsonText,
    spans::{self, Span, SpanStatus},
    users::UserRole,
};
use serde_json::json;

use crate::support::{Answer, Person, TestApp, on_every_engine};

fn span(trace: &str, id: &str, parent: Option<&str>, subject: Option<&str>, name: &str) -> Span {
    let job = name.starts_with("job ").then(|| ("job.id".to_owned(), "j".to_owned()));
    Span {
        trace_id: trace.into(),
        span_id: id.into(),
        parent_id: parent.map(str::to_owned),
        subject: subject.map(str::to_owned),
        name: name.into(),
        kind: if name.starts_with("POST") { "server" } else { "internal" }.into(),
        service: "worker-7".into(),
        started_at: Timestamp::from_micros(1_795_000_000_123_456),
        micros: 1500,
        status: SpanStatus::Unset,
        error: None,
        attributes: JsonText(job.into_iter().collect()),
    }
}

async fn keep(app: &TestApp, spans: &[Span]) {
    app.app.central().write(async |tx| spans::keep(tx, spans).await).await.unwrap();
}

fn names(answer: &Answer) -> Vec<String> {
    answer.json()["spans"].as_array().unwrap().iter().map(|span| span["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_backups_trace_has_its_own_part_of_a_trace_that_others_share() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (ours, theirs) = (app.tenant(&owner, "ours").await, app.tenant(&owner, "theirs").await);
        let manager = app.user(&ours, UserRole::Manager).await;
        let queued = app.post(&owner, "/backups", json!({ "scope": "all" })).await.expect(202);
        let trace = queued.header("x-trace-id").to_owned();
        let of = |tenant: &str| {
            let items = queued.json()["items"].as_array().unwrap().clone();
            let item = items.iter().find(|item| item["tenant_id"] == tenant).unwrap().clone();
            item["id"].as_str().unwrap().to_owned()
        };
        let (our, their) = (of(&ours), of(&theirs));
        let read = async |who: &Person, path: String| app.get(who, &path).await;
        let path = |id: &str| format!("/backups/{id}/trace");
        keep(app, &[span(&trace, "r", Some("client"), None, "POST /api/backups")]).await;
        keep(app, &[span(&trace, "o2", Some("o"), Some(&our), "snapshot.read")]).await;
        let early = read(&manager, path(&our)).await.expect(200);
        assert_eq!((names(&early).len(), &early.json()["complete"]), (2, &json!(false)), "it has not ended");

        keep(
            app,
            &[
                span(&trace, "o", Some("r"), Some(&our), "job back_up"),
                span(&trace, "t", Some("r"), Some(&their), "job back_up"),
            ],
        )
        .await;
        app.post(&owner, &format!("/backups/{our}/cancel"), json!({})).await.expect(202);
        let mut found = names(&read(&manager, path(&our)).await.expect(200));
        found.sort();
        assert_eq!(found, ["POST /api/backups", "job back_up", "snapshot.read"]);
        let whole = read(&manager, path(&our)).await.json();
        assert_eq!((&whole["complete"], &whole["trace_id"]), (&json!(true), &json!(trace)));
        let first = &whole["spans"][0];
        assert_eq!(
            (&first["duration_us"], &first["started_at"]),
            (&json!(1500), &json!("2026-11-18T11:06:40.123456Z"))
        );

        read(&manager, path(&their)).await.expect_problem(404, "not_found");
        read(&manager, format!("/traces/{trace}")).await.expect_problem(404, "not_found");
        assert_eq!(names(&read(&owner, format!("/traces/{trace}")).await.expect(200)).len(), 4);
        for nonsense in ["x", "%00", "0af7651916cd43dd8448eb211c80319c"] {
            read(&owner, format!("/traces/{nonsense}")).await.expect_problem(404, "not_found");
        }
    })
    .await;
}
