//! What a restore is going to do, found out before anything is done; and all that speaks against it.

use chiliview_snapshot::{Manifest, Owner};
use chiliview_store::{
    BackupId, TenantId, Timestamp,
    backups::{self, Backup},
    migrations::{Kind, newest},
    restores, sessions,
    tenants::{self, Tenant},
    users,
};

use super::shapes::{Replaced, RestorePlan, RestoreRequest};
use crate::{
    app::App,
    caller::{Caller, Identity},
    fields,
    problem::Problem,
    tenants::taken_slug,
    words::RestoreTarget,
};

/// Where a restore leads, accepted.
pub(super) struct Place {
    pub(super) tenant: Option<Tenant>,
    pub(super) slug: String,
    pub(super) name: String,
}

/// What a restore takes, accepted: the manifest of the snapshot, and whose backup it is if that is not the one asked for.
pub(super) struct Taken {
    manifest: Manifest,
    same_as: Option<BackupId>,
    /// Of one that found nothing changed, the instant at which it looked.
    as_of: Option<Timestamp>,
}

/// What a backup that can be restored brings.
pub(super) async fn taken(app: &App, backup: &Backup) -> Result<Taken, Problem> {
    let source = app.central().read(async |tx| backups::source(tx, backup).await).await?;
    let source = source.ok_or_else(|| {
        let detail = "the older backup that it found unchanged is gone";
        Problem::conflict("not_verified", detail)
    })?;
    Ok(Taken {
        manifest: manifest(backup, &source)?,
        same_as: backup.same_as,
        as_of: backup.same_as.and(backup.started_at),
    })
}

fn manifest(backup: &Backup, source: &Backup) -> Result<Manifest, Problem> {
    if backup.deleted_at.is_some() || source.deleted_at.is_some() {
        let which = if backup.deleted_at.is_some() { "the backup" } else { "the older backup that it found unchanged" };
        return Err(Problem::conflict("backup_deleted", format!("{which} is in the trash; undelete it first")));
    }
    let (true, Some(json)) = (source.status.counts(), &source.manifest) else {
        return Err(Problem::conflict("not_verified", format!("the backup is {}, not verified", source.status)));
    };
    let manifest = Manifest::from_json(json.as_bytes()).map_err(Problem::internal)?;
    if manifest.owner == Owner::Central {
        let detail = "the central database is restored by `chiliview restore --central`, while the service is stopped";
        return Err(Problem::conflict("central_backup", detail));
    }
    let known = newest(Kind::Tenant);
    if manifest.schema_version > known {
        let found = manifest.schema_version;
        let detail =
            format!("the backup has schema {found}, this version knows {known} at most; update ChiliView first");
        return Err(Problem::conflict("newer_schema", detail));
    }
    Ok(manifest)
}

/// Who may. Only the platform makes tenants.
pub(super) fn permit(caller: &Caller, request: &RestoreRequest) -> Result<(), Problem> {
    caller.require_manager_write()?;
    match (request.into, &caller.identity) {
        (RestoreTarget::New, Identity::User { .. }) => Err(Problem::forbidden("only the platform makes tenants")),
        _ => Ok(()),
    }
}

/// Where to.
pub(super) async fn place(app: &App, request: &RestoreRequest, backup: &Backup) -> Result<Place, Problem> {
    match request.into {
        RestoreTarget::Same => same(app, request, backup.tenant_id).await,
        RestoreTarget::New => new(app, request).await,
    }
}

async fn same(app: &App, request: &RestoreRequest, id: Option<TenantId>) -> Result<Place, Problem> {
    if request.name.is_some() {
        return Err(Problem::field("/name", "not_allowed", "goes with into \"new\" only"));
    }
    let tenant = match id {
        Some(id) => app.central().read(async |tx| tenants::find(tx, id).await).await?,
        None => None,
    };
    let Some(tenant) = tenant else {
        let detail = "the tenant is gone for good; restore the backup as a new one";
        return Err(Problem::conflict("tenant_purged", detail));
    };
    if tenant.deleted_at.is_some() {
        return Err(Problem::conflict("tenant_deleted", "the tenant is in the trash; undelete it first"));
    }
    match &request.slug {
        Some(slug) if *slug != tenant.slug => Err(Problem::field("/slug", "mismatch", "is not the slug of the tenant")),
        None if !request.dry_run => {
            Err(Problem::field("/slug", "required", "confirms the restore with the tenant's slug"))
        }
        _ => Ok(Place { slug: tenant.slug.clone(), name: tenant.name.clone(), tenant: Some(tenant) }),
    }
}

