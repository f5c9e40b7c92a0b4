//! Tenants and people to tell stories about. They are put into the store as a log-in would leave them, without the
//! price of hashing a password each; who needs to log in uses [`PASSWORD`].

use std::time::Duration;

use chiliview_api::caller::{new_token, token_hash};
use chiliview_store::{
    Database, SessionId, TenantId,
    admins::{self, Admin, AdminRole},
    restores,
    sessions::{self, Session},
    users::{self, User, UserRole, UserStatus},
};
use secrecy::SecretString;
use serde_json::json;
use tokio::sync::OnceCell;

use super::{Answer, TestApp};

/// Everybody's.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) token: String,
}

impl TestApp {
    /// A new admin.
    pub(crate) async fn admin(&self, role: AdminRole) -> Person {
        let now = self.clock.now();
        let id = self.app.store().ids().next();
        let admin = Admin {
            id,
            username: format!("{role}-{id}"),
            email: None,
            display_name: role.to_string(),
            role,
            password_hash: self.hash().await,
            credential_version: 1,
            disabled_at: None,
            last_login_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let (token, session) = (new_token(), self.session());
        let session = Session { admin_id: Some(id), ..session };
        let central = self.app.central();
        central.write(async |tx| admins::insert(tx, &admin).await).await.unwrap();
        central.write(async |tx| sessions::insert(tx, &session, &token_hash(&token)).await).await.unwrap();
        Person { id: id.to_string(), username: admin.username, token }
    }

    /// A new user of a tenant.
    pub(crate) async fn user(&self, tenant: &str, role: UserRole) -> Person {
        let now = self.clock.now();
        let id = self.app.store().ids().next();
        let tenant: TenantId = tenant.parse().unwrap();
        let user = User {
            id,
            username: format!("{role}-{id}"),
            email: format!("{id}@example.org"),
            given_name: None,
            family_name: None,
            display_name: role.to_string(),
            role,
            status: UserStatus::Active,
            password_hash: Some(self.hash().await),
            credential_version: 1,
            last_login_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let (token, session) = (new_token(), self.session());
        let session = Session { tenant_id: Some(tenant), user_id: Some(id), ..session };
        self.tenant_database(tenant).await.write(async |tx| users::insert(tx, &user).await).await.unwrap();
        let central = self.app.central();
        central.write(async |tx| sessions::insert(tx, &session, &token_hash(&token)).await).await.unwrap();
        Person { id: id.to_string(), username: user.username, token }
    }

    /// As if a worker had done them.
    pub(crate) async fn end_fleet_migrations(&self) {
        let sql = "UPDATE fleet_migrations SET status = 'done', finished_at = updated_at WHERE finished_at IS NULL";
        self.app.central().write(async |tx| tx.query(sql).execute().await).await.unwrap();
    }

    /// A new tenant; its id.
    pub(crate) async fn tenant(&self, owner: &Person, slug: &str) -> String {
        let body = json!({ "slug": slug, "name": slug });
        self.post(owner, "/tenants", body).await.expect(201).field("id")
    }

    /// A restore into a tenant that is done and can be undone; its id.
    pub(crate) async fn done_restore(&self, tenant: &str) -> String {
        let now = self.clock.now();
        let new = restores::New {
            id: self.app.store().ids().next(),
            backup: self.app.store().ids().next(),
            target: restores::Target::Same,
            tenant: tenant.parse().unwrap(),
            slug: "ours".into(),
            name: None,
            plan: "{}".into(),
            without_safety: false,
            requested_by: "somebody".into(),
            trace_id: None,
            at: now,
        };
        let done = self.app.central().write(async |tx| {
            if let Some(other) = restores::under_way(tx, new.tenant).await? {
                restores::undo_failed(tx, other.id, &"for a test".into(), now).await?;
            }
            restores::insert(tx, &new).await?;
            let number = restores::start(tx, new.id, now).await?.unwrap();
            restores::done(tx, new.id, number, Some(now.plus(Duration::from_secs(60))), now).await
        });
        assert!(done.await.unwrap());
        new.id.to_string()
    }

    pub(crate) async fn tenant_database(&self, tenant: TenantId) -> Database {
        self.app.store().tenant(tenant).await.unwrap()
    }

    /// As the log-in page does it.
    pub(crate) async fn log_in(&self, username: &str, password: &str, tenant: Option<&str>) -> Answer {
        let mut body = json!({ "username": username, "password": password });
        if let Some(tenant) = tenant {
            body["tenant"] = json!(tenant);
        }
        self.call(None, "POST", "/auth/login").json(&body).send().await
    }

    /// As [`TestApp::log_in`], from somewhere.
    pub(crate) async fn log_in_from(&self, address: &str, body: &serde_json::Value) -> Answer {
        self.call(None, "POST", "/auth/login").header("X-Forwarded-For", address).json(body).send().await
    }

    /// Another session of the same person.
    pub(crate) async fn log_in_again(&self, person: &Person, tenant: Option<&str>) -> Person {
        let token = self.log_in(&person.username, PASSWORD, tenant).await.expect(200).field("token");
        Person { token, ..person.clone() }
    }

    fn session(&self) -> Session {
        let now = self.clock.now();
        Session {
            id: self.app.store().ids().next::<SessionId>(),
            admin_id: None,
            tenant_id: None,
            user_id: None,
            credential_version: 1,
            address: "127.0.0.1".into(),
            user_agent: String::new(),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(self.app.policy().session_absolute),
        }
    }

    async fn hash(&self) -> String {
        static HASH: OnceCell<String> = OnceCell::const_new();
        let hashed = HASH.get_or_init(async || self.app.passwords().hash(&SecretString::from(PASSWORD)).await.unwrap());
        hashed.await.clone()
    }
}
