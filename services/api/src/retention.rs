//! What is kept of backups: a tenant's own policy, what a policy would remove and when, and pins.

mod shapes;

use chiliview_agenda::Holdings;
use chiliview_policy::retention::Policy;
use chiliview_store::{
    ScheduleId, Tx,
    audit::Event,
    backups as rows,
    schedules::{self, Schedule, ScheduleScope},
    tenant_retention,
    tenants::{self, Tenant},
};
use poem_openapi::{
    OpenApi,
    param::{Header, Path},
};
use uuid::Uuid;

pub(crate) use self::shapes::stored;
pub use self::shapes::{RetentionPolicy, RetentionPreview, RetentionQuestion, TenantRetentionInfo};
use self::shapes::{own, previewed};
use crate::{
    app::{App, find_tenant},
    backups::{self, BackupInfo},
    caller::Caller,
    etag::{Tagged, check_if_match},
    json::{Json, NoContent},
    problem::Problem,
    schedules as api_schedules,
};

/// Backups of one database that are looked at, the newest ones.
const LOOKED_AT: i64 = 2_000;

/// The resource.
pub struct Retention {
    app: App,
}

#[OpenApi]
impl Retention {
    /// Read a tenant's own retention
    ///
    /// Without a `policy` its schedules' hold.
    #[oai(path = "/tenants/:tenant/retention", method = "get", operation_id = "get_tenant_retention")]
    async fn get(&self, caller: Caller, tenant: Path<String>) -> Result<Tagged<TenantRetentionInfo>, Problem> {
        let tenant = self.app.tenant(&caller, &tenant.0).await?;
        caller.require_manager_read()?;
        let row = self.app.central().read(async |tx| tenant_retention::find(tx, tenant.id).await).await?;
        own(row.ok_or_else(|| Problem::not_found("tenant"))?, &self.app.policy().keeping)
    }

    /// Set a tenant's own retention
    ///
    /// It goes before the schedules', for all of the tenant's backups that schedules made. It removes nothing before a day
    /// has passed.
    #[oai(path = "/tenants/:tenant/retention", method = "put", operation_id = "set_tenant_retention")]
    async fn set(
        &self,
        caller: Caller,
        tenant: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        input: Json<RetentionPolicy>,
    ) -> Result<Tagged<TenantRetentionInfo>, Problem> {
        caller.require_operator()?;
        let policy = stored(Some(input.0), "").map_err(Problem::validation)?;
        let row = self.change(&caller, &tenant.0, if_match.0.as_deref(), policy).await?;
        own(row, &self.app.policy().keeping)
    }

