//! A request for backups: which databases it names, and for each of them the row, the job and the line in the audit log.

use chiliview_agenda::order;
use chiliview_store::{
    BackupId, Tx,
    audit::{Event, Outcome},
    backups::{self as rows, New, Origin},
    queue::NewJob,
    tenants::{self, Tenant},
};

use super::{BackupInfo, BackupRequest, Backups, RequestScope, show};
use crate::{caller::Caller, problem::Problem};

const TENANTS_A_READ: i64 = 500;
/// Of one database.
const MOST_AWAITED: i64 = 20;
/// Behind what somebody asks of one database.
const AMONG_ALL: i32 = -5;

/// A database to be backed up: a tenant's, or the central one.
pub(super) type Target = Option<Tenant>;

impl Backups {
    pub(super) async fn targets(&self, caller: &Caller, request: &BackupRequest) -> Result<Vec<Target>, Problem> {
        caller.require_manager_write()?;
        match (request.scope, &request.tenant) {
            (RequestScope::Tenant, Some(reference)) => {
                let (tenant, _) = self.app.living_tenant(caller, reference).await?;
                Ok(vec![Some(tenant)])
            }
            (RequestScope::Tenant, None) => match caller.own_tenant() {
                Some(own) => Ok(vec![Some(own.clone())]),
                None => Err(wrong_tenant("required", "names the tenant to back up, by id or slug")),
            },
            (_, Some(_)) => Err(wrong_tenant("not_allowed", "goes with scope \"tenant\" only")),
            (RequestScope::Central, None) => {
                caller.require_operator()?;
                Ok(vec![None])
            }
            (RequestScope::All, None) => {
                caller.require_operator()?;
                self.everything().await
            }
        }
    }

    /// The central database and every tenant that is not in the trash.
    async fn everything(&self) -> Result<Vec<Target>, Problem> {
        let targets = self.app.central().read(async |tx| {
            let mut targets: Vec<Target> = vec![None];
            let mut after = None;
            loop {
                let page = tenants::to_back_up(tx, after, TENANTS_A_READ).await?;
                let Some(last) = page.last() else { return Ok::<_, chiliview_store::Error>(targets) };
                after = Some(last.id);
                targets.extend(page.into_iter().map(Some));
            }
        });
        Ok(targets.await?)
    }

    /// Before whom: whose database has many to be made lets the others go first.
    async fn turn(&self, tx: &mut Tx, target: Option<&Tenant>) -> Result<i32, Problem> {
        let awaited = rows::awaited(tx, target.map(|tenant| tenant.id)).await?;
        if awaited >= MOST_AWAITED {
            let detail = format!("{awaited} backups of this database are still to be made; wait for some of them");
            return Err(Problem::conflict("too_many_backups", detail));
        }
        Ok(-i32::try_from(awaited).unwrap_or(0).min(-AMONG_ALL))
    }

    /// The row, its job and its line in the audit log: together or not at all.
    pub(super) async fn enqueue(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        target: Target,
        single: bool,
    ) -> Result<BackupInfo, Problem> {
        let app = &self.app;
        let priority = if single { self.turn(tx, target.as_ref()).await? } else { AMONG_ALL };
        let id: BackupId = app.store().ids().next();
        let new = New {
            id,
            tenant: target.as_ref().map(|tenant| (tenant.id, tenant.slug.clone())),
            origin: Origin::Request,
            run: None,
            requested_by: caller.label(),
            trace_id: caller.origin.trace_id.clone(),
            at: app.now(),
        };
        let refused = order(tx, app.store().ids(), &new, target.as_ref(), |job| NewJob { priority, ..job }).await?;
        app.audit(tx, caller, Event::done("backup.create", "backup", id)).await?;
        match refused {
            Some(reason) if single => return Err(Problem::conflict("quota_exceeded", &reason.words)),
            Some(reason) => {
                let failed = Event::done("backup.failed", "backup", id).ending(Outcome::Failed, &reason.words);
                app.audit(tx, caller, failed).await?;
            }
            None => {}
        }
        let row = rows::find(tx, id).await?.ok_or_else(|| Problem::not_found("backup"))?;
        Ok(show(row))
    }
}

fn wrong_tenant(code: &str, detail: &str) -> Problem {
    Problem::field("/tenant", code, detail)
}
