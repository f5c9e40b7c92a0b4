//! Whose job comes first: nobody who asks for much keeps the others waiting.

use std::{sync::Arc, time::Duration};

use chiliview_store::{
    admins::AdminRole,
    queue::{self, Lane, Lease},
    users::UserRole,
};
use serde_json::json;

use crate::support::{PASSWORD, Person, TestApp, on_every_engine};

const LEASE: Lease = Lease(Duration::from_secs(60));

async fn manager(app: &TestApp, owner: &Person, slug: &str) -> (String, Person) {
    let tenant = app.tenant(owner, slug).await;
    let manager = app.user(&tenant, UserRole::Manager).await;
    (tenant, manager)
}

async fn ask(app: &TestApp, manager: &Person) -> String {
    app.post(manager, "/backups", json!({ "scope": "tenant" })).await.expect(202).field("id")
}

/// The rows of the next jobs, in the order in which a worker gets them.
async fn next(app: &TestApp, jobs: usize) -> Vec<String> {
    let (central, worker) = (app.app.central(), Arc::from("worker"));
    queue::register(central, Lane::Jobs, &worker, LEASE, app.clock.now()).await.unwrap();
    let mut subjects = Vec::new();
    for _ in 0..jobs {
        let claim = queue::claim(central, Lane::Jobs, &worker).await.unwrap().unwrap();
        let job = central.read(async |tx| queue::find(tx, claim.job).await).await.unwrap().unwrap();
        subjects.push(job.subject.unwrap().to_string());
    }
    subjects
}

#[tokio::test]
async fn one_reseller_does_not_keep_the_others_from_their_backups_and_a_restore_comes_first() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (_, greedy) = manager(app, &owner, "greedy").await;
        let (id, modest) = manager(app, &owner, "modest").await;
        let (backup, _) = app.backed_up(Some((&id, "modest"))).await;
        let mut asked = Vec::new();
        for _ in 0..20 {
            asked.push(ask(app, &greedy).await);
        }
        let refused = app.post(&greedy, "/backups", json!({ "scope": "tenant" })).await;
        refused.expect_problem(409, "too_many_backups");
        let modests = ask(app, &modest).await;
        let body = json!({ "into": "same", "slug": "modest", "password": PASSWORD });
        let restore = app.post(&modest, &format!("/backups/{backup}/restore"), body).await.expect(202).field("id");
        assert_eq!(next(app, 4).await, [restore, asked[0].clone(), modests, asked[1].clone()]);
    })
    .await;
}

#[tokio::test]
async fn of_all_the_one_over_its_quota_fails_alone() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        for slug in ["full", "other"] {
            app.tenant(&owner, slug).await;
        }
        app.patch(&owner, "/tenants/full", json!({ "quota_backups": 0 })).await.expect(200);
        let alone = json!({ "scope": "tenant", "tenant": "full" });
        app.post(&owner, "/backups", alone).await.expect_problem(409, "quota_exceeded");
        let all = app.post(&owner, "/backups", json!({ "scope": "all" })).await.expect(202);
        let items = all.json()["items"].clone();
        let told: Vec<_> = items.as_array().unwrap().iter().map(|item| (&item["tenant"], &item["status"])).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        let failed: Vec<_> = items.as_array().unwrap().iter().filter(|item| item["status"] == "failed").collect();
        assert_eq!(failed.len(), 1);
        assert_eq!((&failed[0]["tenant"], &failed[0]["cause"]), (&json!("full"), &json!("quota")));
    })
    .await;
}
