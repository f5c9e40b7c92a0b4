//! What must hold for a tenant's users whoever changes them.

use chiliview_store::{
    Database, Tx, sessions,
    tenants::Tenant,
    users::{self as rows, User, UserRole, UserStatus},
};

use crate::{
    app::App,
    caller::{Caller, Identity, refuse_read_only},
    passwords,
    problem::Problem,
    secret::Secret,
};

/// The tenant, for somebody who may read its users.
pub(crate) async fn readable(app: &App, caller: &Caller, tenant: &str) -> Result<(Tenant, Database), Problem> {
    let found = app.living_tenant(caller, tenant).await?;
    caller.require_manager_read()?;
    Ok(found)
}

/// The tenant, for somebody who may change its users now.
pub(super) async fn writable(app: &App, caller: &Caller, tenant: &str) -> Result<(Tenant, Database), Problem> {
    let (tenant, database) = app.living_tenant(caller, tenant).await?;
    caller.require_manager_write()?;
    refuse_read_only(&tenant)?;
    Ok((tenant, database))
}

/// Refuses one user more than the tenant may have.
pub(super) async fn refuse_over_quota(tx: &mut Tx, tenant: &Tenant) -> Result<(), Problem> {
    let Some(quota) = tenant.quota_users else { return Ok(()) };
    if rows::count(tx).await? < quota {
        return Ok(());
    }
    Err(Problem::conflict("quota_exceeded", format!("the tenant may have {quota} users, and has them")))
}

/// Whether this user keeps a tenant from being without a manager.
pub(super) fn manages(user: &User) -> bool {
    user.role == UserRole::Manager && user.status == UserStatus::Active
}

/// A tenant's own people leave it a manager. Call it when the change is made, before the commit; an admin may.
pub(super) async fn refuse_lockout(tx: &mut Tx, caller: &Caller) -> Result<(), Problem> {
    if caller.own_tenant().is_some() && rows::count_managers(tx).await? == 0 {
        return Err(last_manager());
    }
    Ok(())
}

fn last_manager() -> Problem {
    Problem::conflict("last_manager", "nobody would be left to manage the tenant; make another user a manager first")
}

/// One's own password is changed with the old one in hand, not reset.
pub(super) fn refuse_self(caller: &Caller, user: &User) -> Result<(), Problem> {
    match &caller.identity {
        Identity::User { id, .. } if *id == user.id => Err(own_password()),
        _ => Ok(()),
    }
}

pub(crate) fn own_password() -> Problem {
    Problem::conflict("own_password", "change your own password at /api/auth/password, with the current one")
}

/// Refuses a password made of the name that it belongs to.
pub(crate) fn refuse_weak(password: &Secret, about: &[&str]) -> Result<(), Problem> {
    match passwords::weakness(password.expose(), about) {
        None => Ok(()),
        Some((code, detail)) => Err(Problem::field("/password", code, detail)),
    }
}

/// Names the field that another user has already.
pub(super) fn taken(error: chiliview_store::Error) -> Problem {
    if error.is_duplicate_of("users", "username_key") {
        return clash("username");
    }
    if error.is_duplicate_of("users", "email_key") {
        return clash("email");
    }
    error.into()
}

fn clash(field: &str) -> Problem {
    let detail = format!("another user of the tenant has this {field}");
    Problem::taken(&format!("/{field}"), &format!("{field}_taken"), &detail)
}

/// Ends a user's sessions. His new credential version has ended them already; this forgets their rows.
pub(super) async fn forget_sessions(app: &App, tenant: &Tenant, user: &User) -> Result<(), Problem> {
    app.central().write(async |tx| sessions::delete_of_user(tx, tenant.id, user.id, None).await).await?;
    Ok(())
}
