//! The platform's admins.

use chiliview_store::admins::AdminRole;
use serde_json::json;

use crate::support::{PASSWORD, Person, on_every_engine};

fn path(person: &Person) -> String {
    format!("/admins/{}", person.id)
}

#[tokio::test]
async fn an_admin_is_made_logs_in_is_changed_and_is_gone() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let body = json!({ "username": "Änne", "role": "operator", "password": PASSWORD });
        let made = app.post(&owner, "/admins", body.clone()).await.expect(201);
        assert_eq!((made.field("display_name"), made.json()["disabled"].clone()), ("Änne".into(), json!(false)));
        app.post(&owner, "/admins", body).await.expect_problem(409, "username_taken");
        let token = app.log_in("äNNE", PASSWORD, None).await.expect(200).field("token");
        let anne = Person { id: made.field("id"), username: "Änne".into(), token };
        let change = json!({ "display_name": "Anne G.", "email": "anne@example.org", "role": "auditor" });
        let changed = app.patch(&owner, &path(&anne), change).await.expect(200);
        assert_eq!((changed.field("role"), changed.header("etag")), ("auditor".into(), "\"2\""));
        app.post(&anne, "/tenants", json!({ "slug": "acme", "name": "x" })).await.expect_problem(403, "forbidden");
        assert_eq!(app.get(&owner, "/admins?q=anne%20g").await.column("username"), ["Änne"]);
        assert_eq!(app.get(&owner, "/admins?role=auditor").await.column("username"), ["Änne"]);
        app.delete(&owner, &path(&anne)).await.expect(204);
        app.get(&anne, "/auth/session").await.expect(401);
        app.get(&owner, &path(&anne)).await.expect_problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn the_last_owner_stays() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        for patch in [json!({ "role": "operator" }), json!({ "disabled": true })] {
            app.patch(&owner, &path(&owner), patch).await.expect_problem(409, "last_owner");
        }
        app.delete(&owner, &path(&owner)).await.expect_problem(409, "last_owner");
        let second = app.admin(AdminRole::Owner).await;
        app.patch(&second, &path(&second), json!({ "disabled": true })).await.expect(200);
        app.delete(&owner, &path(&owner)).await.expect_problem(409, "last_owner");
        app.patch(&owner, &path(&second), json!({ "disabled": false })).await.expect(200);
        app.delete(&owner, &path(&owner)).await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn of_two_owners_who_remove_each_other_at_once_one_stays() {
    on_every_engine(async |app| {
        let (one, two) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Owner).await);
        let (one_path, two_path) = (path(&one), path(&two));
        let (first, second) = tokio::join!(app.delete(&one, &two_path), app.delete(&two, &one_path));
        let done = [&first, &second].into_iter().filter(|answer| answer.status == 204).count();
        assert_eq!(done, 1, "{first:?} {second:?}");
    })
    .await;
}

#[tokio::test]
async fn disabling_and_a_new_password_end_all_sessions() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let operator = app.admin(AdminRole::Operator).await;
        app.patch(&owner, &path(&operator), json!({ "disabled": true })).await.expect(200);
        app.get(&operator, "/auth/session").await.expect(401);
        app.log_in(&operator.username, PASSWORD, None).await.expect_problem(401, "wrong_credentials");
        app.patch(&owner, &path(&operator), json!({ "disabled": false })).await.expect(200);
        app.get(&operator, "/auth/session").await.expect(401);
        let operator = app.log_in_again(&operator, None).await;
        let new = "purple elephants dance quietly";
        let reset = format!("{}/password", path(&operator));
        app.post(&owner, &reset, json!({ "password": new })).await.expect(204);
        app.get(&operator, "/auth/session").await.expect(401);
        app.log_in(&operator.username, new, None).await.expect(200);
        let own = format!("{}/password", path(&owner));
        app.post(&owner, &own, json!({ "password": new })).await.expect_problem(409, "own_password");
    })
    .await;
}
