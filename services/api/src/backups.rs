//! Backups over HTTP: ask for one, follow it, download it, call it off, move it to the trash and back.

pub(crate) mod download;
mod guards;
mod manifest;
mod request;
mod show;

use chiliview_store::{
    BackupId, TenantId, Tx,
    audit::Event,
    backups::{self as rows, Backup, Filter},
    queue::{self, NewJob, Work},
};
use chrono::{DateTime, Utc};
use poem::Request;
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};
use uuid::Uuid;

pub use self::download::Download;
pub(crate) use self::guards::{refuse_over_quota, verified};
pub use self::manifest::ManifestInfo;
pub use self::show::{BackupInfo, BackupRequest, Queued, RequestScope, show};
use crate::{
    app::App,
    caller::{Caller, Identity},
    etag::Tagged,
    json::{Accepted, Json, NoContent},
    once::{First, Once},
    paging::{self, List},
    problem::Problem,
    trash::refuse_over,
    words::{BackupOrigin, BackupScope, BackupSort, BackupStatus, Order},
};

/// The resource.
pub struct Backups {
    app: App,
}

#[OpenApi]
impl Backups {
    /// Ask for backups
    ///
    /// One of a tenant, one of the central database, or one of everything. They are made by the worker; follow them by
    /// `GET /backups/{id}` or `GET /events`.
    #[oai(path = "/backups", method = "post", operation_id = "create_backup")]
    async fn create(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        input: Json<BackupRequest>,
    ) -> Result<Accepted<Queued>, Problem> {
        let once = Once::new(&caller, key.0, "create_backup", &input.0)?;
        let targets = self.targets(&caller, &input.0).await?;
        let app = &self.app;
        let now = app.now();
        let single = input.scope != RequestScope::All;
        let first = app
            .central()
            .write(async |tx| {
                if let Some(first) = once.before(tx).await? {
                    return Ok::<_, Problem>(first);
                }
                let mut items = Vec::with_capacity(targets.len());
                for target in targets {
                    items.push(self.enqueue(tx, &caller, target, single).await?);
                }
                let location = if single { format!("/api/backups/{}", items[0].id) } else { "/api/backups".to_owned() };
                let first = First { location, body: Queued::of(items, single) };
                once.remember(tx, &first, now).await?;
                Ok(first)
            })
            .await?;
        app.wake_worker();
        Ok(Accepted { location: first.location, body: first.body })
    }

