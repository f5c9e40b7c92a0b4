//! A tenant's users over HTTP: create, read, change, delete, reset a password; whole lists in and out as CSV.

mod export;
pub(crate) mod guards;
mod import;
mod shapes;

use chiliview_store::{
    UserId,
    audit::{self, Event},
    tenants::Tenant,
    users::{self as rows, Filter, User},
};
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};
use uuid::Uuid;

use self::{
    guards::{forget_sessions, readable, taken, writable},
    shapes::{new_user, patched, show},
};
pub use self::{
    import::{ImportReport, OnExisting},
    shapes::{NewUser, PasswordReset, UserInfo, UserPatch},
};
use crate::{
    app::App,
    caller::{Caller, Identity},
    csv::{CsvFile, CsvUpload},
    etag::{Tagged, check_if_match, etag},
    json::{Created, Json, NoContent},
    once::{First, Once},
    paging::{self, List},
    problem::Problem,
    words::{Order, UserRole, UserSort, UserStatus},
};

/// The resource.
pub struct Users {
    app: App,
}

#[OpenApi]
impl Users {
    /// Create a user
    #[oai(path = "/tenants/:tenant/users", method = "post", operation_id = "create_user")]
    async fn create(
        &self,
        caller: Caller,
        tenant: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        input: Json<NewUser>,
    ) -> Result<Created<UserInfo>, Problem> {
        let app = &self.app;
        let Json(input) = input;
        let (tenant, database) = writable(app, &caller, &tenant.0).await?;
        let once = Once::new(&caller, key.0, "create_user", &input)?;
        if let Some(first) = database.read(async |tx| once.before(tx).await).await? {
            return Ok(created(first));
        }
        let hash = match &input.password {
            None => None,
            Some(password) => {
                guards::refuse_weak(password, &[&input.username, &input.email])?;
                Some(app.passwords().hash(password.inner()).await?)
            }
        };
        let now = app.now();
        let user = new_user(input, hash, app.store().ids().next(), now);
        let first = database
            .write(async |tx| {
                if let Some(first) = once.before(tx).await? {
                    return Ok(first);
                }
                guards::refuse_over_quota(tx, &tenant).await?;
                rows::insert(tx, &user).await.map_err(taken)?;
                let event = Event::done("user.create", "user", user.id).changing(audit::creation(&user));
                app.audit(tx, &caller, event).await?;
                let first = First { location: location(&tenant, user.id), body: show(user) };
                once.remember(tx, &first, now).await?;
                Ok::<_, Problem>(first)
            })
            .await?;
        Ok(created(first))
    }

