//! Schedules and retention over HTTP: what may be said, to whom it shows, and what a change does not remove.

use std::time::Duration;

use chiliview_store::{
    Error,
    admins::AdminRole,
    backups::{self, New, Origin},
    users::UserRole,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Person, TestApp, on_every_engine};

async fn nightly(app: &TestApp, who: &Person, body: Value) -> Value {
    app.post(who, "/schedules", body).await.expect(201).json()
}

fn path(schedule: &Value) -> String {
    format!("/schedules/{}", schedule["id"].as_str().unwrap())
}

/// So many backups that the run asked for, as the worker queues them.
async fn backed_up(app: &TestApp, run: &Value, count: usize) {
    let id = |field: &str| run[field].as_str().unwrap().parse::<Uuid>().unwrap();
    let new = || New {
        id: app.app.store().ids().next(),
        tenant: None,
        origin: Origin::Schedule,
        run: Some((id("schedule_id").into(), id("id").into())),
        requested_by: "schedule".into(),
        trace_id: None,
        at: app.clock.now(),
    };
    let queued = app.app.central().write(async |tx| {
        for _ in 0..count {
            backups::insert(tx, &new()).await?;
        }
        Ok::<_, Error>(())
    });
    queued.await.unwrap();
}

fn of_all(name: &str) -> Value {
    json!({
        "name": name, "scope": "all", "cron": "0 2 * * *", "time_zone": "Europe/Berlin", "jitter_seconds": 600,
        "retention": { "daily": 7 },
    })
}

#[tokio::test]
async fn a_schedule_says_in_words_when_it_runs_and_when_next() {
    on_every_engine(async |app| {
        let operator = app.admin(AdminRole::Operator).await;
        let made = nightly(app, &operator, of_all("Mine")).await;
        assert_eq!(made["text"], "every day at 02:00 (Europe/Berlin)");
        assert_eq!(
            made["retention"],
            json!({
                "keep_last": 0, "hourly": 0, "daily": 7, "weekly": 0, "monthly": 0, "yearly": 0
            })
        );
        let next = made["next_runs"].as_array().unwrap();
        assert_eq!((next.len(), &next[0]), (5, &json!("2026-11-19T01:00:00Z")));
        let path = format!("/schedules/{}", made["id"].as_str().unwrap());
        let german = app.get(&operator, &format!("{path}?lang=de")).await.expect(200);
        assert_eq!(german.field("text"), "täglich um 02:00 Uhr (Europe/Berlin)");
        let accepted = app.call(Some(&operator), "GET", &path).header("Accept-Language", "de-AT").send().await;
        assert_eq!(accepted.expect(200).field("text"), "täglich um 02:00 Uhr (Europe/Berlin)");
        let preview = json!({ "cron": "0 2 * * 1-5", "time_zone": "UTC" });
        let preview = app.post(&operator, "/schedules/preview", preview).await.expect(200).json();
        assert_eq!(preview["text"]["en"], "Monday to Friday at 02:00 (UTC)");
        assert_eq!(preview["next_runs"].as_array().unwrap().len(), 5);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_where_it_stands_and_nothing_changes() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let before = app.get(&owner, "/schedules").await.expect(200).text;
        let refused = async |change: Value, pointers: &[&str]| {
            let mut body = of_all("Wrong");
            for (field, value) in change.as_object().unwrap() {
                body[field] = value.clone();
            }
            let answer = app.post(&owner, "/schedules", body).await.expect_problem(422, "validation_failed");
            assert_eq!(answer.pointers(), pointers, "{change}");
        };
        refused(json!({ "cron": "0 25 * * *" }), &["/cron"]).await;
        refused(json!({ "cron": "0 0 31 2 *" }), &["/cron"]).await;
        refused(json!({ "cron": "nightly", "time_zone": "Europe/Berln" }), &["/cron", "/time_zone"]).await;
        refused(
            json!({ "retention": { "daily": 1001, "monthly": 1001 } }),
            &["/retention/daily", "/retention/monthly"],
        )
        .await;
        refused(json!({ "retention": {} }), &["/retention"]).await;
        refused(json!({ "scope": "tenant" }), &["/tenant"]).await;
        refused(json!({ "scope": "tenant", "tenant": "nobody" }), &["/tenant"]).await;
        refused(json!({ "scope": "tag" }), &["/tag"]).await;
        refused(json!({ "tag": "gold" }), &["/tag"]).await;
        refused(json!({ "action": "prove", "retention": null }), &["/prove_bytes"]).await;
        refused(json!({ "jitter_seconds": -1 }), &["/jitter_seconds"]).await;
        assert_eq!(app.get(&owner, "/schedules").await.expect(200).text, before);
    })
    .await;
}

#[tokio::test]
async fn a_change_needs_the_version_that_was_seen_and_a_name_of_its_own() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let made = nightly(app, &owner, of_all("Mine")).await;
        let path = format!("/schedules/{}", made["id"].as_str().unwrap());
        let patch = |tag: &'static str, body: Value| {
            let call = app.call(Some(&owner), "PATCH", &path).header("If-Match", tag).json(&body);
            call.send()
        };
        patch("\"9\"", json!({ "cron": "@hourly" })).await.expect_problem(412, "precondition_failed");
        let changed = patch("\"1\"", json!({ "cron": "@hourly", "retention": null })).await.expect(200);
        assert_eq!(changed.header("etag"), "\"2\"");
        assert_eq!(
            (changed.field("text").as_str(), changed.json().get("retention")),
            ("every hour (Europe/Berlin)", None)
        );
        assert_eq!(changed.json()["next_runs"][0], "2026-11-18T12:00:00Z");
        let clash = patch("\"2\"", json!({ "name": "EVERY night" })).await.expect_problem(409, "name_taken");
        assert_eq!(clash.pointers(), ["/name"]);
    })
    .await;
}

