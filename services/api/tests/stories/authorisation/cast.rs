//! Two tenants, somebody of every kind, and the request that each of them makes.

use std::time::Duration;

use chiliview_store::{
    admins::AdminRole,
    api_keys::{self, ApiKey, KeyRole},
    doctor_runs,
    users::UserRole,
};
use serde_json::{Value, json};

use super::table::Role;
use crate::support::{PASSWORD, Person, TestApp};

/// How the path names the tenant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reference {
    Id,
    Slug,
}

/// What lasts.
pub(super) struct Cast {
    owner: Person,
    ours: String,
    theirs: String,
}

/// Fresh people for one operation: some requests end the session that they are made in.
pub(super) struct Scene {
    reference: String,
    people: Vec<(Role, Person)>,
    /// A user of the tenant whom nobody of the callers is.
    user: Person,
    /// An admin whom nobody of the callers is.
    admin: Person,
    backup: String,
    upload: String,
    schedule: String,
    /// A restore of the tenant that can be undone.
    restore: String,
    channel: String,
    delivery: String,
    /// Of the tenant.
    key: String,
}

impl Cast {
    pub(super) async fn new(app: &TestApp) -> Self {
        let owner = app.admin(AdminRole::Owner).await;
        let (ours, theirs) = (app.tenant(&owner, "ours").await, app.tenant(&owner, "theirs").await);
        Self { owner, ours, theirs }
    }

    pub(super) async fn scene(&self, app: &TestApp, reference: Reference) -> Scene {
        let people = vec![
            (Role::Auditor, app.admin(AdminRole::Auditor).await),
            (Role::Operator, app.admin(AdminRole::Operator).await),
            (Role::Owner, app.admin(AdminRole::Owner).await),
            (Role::Member, app.user(&self.ours, UserRole::Member).await),
            (Role::Manager, app.user(&self.ours, UserRole::Manager).await),
            (Role::Foreign, app.user(&self.theirs, UserRole::Manager).await),
        ];
        // Of a database only so many wait at once.
        for old in app.get(&self.owner, "/backups?status=queued").await.expect(200).column("id") {
            app.post(&self.owner, &format!("/backups/{old}/cancel"), json!({})).await.expect(202);
        }
        let backup = app.post(&self.owner, "/backups", json!({ "scope": "tenant", "tenant": "ours" })).await;
        let upload = app.post(&self.owner, "/uploads", json!({ "tenant": "ours", "bytes": 3 })).await.expect(201);
        // A tenant has only so many.
        for old in app.get(&self.owner, "/schedules?tenant=ours").await.expect(200).column("id") {
            app.delete(&self.owner, &format!("/schedules/{old}")).await.expect(204);
        }
        let name = format!("Nightly of {}", people[0].1.id);
        end_doctor(app).await;
        let schedule = json!({ "name": name, "scope": "tenant", "tenant": "ours", "cron": "0 2 * * *" });
        let schedule = app.post(&self.owner, "/schedules", schedule).await;
        let (channel, delivery) = self.channel(app).await;
        app.end_fleet_migrations().await;
        Scene {
            reference: match reference {
                Reference::Id => self.ours.clone(),
                Reference::Slug => "ours".to_owned(),
            },
            people,
            user: app.user(&self.ours, UserRole::Member).await,
            admin: app.admin(AdminRole::Auditor).await,
            backup: backup.expect(202).field("id"),
            upload: upload.field("id"),
            schedule: schedule.expect(201).field("id"),
            restore: app.done_restore(&self.ours).await,
            channel,
            delivery,
            key: self.key(app).await,
        }
    }

    /// An API key of the tenant, as a log-in would have made it, without the price of a password.
    async fn key(&self, app: &TestApp) -> String {
        let now = app.clock.now();
        let key = ApiKey {
            id: app.app.store().ids().next(),
            hint: "abcd".into(),
            name: "Key".into(),
            role: KeyRole::Manager,
            tenant_id: Some(self.ours.parse().unwrap()),
            admin_id: None,
            user_id: Some(app.app.store().ids().next()),
            made_by: "somebody".into(),
            expires_at: now.plus(Duration::from_secs(3600)),
            last_used_at: None,
            created_at: now,
        };
        let added = app.app.central().write(async |tx| {
            // A tenant has only so many.
            tx.query("DELETE FROM api_keys").execute().await?;
            api_keys::insert(tx, &key, key.id.uuid().as_bytes()).await
        });
        added.await.unwrap();
        key.id.to_string()
    }

    /// A channel, the only one, and what is on its way to it: there may be only so many.
    async fn channel(&self, app: &TestApp) -> (String, String) {
        for old in app.get(&self.owner, "/channels").await.expect(200).column("id") {
            app.delete(&self.owner, &format!("/channels/{old}")).await.expect(204);
        }
        let channel = json!({ "name": "Hook", "kind": "webhook", "target": "https://hooks.example.com/" });
        let channel = app.post(&self.owner, "/channels", channel).await.expect(201).field("id");
        let delivery = app.post(&self.owner, &format!("/channels/{channel}/test"), json!({})).await;
        (channel, delivery.expect(202).field("id"))
    }
}

