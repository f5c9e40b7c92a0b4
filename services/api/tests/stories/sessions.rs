//! Everybody's sessions, for owners.

use chiliview_store::{admins::AdminRole, users::UserRole};
use serde_json::json;

use crate::support::{PASSWORD, on_every_engine};

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

#[tokio::test]
async fn everybody_of_every_tenant_is_named() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (ours, theirs) = (app.tenant(&owner, "ours").await, app.tenant(&owner, "theirs").await);
        let mut people = vec![owner.clone()];
        for tenant in [&ours, &theirs, &ours] {
            people.push(app.user(tenant, UserRole::Manager).await);
        }
        app.log_in(&people[1].username, PASSWORD, Some("ours")).await.expect(200);
        people.push(people[1].clone());
        let named = async |query: &str| app.get(&owner, &format!("/sessions?order=asc{query}")).await.expect(200);
        let names: Vec<_> = people.iter().map(|person| person.username.clone()).collect();
        assert_eq!(named("").await.column("username"), names);
        assert_eq!(named("&tenant=ours").await.column("username"), [&*names[1], &names[3], &names[4]]);
    })
    .await;
}

#[tokio::test]
async fn ones_own_sessions_are_paged_and_every_one_of_them_can_be_ended() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let other = app.admin(AdminRole::Owner).await;
        for _ in 0..3 {
            app.log_in(&owner.username, PASSWORD, None).await.expect(200);
        }
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = app.get(&owner, &format!("/auth/sessions?limit=2{after}")).await.expect(200);
            found.extend(page.column("id"));
            match page.json()["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(found.len(), 4);
        let oldest_first = app.get(&owner, "/auth/sessions?order=asc").await.expect(200).column("id");
        assert!(oldest_first.iter().rev().eq(&found), "{oldest_first:?} {found:?}");
        app.delete(&owner, &format!("/auth/sessions/{}", found[0])).await.expect(204);
        let foreign = app.get(&other, "/auth/sessions").await.expect(200).column("id").remove(0);
        app.delete(&owner, &format!("/auth/sessions/{foreign}")).await.expect_problem(404, "not_found");
        assert_eq!(app.get(&owner, "/auth/sessions").await.expect(200).column("id"), found[1..]);
    })
    .await;
}
