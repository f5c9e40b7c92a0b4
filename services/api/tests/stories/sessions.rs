//! Everybody's sessions, for owners.

use chiliview_store::{admins::AdminRole, users::UserRole};
use serde_json::json;

use crate::support::on_every_engine;

#[tokio::test]
async fn an_owner_sees_everybodys_sessions_and_ends_them() {
    on_every_engine(async |app| {
        let (owner, operator) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Operator).await);
        let ours = app.tenant(&owner, "ours").await;
        let anna = app.user(&ours, UserRole::Manager).await;
        let all = app.get(&owner, "/sessions").await.expect(200);
        assert_eq!(all.column("username"), [&anna, &operator, &owner].map(|person| person.username.clone()));
        let of_anna = all.json()["items"][0].clone();
        assert_eq!((&of_anna["tenant"], &of_anna["user_id"]), (&json!("ours"), &json!(anna.id)));
        assert_eq!((&of_anna["current"], &all.json()["items"][2]["current"]), (&json!(false), &json!(true)));
        let names =
            async |query: &str| app.get(&owner, &format!("/sessions{query}")).await.expect(200).column("username");
        assert_eq!(names("?tenant=ours").await, [&*anna.username]);
        assert_eq!(names(&format!("?admin={}", operator.id)).await, [&*operator.username]);
        assert_eq!(names("?limit=1&order=asc").await, [&*owner.username]);

        let id = of_anna["id"].as_str().unwrap();
        app.delete(&owner, &format!("/sessions/{id}")).await.expect(204);
        app.get(&anna, "/auth/session").await.expect_problem(401, "unauthenticated");
        app.delete(&owner, &format!("/sessions/{id}")).await.expect_problem(404, "not_found");
        let log = app.get(&owner, "/audit?action=session.end").await.expect(200);
        assert_eq!(log.column("object_id"), [id]);
    })
    .await;
}