#[tokio::test]
async fn paused_it_has_no_next_run_and_run_now_answers_a_run() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let made = nightly(app, &owner, of_all("Mine")).await;
        let path = format!("/schedules/{}", made["id"].as_str().unwrap());
        let paused = app.post(&owner, &format!("{path}/pause"), json!({})).await.expect(200).json();
        assert_eq!(paused["next_runs"], json!([]));
        let run = app.post(&owner, &format!("{path}/run"), json!({})).await.expect(202);
        assert_eq!((run.field("status"), run.field("fired_by")), ("queued".into(), "person".into()));
        let there = run.header("location").trim_start_matches("/api").to_owned();
        assert_eq!(app.get(&owner, &there).await.expect(200).field("id"), run.field("id"));
        let resumed = app.post(&owner, &format!("{path}/resume"), json!({})).await.expect(200).json();
        assert_eq!(resumed["next_runs"].as_array().unwrap().len(), 5);
        assert_eq!(resumed["last_run"]["id"], run.json()["id"]);
        app.delete(&owner, &path).await.expect(204);
        app.get(&owner, &there).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn a_manager_has_his_own_tenants_schedules_and_no_others() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (ours, theirs) = (app.tenant(&owner, "ours").await, app.tenant(&owner, "theirs").await);
        let manager = app.user(&ours, UserRole::Manager).await;
        let other = app.user(&theirs, UserRole::Manager).await;
        let platform = nightly(app, &owner, of_all("Platform")).await;
        let own = json!({ "name": "Own", "scope": "tenant", "cron": "0 3 * * *" });
        let mine = nightly(app, &manager, own.clone()).await;
        assert_eq!(mine["tenant"], "ours");
        nightly(app, &other, own).await;
        assert_eq!(app.get(&manager, "/schedules").await.expect(200).column("name"), ["Own"]);
        for hidden in [(&manager, &platform), (&other, &mine)] {
            app.get(hidden.0, &path(hidden.1)).await.expect_problem(404, "not_found");
            app.delete(hidden.0, &path(hidden.1)).await.expect_problem(404, "not_found");
        }
        let often = json!({ "name": "Often", "scope": "tenant", "cron": "*/5 * * * *" });
        let often = app.post(&manager, "/schedules", often).await.expect_problem(422, "validation_failed");
        assert_eq!(often.pointers(), ["/cron"]);
        app.patch(&manager, &path(&mine), json!({ "scope": "all", "tenant": null })).await.expect(404);
        app.patch(&manager, &path(&mine), json!({ "tenant": "theirs" })).await.expect(404);
        let prove = json!({ "name": "P", "action": "prove", "scope": "tenant", "cron": "@daily", "prove_bytes": 1 });
        app.post(&manager, "/schedules", prove).await.expect_problem(403, "forbidden");
    })
    .await;
}

#[tokio::test]
async fn a_list_shows_each_schedule_and_each_run_as_it_is_read_alone() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let mut paths = Vec::new();
        for slug in ["ours", "theirs"] {
            app.tenant(&owner, slug).await;
            let own = json!({ "name": slug, "scope": "tenant", "tenant": slug, "cron": "0 3 * * *" });
            paths.push(path(&nightly(app, &owner, own).await));
        }
        paths.extend([path(&nightly(app, &owner, of_all("Platform")).await), paths[1].clone()]);
        nightly(app, &owner, of_all("Idle")).await;
        for (made, schedule) in paths.iter().enumerate() {
            app.after(Duration::from_secs(1));
            let run = app.post(&owner, &format!("{schedule}/run"), json!({})).await.expect(202).json();
            backed_up(app, &run, made).await;
        }
        let all = app.get(&owner, "/schedules?sort=name").await.expect(200).json()["items"].clone();
        let all = all.as_array().unwrap();
        let last: Vec<_> = all.iter().filter_map(|row| row.get("last_run")).map(|run| &run["backups"]).collect();
        assert_eq!(last, [&json!({ "queued": 2 }), &json!({}), &json!({ "queued": 3 })]);
        for row in all {
            assert_eq!(&app.get(&owner, &path(row)).await.expect(200).json(), row);
            let runs = app.get(&owner, &format!("{}/runs", path(row))).await.expect(200).json()["items"].clone();
            assert_eq!(runs.get(0), row.get("last_run"));
            for run in runs.as_array().unwrap() {
                let alone = format!("{}/runs/{}", path(row), run["id"].as_str().unwrap());
                assert_eq!(&app.get(&owner, &alone).await.expect(200).json(), run);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_tenants_own_retention_is_read_set_and_removed() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        app.tenant(&owner, "ours").await;
        let path = "/tenants/ours/retention";
        assert_eq!(app.get(&owner, path).await.expect(200).json(), json!({}));
        let put = |body: Value| app.call(Some(&owner), "PUT", path).json(&body).send();
        let wrong = put(json!({ "max_age_days": 3 })).await.expect_problem(422, "validation_failed");
        assert_eq!(wrong.pointers(), [""]);
        assert_eq!(put(json!({ "daily": 1001 })).await.expect(422).pointers(), ["/daily"]);
        let set = put(json!({ "daily": 3 })).await.expect(200).json();
        assert_eq!((&set["policy"]["daily"], &set["applies_from"]), (&json!(3), &json!("2026-11-19T11:06:40Z")));
        app.delete(&owner, path).await.expect(204);
        assert!(app.get(&owner, path).await.expect(200).json().get("policy").is_none());
    })
    .await;
}
