//! Admins over HTTP: who manages the platform. Owners change them, all admins see them, and one owner always stays.

mod shapes;

use chiliview_store::{
    AdminId, Tx,
    admins::{self as rows, Admin, AdminRole as StoredRole, Filter},
    audit::{self, Event},
    second_factors, sessions,
};
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};
use uuid::Uuid;

pub use self::shapes::{AdminInfo, AdminPatch, NewAdmin};
use self::shapes::{new_admin, patched, show};
use crate::{
    app::App,
    caller::{Caller, Identity},
    etag::{Tagged, check_if_match, etag},
    json::{Created, Json, NoContent},
    once::{First, Once},
    paging::{self, List},
    problem::Problem,
    users::{PasswordReset, guards},
    words::{AdminRole, Order},
};

/// The resource.
pub struct Admins {
    app: App,
}

#[OpenApi]
impl Admins {
    /// Create an admin
    #[oai(path = "/admins", method = "post", operation_id = "create_admin")]
    async fn create(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        input: Json<NewAdmin>,
    ) -> Result<Created<AdminInfo>, Problem> {
        caller.require_owner()?;
        let app = &self.app;
        let Json(input) = input;
        let once = Once::new(&caller, key.0, "create_admin", &input)?;
        if let Some(first) = app.central().read(async |tx| once.before(tx).await).await? {
            return Ok(created(first));
        }
        guards::refuse_weak(&input.password, &[&input.username])?;
        let hash = app.passwords().hash(input.password.inner()).await?;
        let now = app.now();
        let admin = new_admin(input, hash, app.store().ids().next(), now);
        let first = app
            .central()
            .write(async |tx| {
                if let Some(first) = once.before(tx).await? {
                    return Ok(first);
                }
                rows::insert(tx, &admin).await.map_err(taken)?;
                let event = Event::done("admin.create", "admin", admin.id).changing(audit::creation(&admin));
                app.audit(tx, &caller, event).await?;
                let first = First { location: format!("/api/admins/{}", admin.id), body: show(admin, false) };
                once.remember(tx, &first, now).await?;
                Ok::<_, Problem>(first)
            })
            .await?;
        Ok(created(first))
    }

    /// List admins, by username
    #[oai(path = "/admins", method = "get", operation_id = "list_admins")]
    async fn list(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        /// Words in username, display name or e-mail.
        q: Query<Option<String>>,
        role: Query<Option<AdminRole>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<AdminInfo>>, Problem> {
        caller.require_admin()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or_default())?;
        let filter = Filter { q: paging::search(q.0)?, role: role.0.map(Into::into) };
        let (rows, two_factor) = self
            .app
            .central()
            .read(async |tx| {
                Ok::<_, Problem>((rows::list(tx, &filter, &page).await?, second_factors::confirmed(tx).await?))
            })
            .await?;
        let key = |row: &Admin| (row.username.to_lowercase(), row.id.to_string());
        let shown = |row: Admin| {
            let has = two_factor.contains(&(row.id,));
            show(row, has)
        };
        Ok(Json(paging::list(rows, &page, key, shown)))
    }

    /// Read an admin
    #[oai(path = "/admins/:admin", method = "get", operation_id = "get_admin")]
    async fn get(&self, caller: Caller, admin: Path<Uuid>) -> Result<Tagged<AdminInfo>, Problem> {
        caller.require_admin()?;
        let read = self.app.central().read(async |tx| {
            let admin = found(tx, admin.0).await?;
            let two_factor = has_second_factor(tx, admin.id).await?;
            Ok::<_, Problem>((admin, two_factor))
        });
        let (admin, two_factor) = read.await?;
        Ok(tagged(admin, two_factor))
    }

