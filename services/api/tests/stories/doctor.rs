//! The doctor over HTTP: asked for, one round at a time; a repair by an owner with his password.

use chiliview_store::{
    admins::AdminRole,
    doctor_runs::{self, DoctorOutcome},
};
use serde_json::json;

use crate::support::{PASSWORD, on_every_engine};

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

        let checks =
            vec![json!({ "name": "shelf", "object": "./backups", "status": "warning", "message": "a stranger",
            "advice": "move it" })];
        let run = id.parse().unwrap();
        let done = app.app.central().write(async |tx| {
            let attempt = doctor_runs::start(tx, run, app.clock.now()).await?.unwrap();
            doctor_runs::done(tx, run, attempt, DoctorOutcome::Ok, checks, app.clock.now()).await
        });
        assert!(done.await.unwrap());
        let seen = app.get(&operator, &format!("/doctor/{id}")).await.expect(200).json();
        let check = json!({ "check": "shelf", "target": "./backups", "outcome": "warning", "detail": "a stranger",
            "advice": "move it" });
        assert_eq!((&seen["outcome"], &seen["checks"], &seen["repair"]), (&json!("ok"), &json!([check]), &json!(true)));
        let listed = app.get(&operator, "/doctor").await.expect(200).json();
        assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["checks"]), (&json!(id), &json!([])));
        app.post(&operator, "/doctor", json!({})).await.expect(202);
        let jobs = app.get(&owner, "/jobs?kind=examine").await.expect(200);
        assert_eq!(jobs.column("subject").len(), 2);
    })
    .await;
}