    /// List backups, newest first
    #[oai(path = "/backups", method = "get", operation_id = "list_backups")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn list(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        /// Only this tenant's; by id or slug.
        tenant: Query<Option<String>>,
        status: Query<Option<BackupStatus>>,
        scope: Query<Option<BackupScope>>,
        /// Only made for this reason.
        origin: Query<Option<BackupOrigin>>,
        /// Only made by this schedule.
        schedule: Query<Option<Uuid>>,
        /// Only made in this run of a schedule.
        run: Query<Option<Uuid>>,
        /// Only asked for at or after this instant…
        since: Query<Option<DateTime<Utc>>>,
        /// …and before this one.
        until: Query<Option<DateTime<Utc>>>,
        /// Words in the tenant's slug, who asked, the error, or the id.
        q: Query<Option<String>>,
        /// By what it is sorted; by when they were asked for when absent.
        sort: Query<Option<BackupSort>>,
        /// The trash instead of the living.
        deleted: Query<Option<bool>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<BackupInfo>>, Problem> {
        caller.require_manager_read()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or(Order::Descending))?;
        let tenant = self.app.confined(&caller, tenant.0.as_deref()).await?;
        let filter = Filter {
            tenant,
            status: status.0.map(Into::into),
            scope: scope.0.map(Into::into),
            origin: origin.0.map(Into::into),
            schedule: schedule.0.map(Into::into),
            run: run.0.map(Into::into),
            since: since.0.map(Into::into),
            until: until.0.map(Into::into),
            q: paging::search(q.0)?,
            deleted: deleted.0 == Some(true),
        };
        let sort = sort.0.unwrap_or(BackupSort::Created).into();
        let rows = self.app.central().read(async |tx| rows::list_sorted(tx, &filter, sort, &page).await).await?;
        let key = |row: &Backup| (rows::BackupSort::key(sort, row), row.id.to_string());
        Ok(Json(paging::list(rows, &page, key, show)))
    }

    /// Read a backup
    #[oai(path = "/backups/:backup", method = "get", operation_id = "get_backup")]
    async fn get(&self, caller: Caller, backup: Path<Uuid>) -> Result<Tagged<BackupInfo>, Problem> {
        let row = find(&self.app, &caller, backup.0).await?;
        Ok(Tagged { version: row.version, body: show(row) })
    }

    /// Read the manifest of a verified backup
    #[oai(path = "/backups/:backup/manifest", method = "get", operation_id = "get_backup_manifest")]
    async fn manifest(&self, caller: Caller, backup: Path<Uuid>) -> Result<Json<ManifestInfo>, Problem> {
        let row = find(&self.app, &caller, backup.0).await?;
        let manifest = verified(&row)?;
        Ok(Json(ManifestInfo::read(manifest).map_err(Problem::internal)?))
    }

    /// Download a verified backup
    ///
    /// A zstd-compressed SQLite database. Takes Range and If-Range: a broken download can be resumed. The ETag is the
    /// SHA-256 of the artefact.
    #[oai(path = "/backups/:backup/content", method = "get", operation_id = "download_backup")]
    async fn content(&self, caller: Caller, request: &Request, backup: Path<Uuid>) -> Result<Download, Problem> {
        let row = find(&self.app, &caller, backup.0).await?;
        download::serve(&self.app, &caller, request, &row).await
    }

    /// Prove a backup again
    ///
    /// Its snapshot is read back from the shelf, unpacked and checked in full. The backup is `verifying` meanwhile, then
    /// `verified` or `damaged`; when no proof can be made, for want of room say, it is what it was, and `error` tells why.
    #[oai(path = "/backups/:backup/prove", method = "post", operation_id = "prove_backup")]
    async fn prove(&self, caller: Caller, backup: Path<Uuid>) -> Result<Accepted<BackupInfo>, Problem> {
        caller.require_manager_write()?;
        let seen = find(&self.app, &caller, backup.0).await?;
        verified(&seen)?;
        let app = &self.app;
        let now = app.now();
        let row = app
            .central()
            .write(async |tx| {
                if !rows::prove_again(tx, seen.id, now).await? {
                    let detail = "the backup is in the trash, or is being proven already";
                    return Err(Problem::conflict("not_provable", detail));
                }
                let job = NewJob::new(app.store().ids().next(), Work::Prove { backup: seen.id });
                queue::enqueue(tx, &job).await?;
                self.told(tx, &caller, "backup.prove", seen.id).await
            })
            .await?;
        app.wake_worker();
        Ok(Accepted { location: format!("/api/backups/{}", row.id), body: show(row) })
    }

    /// Call a backup off
    ///
    /// One that waits is cancelled at once, one that runs within a second. Nothing of it is kept. One that is being proven
    /// again is what it was before.
    #[oai(path = "/backups/:backup/cancel", method = "post", operation_id = "cancel_backup")]
    async fn cancel(&self, caller: Caller, backup: Path<Uuid>) -> Result<Accepted<BackupInfo>, Problem> {
        caller.require_manager_write()?;
        let seen = find(&self.app, &caller, backup.0).await?;
        let app = &self.app;
        let now = app.now();
        let row = app
            .central()
            .write(async |tx| {
                let called_off =
                    rows::request_cancel(tx, seen.id, now).await? || rows::call_off_proof(tx, seen.id, now).await?;
                if !called_off {
                    return Err(Problem::conflict("already_ended", "the backup has ended already"));
                }
                self.told(tx, &caller, "backup.cancel", seen.id).await
            })
            .await?;
        Ok(Accepted { location: format!("/api/backups/{}", row.id), body: show(row) })
    }

    /// Move a backup to the trash
    ///
    /// It can be undeleted until `purge_after`; then its snapshot is removed. The last verified backup of a database, and one
    /// that others say they are the same as, are deleted with `force` only.
    #[oai(path = "/backups/:backup", method = "delete", operation_id = "delete_backup")]
    async fn delete(
        &self,
        caller: Caller,
        backup: Path<Uuid>,
        /// Delete it whatever is lost by that.
        force: Query<Option<bool>>,
    ) -> Result<NoContent, Problem> {
        caller.require_manager_change()?;
        let seen = find(&self.app, &caller, backup.0).await?;
        let app = &self.app;
        let now = app.now();
        let purge_after = now.plus(app.policy().trash);
        app.central()
            .write(async |tx| {
                if force.0 != Some(true) {
                    guards::refuse_needed(tx, seen.id).await?;
                }
                if !rows::delete(tx, seen.id, now, purge_after).await? {
                    return guards::refuse_undeletable(tx, seen.id).await;
                }
                let job = NewJob::new(app.store().ids().next(), Work::PurgeBackup { backup: seen.id });
                queue::enqueue(tx, &job.at(purge_after)).await?;
                app.audit(tx, &caller, Event::done("backup.delete", "backup", seen.id)).await
            })
            .await?;
        Ok(NoContent)
    }

    /// Take a backup out of the trash
    #[oai(path = "/backups/:backup/undelete", method = "post", operation_id = "undelete_backup")]
    async fn undelete(&self, caller: Caller, backup: Path<Uuid>) -> Result<Tagged<BackupInfo>, Problem> {
        caller.require_manager_change()?;
        let seen = find(&self.app, &caller, backup.0).await?;
        let app = &self.app;
        let now = app.now();
        let row = app
            .central()
            .write(async |tx| {
                let row = rows::find(tx, seen.id).await?.ok_or_else(|| Problem::not_found("backup"))?;
                refuse_over(row.purge_after, now)?;
                if !rows::undelete(tx, row.id, now).await? {
                    return Err(Problem::conflict("not_deleted", "the backup is not in the trash"));
                }
                self.told(tx, &caller, "backup.undelete", seen.id).await
            })
            .await?;
        Ok(Tagged { version: row.version, body: show(row) })
    }
}

