//! The doctor over HTTP: asked for, one round at a time; a repair by an owner with his password.

use chiliview_store::{
    admins::AdminRole,
    doctor_runs::{self, DoctorOutcome},
};
use serde_json::{Value, json};

use crate::support::{PASSWORD, on_every_engine};

/// As an older version kept them, as this one does, and as a later one may.
fn lines() -> Vec<Value> {
    let line = |said: Value| {
        let mut line = json!({ "name": "shelf", "object": "./backups", "status": "warning",
            "message": "2 half-written snapshots of killed processes", "advice": "move them elsewhere" });
        line["said"] = said;
        line
    };
    let old = json!({ "name": "shelf", "object": "./backups", "status": "ok", "message": "well" });
    let found = json!({ "code": "partials", "params": { "count": 2 } });
    let ours = json!({ "object": { "code": "backups" }, "found": found, "advice": [{ "code": "move_elsewhere" }] });
    vec![old, line(ours), line(json!({ "found": { "code": "of_tomorrow" } }))]
}

fn shown() -> Value {
    let detail = "2 half-written snapshots of killed processes";
    let line = json!({ "check": "shelf", "target": "./backups", "outcome": "warning", "detail": detail,
        "advice": "move them elsewhere" });
    let mut ours = line.clone();
    ours["said"] = json!({ "target": { "code": "backups", "params": {} },
        "found": { "code": "partials", "params": { "count": 2 } },
        "advice": [{ "code": "move_elsewhere", "params": {} }] });
    json!([{ "check": "shelf", "target": "./backups", "outcome": "ok", "detail": "well" }, ours, line])
}

#[tokio::test]
async fn a_repair_takes_an_owner_and_his_password_and_rounds_follow_each_other() {
    on_every_engine(async |app| {
        let (owner, operator) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Operator).await);
        let repair = json!({ "repair": true, "password": PASSWORD });
        app.post(&operator, "/doctor", repair.clone()).await.expect_problem(403, "forbidden");
        let refused =
            app.post(&owner, "/doctor", json!({ "repair": true })).await.expect_problem(422, "validation_failed");
        assert_eq!(refused.pointers(), ["/password"]);
        let wrong = json!({ "repair": true, "password": "wrong password" });
        app.post(&owner, "/doctor", wrong).await.expect_problem(403, "wrong_password");
        assert!(app.get(&owner, "/doctor").await.expect(200).column("id").is_empty());

        let queued = app.post(&owner, "/doctor", repair).await.expect(202);
        let id = queued.field("id");
        assert_eq!(
            (queued.header("location"), queued.field("status")),
            (&*format!("/api/doctor/{id}"), "queued".to_owned())
        );
        assert!(!queued.text.contains(PASSWORD));
        app.post(&operator, "/doctor", json!({})).await.expect_problem(409, "doctor_under_way");

        let checks = lines();
        let run = id.parse().unwrap();
        let done = app.app.central().write(async |tx| {
            let attempt = doctor_runs::start(tx, run, app.clock.now()).await?.unwrap();
            doctor_runs::done(tx, run, attempt, DoctorOutcome::Ok, checks, app.clock.now()).await
        });
        assert!(done.await.unwrap());
        let seen = app.get(&operator, &format!("/doctor/{id}")).await.expect(200).json();
        assert_eq!((&seen["outcome"], &seen["repair"]), (&json!("ok"), &json!(true)));
        assert_eq!(seen["checks"], shown());
        let listed = app.get(&operator, "/doctor").await.expect(200).json();
        assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["checks"]), (&json!(id), &json!([])));
        app.post(&operator, "/doctor", json!({})).await.expect(202);
        let jobs = app.get(&owner, "/jobs?kind=examine").await.expect(200);
        assert_eq!(jobs.column("subject").len(), 2);
    })
    .await;
}