    /// List a tenant's users
    #[oai(path = "/tenants/:tenant/users", method = "get", operation_id = "list_users")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn list(
        &self,
        caller: Caller,
        tenant: Path<String>,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        /// Words in username, e-mail or names.
        q: Query<Option<String>>,
        role: Query<Option<UserRole>>,
        status: Query<Option<UserStatus>>,
        sort: Query<Option<UserSort>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<UserInfo>>, Problem> {
        let (_, database) = readable(&self.app, &caller, &tenant.0).await?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or_default())?;
        let filter = Filter { q: paging::search(q.0)?, role: role.0.map(Into::into), status: status.0.map(Into::into) };
        let sort = sort.0.unwrap_or(UserSort::Username);
        let rows = database.read(async |tx| rows::list(tx, &filter, sort.into(), &page).await).await?;
        Ok(Json(paging::list(rows, &page, |row| (sort_key(row, sort), row.id.to_string()), show)))
    }

    /// A tenant's users as CSV
    ///
    /// What `import` takes, and beside it `id`, `last_login_at` and `created_at`, which `import` passes over.
    #[oai(path = "/tenants/:tenant/users/export", method = "get", operation_id = "export_users")]
    async fn export(
        &self,
        caller: Caller,
        tenant: Path<String>,
        /// Words in username, e-mail or names.
        q: Query<Option<String>>,
        role: Query<Option<UserRole>>,
        status: Query<Option<UserStatus>>,
    ) -> Result<CsvFile, Problem> {
        let (tenant, database) = readable(&self.app, &caller, &tenant.0).await?;
        let filter = Filter { q: paging::search(q.0)?, role: role.0.map(Into::into), status: status.0.map(Into::into) };
        export::run(&self.app, &caller, &tenant, database, filter).await
    }

    /// Create many users from CSV, all or none
    ///
    /// Columns, in any order: `username`, `email`, `given_name`, `family_name`, `display_name`, `role`, `status`,
    /// `password`; the first two are needed. Up to 100000 lines and 16 MiB, passwords on 200 lines at the most. A `'`
    /// before a cell that a spreadsheet would run as a formula is taken off, as `export` puts it on. If anything is
    /// wrong with any line, nothing is written: 422, and `errors` points to `/lines/17/email`.
    #[oai(path = "/tenants/:tenant/users/import", method = "post", operation_id = "import_users")]
    async fn import(
        &self,
        caller: Caller,
        tenant: Path<String>,
        /// Only report what would happen, errors too.
        dry_run: Query<Option<bool>>,
        /// What to do about a username that exists; `error` when absent.
        on_existing: Query<Option<OnExisting>>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        file: CsvUpload,
    ) -> Result<Json<ImportReport>, Problem> {
        let (tenant, database) = writable(&self.app, &caller, &tenant.0).await?;
        let file = file.read().await?;
        let import = import::Import { app: &self.app, caller: &caller, tenant: &tenant, database: &database };
        let on_existing = on_existing.0.unwrap_or(OnExisting::Error);
        if dry_run.0 == Some(true) {
            return Ok(Json(import.rehearse(file, on_existing).await?));
        }
        Ok(Json(import.run(file, on_existing, key.0).await?))
    }

    /// Read a user
    #[oai(path = "/tenants/:tenant/users/:user", method = "get", operation_id = "get_user")]
    async fn get(&self, caller: Caller, tenant: Path<String>, user: Path<Uuid>) -> Result<Tagged<UserInfo>, Problem> {
        let (_, database) = self.app.living_tenant(&caller, &tenant.0).await?;
        let id = UserId::from(user.0);
        if !is_himself(&caller, id) && caller.require_manager_read().is_err() {
            return Err(Problem::not_found("user"));
        }
        let user = database.read(async |tx| rows::find(tx, id).await).await?;
        Ok(tagged(user.ok_or_else(|| Problem::not_found("user"))?))
    }

    /// Change a user
    #[oai(path = "/tenants/:tenant/users/:user", method = "patch", operation_id = "update_user")]
    async fn update(
        &self,
        caller: Caller,
        tenant: Path<String>,
        user: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        input: Json<UserPatch>,
    ) -> Result<Tagged<UserInfo>, Problem> {
        let app = &self.app;
        let (tenant, database) = writable(app, &caller, &tenant.0).await?;
        let now = app.now();
        let (before, after) = database
            .write(async |tx| {
                let before = found(tx, user.0).await?;
                check_if_match(if_match.0.as_deref(), before.version)?;
                let after = patched(&before, input.0, now)?;
                rows::update(tx, &after).await.map_err(taken)?;
                if guards::manages(&before) && !guards::manages(&after) {
                    guards::refuse_lockout(tx, &caller).await?;
                }
                let changes = audit::difference(&before, &after);
                app.audit(tx, &caller, Event::done("user.update", "user", after.id).changing(changes)).await?;
                let after = User { version: before.version + 1, ..after };
                Ok::<_, Problem>((before, after))
            })
            .await?;
        if after.credential_version != before.credential_version {
            forget_sessions(app, &tenant, &after).await?;
        }
        Ok(tagged(after))
    }

    /// Delete a user, for good
    #[oai(path = "/tenants/:tenant/users/:user", method = "delete", operation_id = "delete_user")]
    async fn delete(
        &self,
        caller: Caller,
        tenant: Path<String>,
        user: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<NoContent, Problem> {
        let app = &self.app;
        let (tenant, database) = writable(app, &caller, &tenant.0).await?;
        let gone = database
            .write(async |tx| {
                let before = found(tx, user.0).await?;
                check_if_match(if_match.0.as_deref(), before.version)?;
                rows::delete(tx, before.id).await?;
                if guards::manages(&before) {
                    guards::refuse_lockout(tx, &caller).await?;
                }
                let changes = serde_json::json!({ "username": [before.username, null], "email": [before.email, null] });
                app.audit(tx, &caller, Event::done("user.delete", "user", before.id).changing(changes)).await?;
                Ok::<_, Problem>(before)
            })
            .await?;
        forget_sessions(app, &tenant, &gone).await?;
        Ok(NoContent)
    }

    /// Give a user a new password
    ///
    /// All his sessions end. One's own password is changed at `/auth/password`.
    #[oai(path = "/tenants/:tenant/users/:user/password", method = "post", operation_id = "reset_user_password")]
    async fn reset_password(
        &self,
        caller: Caller,
        tenant: Path<String>,
        user: Path<Uuid>,
        input: Json<PasswordReset>,
    ) -> Result<NoContent, Problem> {
        let app = &self.app;
        let (tenant, database) = writable(app, &caller, &tenant.0).await?;
        let seen = database.read(async |tx| found(tx, user.0).await).await?;
        guards::refuse_self(&caller, &seen)?;
        guards::refuse_weak(&input.password, &[&seen.username, &seen.email])?;
        let hash = app.passwords().hash(input.password.inner()).await?;
        let now = app.now();
        database
            .write(async |tx| {
                let before = found(tx, user.0).await?;
                let credential_version = before.credential_version + 1;
                let after = User { password_hash: Some(hash), credential_version, updated_at: now, ..before };
                rows::update(tx, &after).await?;
                app.audit(tx, &caller, Event::done("user.reset_password", "user", after.id)).await
            })
            .await?;
        forget_sessions(app, &tenant, &seen).await?;
        Ok(NoContent)
    }
}

impl Users {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

async fn found(tx: &mut chiliview_store::Tx, id: Uuid) -> Result<User, Problem> {
    rows::find(tx, UserId::from(id)).await?.ok_or_else(|| Problem::not_found("user"))
}

fn is_himself(caller: &Caller, user: UserId) -> bool {
    matches!(&caller.identity, Identity::User { id, .. } if *id == user)
}

fn location(tenant: &Tenant, user: UserId) -> String {
    format!("/api/tenants/{}/users/{user}", tenant.id)
}

fn created(first: First<UserInfo>) -> Created<UserInfo> {
    Created { etag: Some(etag(first.body.version)), location: first.location, body: first.body }
}

fn tagged(user: User) -> Tagged<UserInfo> {
    Tagged { version: user.version, body: show(user) }
}

fn sort_key(row: &User, sort: UserSort) -> String {
    match sort {
        UserSort::Username => row.username.to_lowercase(),
        UserSort::Email => row.email.to_lowercase(),
        UserSort::Created => row.id.to_string(),
    }
}