impl Backups {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    /// Writes the line in the audit log; the row as it is by then.
    async fn told(&self, tx: &mut Tx, caller: &Caller, action: &'static str, id: BackupId) -> Result<Backup, Problem> {
        self.app.audit(tx, caller, Event::done(action, "backup", id)).await?;
        rows::find(tx, id).await?.ok_or_else(|| Problem::not_found("backup"))
    }
}

/// [`found`], on a view of its own.
pub(crate) async fn find(app: &App, caller: &Caller, id: Uuid) -> Result<Backup, Problem> {
    app.central().read(async |tx| found(tx, caller, id).await).await
}

/// A backup that the caller may see; everything foreign is a 404.
pub(crate) async fn found(tx: &mut Tx, caller: &Caller, id: Uuid) -> Result<Backup, Problem> {
    caller.require_manager_read()?;
    let row = rows::find(tx, id.into()).await?;
    row.filter(|row| sees(caller, row.tenant_id)).ok_or_else(|| Problem::not_found("backup"))
}

/// Whether a backup of this tenant, or of the central database, exists for the caller.
pub(crate) fn sees(caller: &Caller, tenant: Option<TenantId>) -> bool {
    match (&caller.identity, tenant) {
        (Identity::Admin { .. }, _) => true,
        (Identity::User { .. }, Some(tenant)) => caller.require_manager_read().is_ok() && caller.sees_tenant(tenant),
        (Identity::User { .. }, None) => false,
    }
}