    /// Change an admin
    #[oai(path = "/admins/:admin", method = "patch", operation_id = "update_admin")]
    async fn update(
        &self,
        caller: Caller,
        admin: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        input: Json<AdminPatch>,
    ) -> Result<Tagged<AdminInfo>, Problem> {
        caller.require_owner()?;
        let app = &self.app;
        let now = app.now();
        let (admin, two_factor) = app
            .central()
            .write(async |tx| {
                let before = found(tx, admin.0).await?;
                check_if_match(if_match.0.as_deref(), before.version)?;
                let after = patched(&before, input.0, now)?;
                rows::update(tx, &after).await?;
                if is_active_owner(&before) && !is_active_owner(&after) {
                    refuse_without_owner(tx).await?;
                }
                if after.credential_version != before.credential_version {
                    sessions::delete_of_admin(tx, after.id, None).await?;
                }
                let changes = audit::difference(&before, &after);
                app.audit(tx, &caller, Event::done("admin.update", "admin", after.id).changing(changes)).await?;
                let two_factor = has_second_factor(tx, after.id).await?;
                Ok::<_, Problem>((Admin { version: before.version + 1, ..after }, two_factor))
            })
            .await?;
        Ok(tagged(admin, two_factor))
    }

    /// Delete an admin, for good
    #[oai(path = "/admins/:admin", method = "delete", operation_id = "delete_admin")]
    async fn delete(
        &self,
        caller: Caller,
        admin: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<NoContent, Problem> {
        caller.require_owner()?;
        let app = &self.app;
        app.central()
            .write(async |tx| {
                let before = found(tx, admin.0).await?;
                check_if_match(if_match.0.as_deref(), before.version)?;
                rows::delete(tx, before.id).await?;
                if is_active_owner(&before) {
                    refuse_without_owner(tx).await?;
                }
                let changes = serde_json::json!({ "username": [before.username, null], "role": [before.role, null] });
                app.audit(tx, &caller, Event::done("admin.delete", "admin", before.id).changing(changes)).await
            })
            .await?;
        Ok(NoContent)
    }

    /// Give an admin a new password
    ///
    /// All his sessions end. One's own password is changed at `/auth/password`.
    #[oai(path = "/admins/:admin/password", method = "post", operation_id = "reset_admin_password")]
    async fn reset_password(
        &self,
        caller: Caller,
        admin: Path<Uuid>,
        input: Json<PasswordReset>,
    ) -> Result<NoContent, Problem> {
        caller.require_owner()?;
        let app = &self.app;
        let seen = app.central().read(async |tx| found(tx, admin.0).await).await?;
        if matches!(&caller.identity, Identity::Admin { id, .. } if *id == seen.id) {
            return Err(guards::own_password());
        }
        guards::refuse_weak(&input.password, &[&seen.username])?;
        let hash = app.passwords().hash(input.password.inner()).await?;
        let now = app.now();
        app.central()
            .write(async |tx| {
                let before = found(tx, admin.0).await?;
                let credential_version = before.credential_version + 1;
                let after = Admin { password_hash: hash, credential_version, updated_at: now, ..before };
                rows::update(tx, &after).await?;
                sessions::delete_of_admin(tx, after.id, None).await?;
                app.audit(tx, &caller, Event::done("admin.reset_password", "admin", after.id)).await
            })
            .await?;
        Ok(NoContent)
    }
}

impl Admins {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

async fn found(tx: &mut Tx, id: Uuid) -> Result<Admin, Problem> {
    rows::find(tx, AdminId::from(id)).await?.ok_or_else(|| Problem::not_found("admin"))
}

async fn has_second_factor(tx: &mut Tx, id: AdminId) -> Result<bool, Problem> {
    let factor = second_factors::find(tx, id).await?;
    Ok(factor.is_some_and(|factor| factor.confirmed_at.is_some()))
}

fn is_active_owner(admin: &Admin) -> bool {
    admin.role == StoredRole::Owner && admin.disabled_at.is_none()
}

/// Call it when the change is made, before the commit.
async fn refuse_without_owner(tx: &mut Tx) -> Result<(), Problem> {
    if rows::count_active_owners(tx).await? > 0 {
        return Ok(());
    }
    Err(Problem::conflict("last_owner", "nobody would be left to own the platform; make another admin an owner first"))
}

fn taken(error: chiliview_store::Error) -> Problem {
    if error.is_duplicate_of("admins", "username_key") {
        return Problem::taken("/username", "username_taken", "another admin has this username");
    }
    error.into()
}

fn created(first: First<AdminInfo>) -> Created<AdminInfo> {
    Created { etag: Some(etag(first.body.version)), location: first.location, body: first.body }
}

fn tagged(admin: Admin, two_factor: bool) -> Tagged<AdminInfo> {
    Tagged { version: admin.version, body: show(admin, two_factor) }
}