    /// Remove a tenant's own retention
    ///
    /// From then on its schedules' hold; they remove nothing before a day has passed.
    #[oai(path = "/tenants/:tenant/retention", method = "delete", operation_id = "delete_tenant_retention")]
    async fn delete(
        &self,
        caller: Caller,
        tenant: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<NoContent, Problem> {
        caller.require_operator()?;
        self.change(&caller, &tenant.0, if_match.0.as_deref(), None).await?;
        Ok(NoContent)
    }

    /// Say which backups go, when, and why the others stay
    ///
    /// Of one tenant, or of the central database. With a `policy`: as if it were set now, for the schedule that is named or
    /// else as the tenant's own. Changes nothing.
    #[oai(path = "/retention/preview", method = "post", operation_id = "preview_retention")]
    async fn preview(&self, caller: Caller, input: Json<RetentionQuestion>) -> Result<Json<RetentionPreview>, Problem> {
        caller.require_manager_read()?;
        let policy = stored(input.policy, "/policy").map_err(Problem::validation)?;
        let policy: Option<Policy> = policy.map(serde_json::from_value).transpose().map_err(Problem::internal)?;
        let (now, keeping) = (self.app.now(), self.app.policy().keeping.clone());
        let read = self.app.central().read(async |tx| {
            let schedule = self.schedule(tx, &caller, input.schedule).await?;
            let tenant = asked_for(tx, &caller, input.tenant.as_deref(), schedule.as_ref()).await?;
            let mut holdings = Holdings::read(tx, tenant.as_ref(), LOOKED_AT).await?;
            if let Some(policy) = policy {
                holdings.suppose(schedule.as_ref(), policy, now);
            }
            Ok::<_, Problem>((holdings, tenant))
        });
        let (holdings, tenant) = read.await?;
        // Two months of days over many backups take their time.
        let shown = tokio::task::spawn_blocking(move || previewed(&holdings, tenant, &keeping, now));
        Ok(Json(shown.await.map_err(Problem::internal)?))
    }

    /// Keep a backup whatever retention says
    #[oai(path = "/backups/:backup/pin", method = "post", operation_id = "pin_backup")]
    async fn pin(&self, caller: Caller, backup: Path<Uuid>) -> Result<Tagged<BackupInfo>, Problem> {
        let app = &self.app;
        let now = app.now();
        let row = app.central().write(async |tx| {
            let seen = backups::found(tx, &caller, backup.0).await?;
            caller.require_manager_change()?;
            if !rows::pin(tx, seen.id, now).await? {
                return Err(Problem::conflict("deleted", "the backup is in the trash; undelete it first"));
            }
            app.audit(tx, &caller, Event::done("backup.pin", "backup", seen.id)).await?;
            backups::found(tx, &caller, backup.0).await
        });
        let row = row.await?;
        Ok(Tagged { version: row.version, body: backups::show(row) })
    }

    /// Leave a backup to retention again
    #[oai(path = "/backups/:backup/unpin", method = "post", operation_id = "unpin_backup")]
    async fn unpin(&self, caller: Caller, backup: Path<Uuid>) -> Result<Tagged<BackupInfo>, Problem> {
        let app = &self.app;
        let now = app.now();
        let row = app.central().write(async |tx| {
            let seen = backups::found(tx, &caller, backup.0).await?;
            caller.require_manager_change()?;
            rows::unpin(tx, seen.id, now).await?;
            app.audit(tx, &caller, Event::done("backup.unpin", "backup", seen.id)).await?;
            backups::found(tx, &caller, backup.0).await
        });
        let row = row.await?;
        Ok(Tagged { version: row.version, body: backups::show(row) })
    }
}

impl Retention {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn change(
        &self,
        caller: &Caller,
        reference: &str,
        if_match: Option<&str>,
        policy: Option<serde_json::Value>,
    ) -> Result<tenant_retention::TenantRetention, Problem> {
        let seen = self.app.tenant(caller, reference).await?;
        let app = &self.app;
        let now = app.now();
        app.central()
            .write(async |tx| {
                let before = tenant_retention::find(tx, seen.id).await?.ok_or_else(|| Problem::not_found("tenant"))?;
                check_if_match(if_match, before.version)?;
                let was = before.retention.map(|json| json.0);
                if was != policy {
                    tenant_retention::set(tx, seen.id, policy.clone(), now).await?;
                    let changes = serde_json::json!({ "retention": [was, policy] });
                    let event = Event::done("tenant.retention", "tenant", seen.id).changing(changes);
                    app.audit(tx, caller, event).await?;
                }
                tenant_retention::find(tx, seen.id).await?.ok_or_else(|| Problem::not_found("tenant"))
            })
            .await
    }

    async fn schedule(&self, tx: &mut Tx, caller: &Caller, id: Option<Uuid>) -> Result<Option<Schedule>, Problem> {
        let Some(id) = id else { return Ok(None) };
        let row = schedules::find(tx, ScheduleId::from(id)).await?;
        let seen = row.filter(|row| api_schedules::sees(caller, row));
        seen.map(Some).ok_or_else(|| unknown("/schedule", "names no schedule"))
    }
}

/// Whose backups the question is about: a tenant's, or none for the central database's.
async fn asked_for(
    tx: &mut Tx,
    caller: &Caller,
    reference: Option<&str>,
    schedule: Option<&Schedule>,
) -> Result<Option<Tenant>, Problem> {
    let of_schedule = schedule.and_then(|schedule| schedule.tenant_id);
    let found = match (reference, of_schedule, caller.own_tenant()) {
        (Some(reference), ..) => find_tenant(tx, reference).await?,
        (None, Some(id), _) => tenants::find(tx, id).await?,
        (None, None, Some(own)) => Some(own.clone()),
        (None, None, None) if schedule.is_some_and(|schedule| schedule.scope == ScheduleScope::Tag) => {
            return Err(unknown("/tenant", "names one of the tenants that the schedule covers"));
        }
        (None, None, None) => return Ok(None),
    };
    match found.filter(|tenant| caller.sees_tenant(tenant.id)) {
        Some(tenant) => Ok(Some(tenant)),
        None if caller.own_tenant().is_some() => Err(Problem::not_found("tenant")),
        None => Err(unknown("/tenant", "names no tenant")),
    }
}

fn unknown(pointer: &str, detail: &str) -> Problem {
    Problem::field(pointer, "unknown", detail)
}
