//! Restores over HTTP: plan one, ask for it, follow it, call it off, undo it. The worker does them.

mod answer;
mod draft;
mod plan;
mod shapes;

use chiliview_store::{
    Tx,
    audit::Event,
    backups::{self, Backup},
    queue::{self, NewJob, Work},
    restores::{self as rows, Filter, Restore, RestoreStatus as Stored},
};
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};
use uuid::Uuid;

use self::draft::one_at_a_time;
pub use self::{
    answer::Requested,
    draft::{By, Draft},
    shapes::{RestoreAnswer, RestoreInfo, RestorePlan, RestoreRequest, UndoRequest, show},
};
use crate::{
    app::App,
    auth,
    backups::sees,
    caller::Caller,
    etag::Tagged,
    json::{Accepted, Json},
    once::{First, Once},
    paging::{self, List},
    problem::Problem,
    words::{Order, RestoreStatus},
};

/// A restore that nobody waits for need not be tried as often as a backup.
const MAX_ATTEMPTS: u32 = 3;

/// The resource.
pub struct Restores {
    app: App,
}

#[OpenApi]
impl Restores {
    /// Restore a backup
    ///
    /// Into its tenant, or as a new one, while all others go on. With `dry_run` nothing is done, and the plan is the answer.
    /// The tenant takes no writes (423) from the moment at which its present database is backed up until the end.
    #[oai(path = "/backups/:backup/restore", method = "post", operation_id = "restore_backup")]
    async fn restore(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        backup: Path<Uuid>,
        input: Json<RestoreRequest>,
    ) -> Result<Requested, Problem> {
        caller.require_manager_write()?;
        if !input.dry_run {
            caller.require_manager_change()?;
        }
        let backup = self.backup(&caller, backup.0).await?;
        let once = Once::new(&caller, key.0, "restore_backup", &(backup.id, &input.0))?;
        if let Some(first) = self.app.central().read(async |tx| once.before(tx).await).await? {
            return Ok(Requested::queued(first));
        }
        plan::permit(&caller, &input)?;
        let draft = Draft::plan(&self.app, input.0.clone(), backup).await?;
        if input.dry_run {
            return Ok(Requested::planned(draft.into_plan()));
        }
        auth::reauthenticate_by(&self.app, &caller, input.password.as_ref(), "/password").await?;
        draft.require_room()?;
        let first = self.enqueue(&caller, &once, &draft).await?;
        self.app.wake_worker();
        Ok(Requested::queued(first))
    }

    /// List restores, newest first
    #[oai(path = "/restores", method = "get", operation_id = "list_restores")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn list(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        /// Only this tenant's; by id or slug.
        tenant: Query<Option<String>>,
        status: Query<Option<RestoreStatus>>,
        /// Words in the tenant's slug, who asked, the error, the restore's id or the backup's.
        q: Query<Option<String>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<RestoreInfo>>, Problem> {
        caller.require_manager_read()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or(Order::Descending))?;
        let tenant = self.app.confined(&caller, tenant.0.as_deref()).await?;
        let filter = Filter { tenant, status: status.0.map(Into::into), q: paging::search(q.0)? };
        let rows = self.app.central().read(async |tx| rows::list(tx, &filter, &page).await).await?;
        Ok(Json(paging::list(rows, &page, |row| (row.id.to_string(), row.id.to_string()), show)))
    }

    /// Read a restore
    #[oai(path = "/restores/:restore", method = "get", operation_id = "get_restore")]
    async fn get(&self, caller: Caller, restore: Path<Uuid>) -> Result<Tagged<RestoreInfo>, Problem> {
        let row = find(&self.app, &caller, restore.0).await?;
        Ok(Tagged { version: row.version, body: show(row) })
    }

    /// Call a restore off
    ///
    /// One that waits is cancelled at once, one that runs until it swaps the databases. The tenant keeps what it has.
    #[oai(path = "/restores/:restore/cancel", method = "post", operation_id = "cancel_restore")]
    async fn cancel(&self, caller: Caller, restore: Path<Uuid>) -> Result<Accepted<RestoreInfo>, Problem> {
        caller.require_manager_write()?;
        let seen = find(&self.app, &caller, restore.0).await?;
        let app = &self.app;
        let now = app.now();
        self.change(&caller, seen, "restore.cancel", async |tx, seen| {
            if rows::request_cancel(tx, seen.id, now).await? {
                return Ok(());
            }
            let code = if seen.status.is_terminal() { "already_ended" } else { "too_late" };
            Err(Problem::conflict(code, "the restore has ended, or is past the point where it can be called off"))
        })
        .await
    }

    /// Undo a restore
    ///
    /// The database from before the restore serves again. What was changed since is kept as a backup.
    #[oai(path = "/restores/:restore/undo", method = "post", operation_id = "undo_restore")]
    async fn undo(
        &self,
        caller: Caller,
        restore: Path<Uuid>,
        input: Json<UndoRequest>,
    ) -> Result<Accepted<RestoreInfo>, Problem> {
        caller.require_manager_change()?;
        let seen = find(&self.app, &caller, restore.0).await?;
        let app = &self.app;
        let now = app.now();
        refuse_undo(&seen)?;
        auth::reauthenticate_by(app, &caller, Some(&input.password), "/password").await?;
        let answer = self
            .change(&caller, seen, "restore.undo", async |tx, seen| {
                let asked = rows::request_undo(tx, seen.id, input.without_safety_backup, now).await;
                if !asked.map_err(one_at_a_time)? {
                    let detail = "its window is over, or a later restore of the tenant must be undone first";
                    return Err(Problem::conflict("not_undoable", detail));
                }
                let work = Work::UndoRestore { restore: seen.id };
                let job = NewJob::new(app.store().ids().next(), work).ahead();
                let job = NewJob { max_attempts: MAX_ATTEMPTS, ..job };
                queue::enqueue(tx, &job).await?;
                Ok(())
            })
            .await?;
        app.wake_worker();
        Ok(answer)
    }
}

