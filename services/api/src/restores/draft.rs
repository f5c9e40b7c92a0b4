//! A restore that was planned and can be ordered: by a request over HTTP, or by hand on the command line.

use chiliview_store::{
    Error, RestoreId, TenantId, Tx,
    audit::{Actor, Event},
    backups::Backup,
    queue::{self, NewJob, Work},
    restores::{self, New, Restore},
};

use super::{
    MAX_ATTEMPTS, RestorePlan, RestoreRequest,
    plan::{self, Place},
};
use crate::{app::App, problem::Problem};

/// What is going to be restored, and where to. Nothing was written down yet.
pub struct Draft {
    request: RestoreRequest,
    backup: Backup,
    place: Place,
    plan: RestorePlan,
}

/// Who orders it.
pub struct By {
    /// As the audit log names him.
    pub actor: Actor,
    /// As the restore names him.
    pub label: String,
    /// The trace that it is part of.
    pub trace_id: Option<String>,
}

impl Draft {
    /// Finds out what would be done, and refuses what cannot be.
    pub async fn plan(app: &App, request: RestoreRequest, backup: Backup) -> Result<Self, Problem> {
        let taken = plan::taken(app, &backup).await?;
        let place = plan::place(app, &request, &backup).await?;
        let plan = plan::plan(app, &request, &backup, &taken, &place).await?;
        Ok(Self { request, backup, place, plan })
    }

    /// What would be done.
    #[must_use]
    pub const fn as_plan(&self) -> &RestorePlan {
        &self.plan
    }

    pub(super) fn into_plan(self) -> RestorePlan {
        self.plan
    }

    /// Whether the disk takes it.
    pub fn require_room(&self) -> Result<(), Problem> {
        let (needed, free) = (self.plan.room_needed, self.plan.room_free);
        if free < needed {
            let detail = format!("it takes {needed} bytes of room, and there are {free}");
            return Err(Problem::insufficient_storage().detail(detail));
        }
        Ok(())
    }

    /// The row, its job and its line in the audit log: together or not at all.
    pub async fn commit(&self, app: &App, tx: &mut Tx, by: &By) -> Result<(Restore, RestorePlan), Problem> {
        let ids = app.store().ids();
        let id: RestoreId = ids.next();
        let tenant: TenantId = self.place.tenant.as_ref().map_or_else(|| ids.next(), |tenant| tenant.id);
        let plan = RestorePlan { tenant_id: Some(tenant.uuid()), ..self.plan.clone() };
        let new = New {
            id,
            backup: self.backup.id,
            target: self.request.into.into(),
            tenant,
            slug: self.place.slug.clone(),
            name: Some(self.place.name.clone()),
            plan: serde_json::to_string(&plan).map_err(Problem::internal)?,
            without_safety: self.request.without_safety_backup,
            requested_by: by.label.clone(),
            trace_id: by.trace_id.clone(),
            at: app.now(),
        };
        restores::insert(tx, &new).await.map_err(one_at_a_time)?;
        let job =
            NewJob { max_attempts: MAX_ATTEMPTS, ..NewJob::new(ids.next(), Work::Restore { restore: id }).ahead() };
        queue::enqueue(tx, &job).await?;
        let changes = serde_json::json!({ "backup": [null, self.backup.id], "tenant": [null, new.slug] });
        app.audit_as(tx, &by.actor, Event::done("restore.create", "restore", id).changing(changes)).await?;
        let row = restores::find(tx, id).await?.ok_or_else(|| Problem::not_found("restore"))?;
        Ok((row, plan))
    }
}

pub(super) fn one_at_a_time(error: Error) -> Problem {
    if matches!(error, Error::Duplicate { .. }) { plan::under_way() } else { error.into() }
}