/// One round at a time: that of the scene before is over.
async fn end_doctor(app: &TestApp) {
    let now = app.clock.now();
    let ended = app.app.central().write(async |tx| match doctor_runs::under_way(tx).await? {
        Some(run) => doctor_runs::failed(tx, run.id, "another scene", now).await,
        None => Ok(false),
    });
    ended.await.unwrap();
}

impl Scene {
    /// There may be only so many uploads of one tenant at once.
    pub(super) async fn clear(&self, app: &TestApp, cast: &Cast) {
        app.delete(&cast.owner, &format!("/uploads/{}", self.upload)).await;
    }

    /// The status that the caller gets.
    pub(super) async fn ask(&self, app: &TestApp, role: Role, method: &str, path: &str, operation: &str) -> u16 {
        let caller = self.people.iter().find(|(played, _)| *played == role).map(|(_, person)| person);
        let path = path
            .replace("{tenant}", &self.reference)
            .replace("{user}", &self.user.id)
            .replace("{admin}", &self.admin.id)
            .replace("{backup}", &self.backup)
            .replace("{token}", "nobody.signed-this")
            .replace("{upload}", &self.upload)
            .replace("{schedule}", &self.schedule)
            .replace("{key}", &self.key)
            .replace("{channel}", &self.channel)
            .replace("{delivery}", &self.delivery)
            .replace("{migration}", "00000000-0000-0000-0000-000000000000")
            .replace("{run}", "00000000-0000-0000-0000-000000000000")
            .replace("{trace}", "0af7651916cd43dd8448eb211c80319c")
            .replace("{restore}", &self.restore)
            .replace("{session}", "00000000-0000-0000-0000-000000000000");
        assert!(!path.contains('{'), "{path} has a parameter that the cast does not know");
        let path = format!("{path}{}", self.query(operation));
        let call = app.call(caller, method, &path).header("If-Match", "\"999\"");
        let call = match (operation, self.body(role, operation)) {
            ("import_users", _) => call.csv("username,email\n"),
            ("import_backup", _) => call.csv("no database"),
            ("append_upload", _) => call.header("Upload-Offset", "99").csv("abc"),
            (_, Some(body)) => call.json(&body),
            (_, None) => call,
        };
        call.status().await
    }

    fn query(&self, operation: &str) -> String {
        match operation {
            "list_backups" | "import_backup" | "list_api_keys" | "list_restores" | "list_schedules"
            | "list_notices" => {
                format!("?tenant={}", self.reference)
            }
            "download_backup_archive" => format!("?backups={}", self.backup),
            _ => String::new(),
        }
    }

    fn body(&self, role: Role, operation: &str) -> Option<Value> {
        let unique = format!("{role:?}-{}", self.backup).to_lowercase();
        let slug = format!("t-{}", &unique.replace(['_'], "-"));
        let username = format!("u{}", &unique[unique.len() - 12..]) + &format!("{role:?}");
        Some(match operation {
            "login" => json!({ "username": self.admin.username, "password": PASSWORD }),
            "change_password" => json!({ "current": "wrong password", "new": "purple elephants dance quietly" }),
            "reauthenticate" => json!({ "password": PASSWORD }),
            "create_admin" => json!({ "username": username, "role": "auditor", "password": PASSWORD }),
            "create_tenant" => json!({ "slug": slug, "name": "New" }),
            "create_user" => json!({ "username": username, "email": format!("{username}@example.org") }),
            "reset_admin_password" | "reset_user_password" => json!({ "password": "purple elephants dance quietly" }),
            "update_admin" => json!({ "display_name": "New" }),
            "update_tenant" => json!({ "contact_name": "New" }),
            "update_user" => json!({ "given_name": "New" }),
            "create_upload" => json!({ "tenant": self.reference, "bytes": 3 }),
            "restore_backup" => json!({ "into": "same", "slug": "ours", "password": PASSWORD }),
            "undo_restore" => json!({ "password": PASSWORD }),
            "create_backup" => json!({ "scope": "tenant", "tenant": self.reference }),
            "create_schedule" => {
                json!({ "name": username, "scope": "tenant", "tenant": self.reference, "cron": "0 2 * * *" })
            }
            "run_doctor" => json!({}),
            "create_archive_link" => json!({ "backups": [self.backup] }),
            "begin_totp" | "reset_admin_totp" => json!({ "password": PASSWORD }),
            "confirm_totp" => json!({ "code": "000000" }),
            "renew_recovery_codes" | "remove_totp" => json!({ "password": PASSWORD, "code": "000000" }),
            "create_api_key" => {
                json!({ "name": username, "role": "manager", "tenant": self.reference, "password": PASSWORD })
            }
            "create_channel" => json!({ "name": username, "kind": "email", "target": "ops@example.com" }),
            "update_channel" => json!({ "name": username }),
            "preview_schedule" => json!({ "cron": "0 2 * * *" }),
            "update_schedule" => json!({ "name": username }),
            "set_tenant_retention" => json!({ "daily": 7 }),
            "set_backup_recipients" => json!({ "recipients": [] }),
            "preview_retention" => json!({ "tenant": self.reference }),
            _ => return None,
        })
    }
}
