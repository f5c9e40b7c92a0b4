//! Live changes: what one browser does another one sees, and who may see it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use chiliview_store::{
    admins::AdminRole,
    fleet_migrations::{self, FleetMigrationStatus},
    users::UserRole,
};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, TestApp, on_every_engine};

const PATIENCE: Duration = Duration::from_secs(30);
/// Of the clock, between what a worker does.
const STEP: Duration = Duration::from_secs(1);

/// A stream that is being read.
struct Stream {
    response: reqwest::Response,
    text: String,
    connected: bool,
    events: VecDeque<Event>,
}

#[derive(Debug)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

impl Stream {
    /// Once it is connected, the stream hears of everything.
    async fn open(app: &TestApp, who: &Person, query: &str, last: Option<&str>) -> Self {
        let call = app.call(Some(who), "GET", &format!("/events{query}"));
        let call = last.into_iter().fold(call, |call, last| call.header("last-event-id", last));
        let response = call.open().await;
        let mut stream = Self { response, text: String::new(), connected: false, events: VecDeque::new() };
        while !stream.connected {
            stream.read().await;
        }
        stream
    }

    async fn read(&mut self) {
        let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("nothing came");
        self.text.push_str(std::str::from_utf8(&chunk.unwrap().expect("the stream ended")).unwrap());
        while let Some((block, rest)) = self.text.split_once("\n\n") {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let (Some(name), Some(id), Some(data)) = (field("event: "), field("id: "), field("data: ")) {
                self.events.push_back(Event { name, id, data: serde_json::from_str(&data).unwrap() });
            }
            self.connected |= block.starts_with(": connected");
            self.text = rest.to_owned();
        }
    }

