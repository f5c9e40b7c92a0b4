//! No tenant sees, guesses or changes anything of another.

use chiliview_store::{admins::AdminRole, users::UserRole};
use serde_json::json;

use crate::support::{Person, TestApp, on_every_engine};

/// Two tenants; a manager and a member of the first, and the manager of the second.
async fn two_tenants(app: &TestApp) -> (Person, Person, Person, String) {
    let owner = app.admin(AdminRole::Owner).await;
    let (ours, theirs) = (app.tenant(&owner, "ours").await, app.tenant(&owner, "theirs").await);
    let manager = app.user(&ours, UserRole::Manager).await;
    let member = app.user(&ours, UserRole::Member).await;
    (manager, member, app.user(&theirs, UserRole::Manager).await, theirs)
}

#[tokio::test]
async fn another_tenant_is_as_if_it_did_not_exist() {
    on_every_engine(async |app| {
        let (manager, member, foreign, theirs) = two_tenants(app).await;
        let user = json!({ "username": "spy", "email": "spy@example.org" });
        for who in [&manager, &member] {
            assert_eq!(app.get(who, "/tenants?q=theirs").await.expect(200).column("slug"), ["ours"]);
            for reference in ["theirs", &theirs, "nowhere", "00000000-0000-0000-0000-000000000000"] {
                let tenant = format!("/tenants/{reference}");
                let person = format!("{tenant}/users/{}", foreign.id);
                let mut answers = Vec::new();
                for path in [
                    &tenant,
                    &format!("{tenant}/users"),
                    &person,
                    &format!("{tenant}/users/export"),
                    &format!("{tenant}/audit"),
                ] {
                    answers.push(app.get(who, path).await);
                }
                answers.push(app.post(who, &format!("{tenant}/users"), user.clone()).await);
                answers.push(app.patch(who, &tenant, json!({ "name": "x" })).await);
                answers.push(app.patch(who, &person, json!({ "role": "member" })).await);
                answers.push(app.delete(who, &person).await);
                answers.push(app.delete(who, &tenant).await);
                for answer in answers {
                    answer.expect_problem(404, "not_found");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_users_id_of_another_tenant_is_unknown_in_ones_own() {
    on_every_engine(async |app| {
        let (manager, _, foreign, _) = two_tenants(app).await;
        let path = format!("/tenants/ours/users/{}", foreign.id);
        app.get(&manager, &path).await.expect_problem(404, "not_found");
        app.patch(&manager, &path, json!({ "status": "disabled" })).await.expect_problem(404, "not_found");
        app.delete(&manager, &path).await.expect_problem(404, "not_found");
        let password = json!({ "password": "purple elephants dance quietly" });
        app.post(&manager, &format!("{path}/password"), password).await.expect_problem(404, "not_found");
        app.get(&foreign, "/auth/session").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn the_tenant_comes_from_the_session_and_not_from_the_body() {
    on_every_engine(async |app| {
        let (manager, _, _, theirs) = two_tenants(app).await;
        let user = json!({ "username": "spy", "email": "spy@example.org", "tenant_id": theirs });
        app.post(&manager, "/tenants/ours/users", user).await.expect_problem(422, "validation_failed");
        let backup = json!({ "scope": "tenant", "tenant": "theirs" });
        app.post(&manager, "/backups", backup).await.expect_problem(404, "not_found");
    })
    .await;
}