async fn new(app: &App, request: &RestoreRequest) -> Result<Place, Problem> {
    let slug = request.slug.clone().ok_or_else(|| Problem::field("/slug", "required", "names the new tenant"))?;
    if let Err(error) = fields::slug(&slug, &()) {
        let (code, detail) = error.message().split_once(": ").unwrap_or(("slug_invalid", "is no slug"));
        return Err(Problem::field("/slug", code, detail));
    }
    if app.central().read(async |tx| tenants::find_by_slug(tx, &slug).await).await?.is_some() {
        return Err(taken_slug());
    }
    Ok(Place { tenant: None, name: request.name.clone().unwrap_or_else(|| slug.clone()), slug })
}

/// Puts the plan together.
pub(super) async fn plan(
    app: &App,
    request: &RestoreRequest,
    backup: &Backup,
    taken: &Taken,
    place: &Place,
) -> Result<RestorePlan, Problem> {
    let manifest = &taken.manifest;
    let id = place.tenant.as_ref().map(|tenant| tenant.id);
    let replaces = match id {
        Some(id) => present(app, id).await,
        None => None,
    };
    let sessions_ended = match id {
        Some(id) => app.central().read(async |tx| sessions::count_of_tenant(tx, id).await).await?,
        None => 0,
    };
    let known = newest(Kind::Tenant);
    // Unpacked once to be proven and once to serve; the backup of what is replaced is never larger than that.
    let room_needed = manifest.plain_bytes * 2 + replaces.map_or(0, |replaced| replaced.bytes);
    let mut plan = RestorePlan {
        into: request.into,
        tenant_id: id.map(TenantId::uuid),
        tenant: place.slug.clone(),
        name: place.name.clone(),
        backup_id: backup.id.uuid(),
        same_as: taken.same_as.map(BackupId::uuid),
        taken_at: taken.as_of.map_or(manifest.taken_at, Timestamp::to_datetime),
        replaces,
        bytes: i64::try_from(manifest.plain_bytes).unwrap_or(i64::MAX),
        rows: manifest.rows.clone(),
        schema_from: manifest.schema_version,
        schema_to: known,
        migrates: manifest.schema_version < known,
        sessions_ended,
        safety_backup: id.is_some() && !request.without_safety_backup,
        undo_seconds: id.map(|_| app.policy().undo_window.as_secs()),
        room_needed,
        room_free: app.store().data_dir().room()?.spare_bytes(),
        warnings: Vec::new(),
    };
    plan.warnings = warnings(place, manifest, &plan);
    if let Some(id) = id {
        refuse_second(app, id).await?;
    }
    Ok(plan)
}

/// What the tenant has now; nothing when it cannot be read, which a restore may be about to cure.
async fn present(app: &App, id: TenantId) -> Option<Replaced> {
    let looked = async {
        let database = app.store().tenant(id).await?;
        let users = database.read(users::count).await?;
        Ok::<_, chiliview_store::Error>(Replaced { bytes: database.bytes().await?, users })
    };
    match looked.await {
        Ok(replaced) => Some(replaced),
        Err(error) => {
            tracing::warn!(tenant = %id, %error, "restore.present_unreadable");
            None
        }
    }
}

fn warnings(place: &Place, manifest: &Manifest, plan: &RestorePlan) -> Vec<String> {
    let mut all = Vec::new();
    if plan.room_free < plan.room_needed {
        all.push("there may not be enough room on the disk".to_owned());
    }
    if let (Some(tenant), None) = (&place.tenant, plan.replaces) {
        all.push(format!("the present database of {} cannot be read; it takes without_safety_backup", tenant.slug));
    }
    if plan.into == RestoreTarget::Same && !plan.safety_backup {
        all.push("the present database is not backed up before; the undo is the only way back".to_owned());
    }
    let users = manifest.rows.get("users").copied().unwrap_or(0);
    let quota = place.tenant.as_ref().and_then(|tenant| tenant.quota_users);
    if quota.is_some_and(|quota| u64::try_from(quota).is_ok_and(|quota| users > quota)) {
        all.push(format!("the backup has {users} users, more than the tenant's quota; it takes no further ones then"));
    }
    all
}

async fn refuse_second(app: &App, tenant: TenantId) -> Result<(), Problem> {
    match app.central().read(async |tx| restores::under_way(tx, tenant).await).await? {
        Some(_) => Err(under_way()),
        None => Ok(()),
    }
}

pub(super) fn under_way() -> Problem {
    Problem::conflict("restore_under_way", "another restore of the tenant is under way")
}