impl Restores {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn backup(&self, caller: &Caller, id: Uuid) -> Result<Backup, Problem> {
        let found = self.app.central().read(async |tx| backups::find(tx, id.into()).await).await?;
        found.filter(|row| sees(caller, row.tenant_id)).ok_or_else(|| Problem::not_found("backup"))
    }

    async fn enqueue(&self, caller: &Caller, once: &Once, draft: &Draft) -> Result<First<RestoreAnswer>, Problem> {
        let app = &self.app;
        let by = By { actor: caller.actor(), label: caller.label(), trace_id: caller.origin.trace_id.clone() };
        app.central()
            .write(async |tx| {
                if let Some(first) = once.before(tx).await? {
                    return Ok(first);
                }
                let (row, plan) = draft.commit(app, tx, &by).await?;
                let location = format!("/api/restores/{}", row.id);
                let first = First { location, body: RestoreAnswer::queued(show(row), plan) };
                once.remember(tx, &first, app.now()).await?;
                Ok(first)
            })
            .await
    }

    async fn change(
        &self,
        caller: &Caller,
        seen: Restore,
        action: &'static str,
        change: impl AsyncFnOnce(&mut Tx, &Restore) -> Result<(), Problem>,
    ) -> Result<Accepted<RestoreInfo>, Problem> {
        let app = &self.app;
        let row = app
            .central()
            .write(async |tx| {
                change(tx, &seen).await?;
                app.audit(tx, caller, Event::done(action, "restore", seen.id)).await?;
                rows::find(tx, seen.id).await?.ok_or_else(|| Problem::not_found("restore"))
            })
            .await?;
        Ok(Accepted { location: format!("/api/restores/{}", row.id), body: show(row) })
    }
}

/// A restore that the caller may see; everything foreign is a 404.
pub(crate) async fn find(app: &App, caller: &Caller, id: Uuid) -> Result<Restore, Problem> {
    caller.require_manager_read()?;
    let found = app.central().read(async |tx| rows::find(tx, id.into()).await).await?;
    found.filter(|row| sees(caller, Some(row.tenant_id))).ok_or_else(|| Problem::not_found("restore"))
}

/// Before the password is asked for: what no password helps against.
fn refuse_undo(row: &Restore) -> Result<(), Problem> {
    if row.status == Stored::Done && row.undo_until.is_some() {
        return Ok(());
    }
    let detail = match row.status {
        Stored::Done if row.target == rows::Target::New => "it made a new tenant; delete that instead".to_owned(),
        Stored::Done => "what it replaced is not kept any more".to_owned(),
        status => format!("the restore is {status}, not done"),
    };
    Err(Problem::conflict("not_undoable", detail))
}