    /// The next event that is wanted; what comes before is passed over.
    async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            while let Some(event) = self.events.pop_front() {
                if wanted(&event) {
                    return event;
                }
            }
            self.read().await;
        }
    }

    /// Until the service ends it.
    async fn hear_to_the_end(mut self) {
        while tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("nothing came").unwrap().is_some() {}
    }

    async fn action(&mut self, action: &str) -> Event {
        self.until(|event| event.name == "changed" && event.data["action"] == action).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_browser_changes_another_one_sees() {
    on_every_engine(async |app| {
        let (owner, auditor) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Auditor).await);
        let mut stream = Stream::open(app, &auditor, "", None).await;
        let ours = app.tenant(&owner, "ours").await;
        let seen = stream.action("tenant.create").await.data;
        assert_eq!((&seen["object_id"], &seen["object_kind"]), (&json!(ours), &json!("tenant")));
        assert_eq!((&seen["actor_name"], &seen["tenant"]), (&json!(owner.username), &json!("ours")));
        assert!(seen.get("address").is_none() && seen.get("changes").is_none(), "{seen}");

        let backup = app.post(&owner, "/backups", json!({ "scope": "tenant", "tenant": "ours" })).await.expect(202);
        let row = stream.until(|event| event.name == "backup").await.data;
        assert_eq!((&row["id"], &row["status"]), (&json!(backup.field("id")), &json!("queued")));
        let run = app.post(&owner, "/doctor", json!({})).await.expect(202).field("id");
        let row = stream.until(|event| event.name == "doctor").await.data;
        assert_eq!((&row["id"], &row["status"]), (&json!(run), &json!("queued")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_hears_of_his_own_tenant_and_of_its_users_and_of_nobody_else() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let (ours, theirs) = (app.tenant(&owner, "ours").await, app.tenant(&owner, "theirs").await);
        let (one, two) = (app.user(&ours, UserRole::Manager).await, app.user(&ours, UserRole::Manager).await);
        let foreign = app.user(&theirs, UserRole::Manager).await;
        let mut stream = Stream::open(app, &two, "", None).await;
        let mut admin = Stream::open(app, &owner, "?tenant=ours", None).await;
        app.get(&two, "/events?tenant=theirs").await.expect_problem(404, "not_found");

        let user = |name: &str| json!({ "username": name, "email": format!("{name}@example.org") });
        app.post(&foreign, "/tenants/theirs/users", user("berta")).await.expect(201);
        app.patch(&owner, "/tenants/theirs", json!({ "contact_name": "Berta" })).await.expect(200);
        let anna = app.post(&one, "/tenants/ours/users", user("anna")).await.expect(201).field("id");
        for stream in [&mut stream, &mut admin] {
            let event = stream.until(|event| event.data["object_kind"] == "user").await;
            assert_eq!((&event.data["object_id"], &event.data["tenant"]), (&json!(anna), &json!("ours")));
            assert_eq!(event.data["actor_name"], json!(one.username));
        }
        app.patch(&owner, "/tenants/ours", json!({ "contact_name": "Anna" })).await.expect(200);
        let event = stream.until(|event| event.data["object_kind"] == "tenant").await;
        assert_eq!((&event.data["object_id"], &event.data["action"]), (&json!(ours), &json!("tenant.update")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_misses_nothing_of_any_kind() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        let ours = app.tenant(&owner, "ours").await;
        let manager = app.user(&ours, UserRole::Manager).await;
        let mut stream = Stream::open(app, &manager, "", None).await;
        app.patch(&owner, "/tenants/ours", json!({ "contact_name": "One" })).await.expect(200);
        let last = stream.action("tenant.update").await.id;
        drop(stream);

        app.after(Duration::from_secs(60));
        app.patch(&owner, "/tenants/ours", json!({ "contact_name": "Two" })).await.expect(200);
        let user = json!({ "username": "anna", "email": "anna@example.org" });
        let anna = app.post(&manager, "/tenants/ours/users", user).await.expect(201).field("id");
        let backup = app.post(&manager, "/backups", json!({ "scope": "tenant" })).await.expect(202).field("id");
        let mut wanted: Vec<(&str, Value)> =
            vec![("tenant.update", json!(ours)), ("user.create", json!(anna)), ("backup", json!(backup))];
        let mut again = Stream::open(app, &manager, "", Some(&last)).await;
        while !wanted.is_empty() {
            let event = again.until(|_| true).await;
            let what = event.data["action"].as_str().unwrap_or(&event.name);
            let id = event.data.get("object_id").unwrap_or(&event.data["id"]);
            wanted.retain(|(name, object)| (*name, object) != (what, id));
        }
        // What was heard of before the break is not told twice.
        let mut later = Stream::open(app, &manager, "", Some(&last)).await;
        let first = later.action("tenant.update").await;
        assert!(later.events.iter().all(|event| event.data["action"] != "tenant.update"), "{first:?}");
        let nonsense = Stream::open(app, &manager, "", Some("nonsense")).await;
        assert!(nonsense.events.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_see_how_far_the_fleets_migration_has_come_and_nobody_else_does() {
    on_every_engine(async |app| {
        let (owner, auditor) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Auditor).await);
        let ours = app.tenant(&owner, "ours").await;
        let manager = app.user(&ours, UserRole::Manager).await;
        let mut stream = Stream::open(app, &auditor, "", None).await;
        let mut confined = Stream::open(app, &manager, "", None).await;
        let id = app.post(&owner, "/fleet-migrations", json!({})).await.expect(202).field("id");
        let row = stream.until(|event| event.name == "fleet_migration").await.data;
        assert_eq!((&row["id"], &row["status"]), (&json!(id), &json!("queued")));

        // As a worker does: a page is behind it, then all are.
        let (migration, central) = (id.parse().unwrap(), app.app.central());
        app.after(STEP);
        let page = app.clock.now();
        central.write(async |tx| fleet_migrations::reach(tx, migration, None, page).await).await.unwrap();
        let row = stream.until(|event| event.name == "fleet_migration").await.data;
        let shown = app.get(&owner, &format!("/fleet-migrations/{id}")).await.expect(200).json();
        assert_eq!((&row, &row["status"], &row["total"]), (&shown, &json!("running"), &json!(1)));
        app.after(STEP);
        let (done, end) = (FleetMigrationStatus::Done, app.clock.now());
        central.write(async |tx| fleet_migrations::end(tx, migration, done, None, end).await).await.unwrap();
        let row = stream.until(|event| event.name == "fleet_migration").await.data;
        assert_eq!((&row["status"], row["finished_at"].is_string()), (&json!("done"), true));

        app.patch(&owner, "/tenants/ours", json!({ "contact_name": "Anna" })).await.expect(200);
        let heard =
            confined.until(|event| event.name == "fleet_migration" || event.data["object_kind"] == "tenant").await;
        assert_eq!(heard.name, "changed", "{heard:?}");
    })
    .await;
}

/// Changes one thing after the other, each as soon as `witness` has heard of the one before, until all `streams` have ended.
async fn end_amid_changes(app: &TestApp, writer: &Person, witness: &mut Stream, streams: Vec<Stream>) {
    let ends = tokio::spawn(futures::future::join_all(streams.into_iter().map(Stream::hear_to_the_end)));
    let patience = Instant::now() + PATIENCE;
    for number in 0.. {
        app.patch(writer, "/tenants/busy", json!({ "contact_name": format!("{number}") })).await.expect(200);
        witness.action("tenant.update").await;
        if ends.is_finished() {
            ends.await.unwrap();
            return;
        }
        assert!(Instant::now() < patience, "after {number} changes a stream goes on");
    }
}

/// A program with a key of the owner's.
async fn program(app: &TestApp, owner: &Person) -> Person {
    let new = json!({ "name": "watch", "role": "operator", "password": PASSWORD });
    let made = app.post(owner, "/api-keys", new).await.expect(201);
    Person { id: made.field("id"), username: String::new(), token: made.field("token") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_right_to_it_and_others_go_on() {
    on_every_engine(async |app| {
        let (owner, auditor) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Auditor).await);
        let (ours, theirs) = (app.tenant(&owner, "ours").await, app.tenant(&owner, "theirs").await);
        app.tenant(&owner, "busy").await;
        let mut witness = Stream::open(app, &auditor, "", None).await;

        let leaver = app.admin(AdminRole::Operator).await;
        let ended = app.admin(AdminRole::Operator).await;
        let disabled = app.admin(AdminRole::Auditor).await;
        let demoted = app.admin(AdminRole::Owner).await;
        let key = program(app, &owner).await;
        let member = app.user(&ours, UserRole::Manager).await;
        let suspended = app.user(&theirs, UserRole::Manager).await;
        let mut streams = Vec::new();
        for who in [&leaver, &ended, &disabled, &demoted, &key, &member, &suspended] {
            streams.push(Stream::open(app, who, "", None).await);
        }
        app.post(&leaver, "/auth/logout", json!({})).await.expect(204);
        let sessions = app.get(&owner, &format!("/sessions?admin={}", ended.id)).await.expect(200).column("id");
        app.delete(&owner, &format!("/sessions/{}", sessions[0])).await.expect(204);
        app.patch(&owner, &format!("/admins/{}", disabled.id), json!({ "disabled": true })).await.expect(200);
        app.patch(&owner, &format!("/admins/{}", demoted.id), json!({ "role": "auditor" })).await.expect(200);
        app.delete(&owner, &format!("/api-keys/{}", key.id)).await.expect(204);
        let user = format!("/tenants/ours/users/{}", member.id);
        app.patch(&owner, &user, json!({ "role": "member" })).await.expect(200);
        app.patch(&owner, "/tenants/theirs", json!({ "status": "suspended" })).await.expect(200);
        end_amid_changes(app, &owner, &mut witness, streams).await;

        for who in [&leaver, &ended, &disabled, &key, &suspended] {
            app.get(who, "/events").await.expect_problem(401, "unauthenticated");
        }
        app.get(&member, "/events").await.expect_problem(403, "forbidden");
        Stream::open(app, &demoted, "", None).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tells_of_nobody_ends_a_stream_as_well() {
    on_every_engine(async |app| {
        let (owner, maker) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Owner).await);
        let (idle, ours) = (app.admin(AdminRole::Operator).await, app.tenant(&owner, "ours").await);
        app.tenant(&owner, "busy").await;
        let (writer, of_maker) = (program(app, &owner).await, program(app, &maker).await);
        let confined = json!({ "name": "x", "role": "manager", "tenant": ours, "password": PASSWORD });
        let confined = app.post(&maker, "/api-keys", confined).await.expect(201);
        let confined = Person { token: confined.field("token"), ..of_maker.clone() };
        let mut witness = Stream::open(app, &writer, "", None).await;

        let mut streams = Vec::new();
        for who in [&idle, &confined] {
            streams.push(Stream::open(app, who, "", None).await);
        }
        // The maker of a key is not who the stream is for.
        app.patch(&owner, &format!("/admins/{}", maker.id), json!({ "disabled": true })).await.expect(200);
        app.after(app.app.policy().session_idle);
        end_amid_changes(app, &writer, &mut witness, streams).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_with_nobody_at_it_keeps_no_session_from_idling_out() {
    on_every_engine(async |app| {
        let (auditor, idle) = (app.admin(AdminRole::Auditor).await, app.app.policy().session_idle);
        app.after(idle - STEP);
        Stream::open(app, &auditor, "", None).await;
        app.call(Some(&auditor), "GET", "/tenants").header("x-unattended", "1").send().await.expect(200);
        app.after(STEP);
        app.get(&auditor, "/auth/session").await.expect_problem(401, "unauthenticated");
    })
    .await;
}
