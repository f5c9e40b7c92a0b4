//! A run of a schedule: queues a backup of every database that it covers, page by page, or new proofs of the backups whose
//! last one is oldest. A run that was interrupted goes on where it was.

use std::{collections::HashSet, time::Duration};

use chiliview_agenda::order;
use chiliview_policy::schedule::jitter;
use chiliview_store::{
    BackupId, Error, RunId, TenantId, Timestamp, Tx,
    audit::{self, Event},
    backups::{self, New, Old, Origin},
    queue::NewJob,
    schedule_runs::{self, FiredBy, Run, RunStatus},
    schedules::{self, Schedule, ScheduleAction, ScheduleScope},
    tenants::{self, Tenant},
};
use chiliview_telemetry::context;

use crate::{
    context::Context,
    prove::oldest_first,
    queue::{Attempt, Outcome},
    reasons::later,
    tell,
};

/// Tenants in one transaction: a few milliseconds, so that others get at the database in between.
const PAGE: i64 = 50;
/// Behind what people ask for, and the clock's behind what people fire.
const BY_TIME: i32 = -10;
const BY_PERSON: i32 = -5;

/// Does the job.
pub(crate) async fn run(context: &Context, id: RunId, attempt: &Attempt) -> Outcome {
    let done = async {
        let found = context.store.central().read(async |tx| open(tx, id).await).await?;
        let Some((run, schedule)) = found else { return Ok(()) };
        match schedule.action {
            ScheduleAction::Prove => prove(context, &run, &schedule, attempt).await,
            ScheduleAction::BackUp => {
                while page(context, id, attempt).await? {}
                Ok(())
            }
        }
    };
    match done.await {
        Ok(()) => Outcome::Done,
        Err(error) => later(&error),
    }
}

/// A run that is not all queued yet, and its schedule; with that deleted, a run is gone too.
async fn open(tx: &mut Tx, id: RunId) -> Result<Option<(Run, Schedule)>, Error> {
    let Some(run) = schedule_runs::find_open(tx, id).await? else { return Ok(None) };
    Ok(schedules::find(tx, run.schedule_id).await?.map(|schedule| (run, schedule)))
}

/// The last attempt failed: what it queued goes on, and the run says that it is not all.
pub(crate) async fn give_up(context: &Context, id: RunId, reason: &str) -> anyhow::Result<()> {
    let now = context.now();
    let central = context.store.central();
    central
        .write(async |tx| {
            let Some(run) = schedule_runs::find(tx, id).await? else { return Ok(()) };
            if schedule_runs::end(tx, id, RunStatus::Failed, Some(reason.to_owned()), now).await? {
                let event = Event::done("schedule.run_failed", "schedule", run.schedule_id);
                context.audit(tx, event.ending(audit::Outcome::Failed, reason)).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    Ok(())
}

/// Queues the next page; whether there may be another.
async fn page(context: &Context, id: RunId, attempt: &Attempt) -> Result<bool, Error> {
    let now = context.now();
    let more = context
        .write_for(attempt, async |tx| {
            let Some((run, schedule)) = open(tx, id).await? else { return Ok(false) };
            let tenants = covered(tx, &schedule, run.reached).await?;
            let central = run.started_at.is_none() && covers_central(&schedule);
            let targets = central.then_some(None).into_iter().chain(tenants.iter().map(Some));
            let mut added = 0;
            for target in targets {
                added += i64::from(enqueue(context, tx, &schedule, &run, target, now).await?);
            }
            schedule_runs::reach(tx, id, tenants.last().map(|tenant| tenant.id), added, 0, now).await?;
            let more = i64::try_from(tenants.len()).unwrap_or(PAGE) == PAGE;
            if !more {
                schedule_runs::queued(tx, id, now).await?;
            }
            Ok::<_, Error>(more)
        })
        .await?;
    Ok(more == Some(true))
}

/// Asks for new proofs. Each ends by itself and says so on its backup: the run is over when they are queued.
async fn prove(context: &Context, run: &Run, schedule: &Schedule, attempt: &Attempt) -> Result<(), Error> {
    let tagged = match &schedule.tag {
        Some(tag) => context.store.central().read(async |tx| all_tagged(tx, tag).await).await?,
        None => HashSet::new(),
    };
    let covers = |backup: &Old| match (schedule.scope, backup.tenant_id) {
        (ScheduleScope::All, _) | (ScheduleScope::Central, None) => true,
        (ScheduleScope::Tag, Some(tenant)) => tagged.contains(&tenant),
        (ScheduleScope::Tenant, Some(tenant)) => schedule.tenant_id == Some(tenant),
        _ => false,
    };
    oldest_first(context, run, schedule.prove_bytes.unwrap_or(i64::MAX), attempt, covers).await
}

async fn all_tagged(tx: &mut Tx, tag: &str) -> Result<HashSet<TenantId>, Error> {
    let mut tagged = HashSet::new();
    let mut reached = None;
    loop {
        let page = tenants::tagged(tx, tag, reached, PAGE).await?;
        let Some(last) = page.last() else { return Ok(tagged) };
        reached = Some(last.id);
        tagged.extend(page.iter().map(|tenant| tenant.id));
    }
}

fn covers_central(schedule: &Schedule) -> bool {
    matches!(schedule.scope, ScheduleScope::All | ScheduleScope::Central)
}

/// The next tenants behind `reached`, suspended ones too: what they have is still theirs.
async fn covered(tx: &mut Tx, schedule: &Schedule, reached: Option<TenantId>) -> Result<Vec<Tenant>, Error> {
    match (schedule.scope, schedule.tenant_id, &schedule.tag) {
        (ScheduleScope::All, ..) => tenants::to_back_up(tx, reached, PAGE).await,
        (ScheduleScope::Tag, _, Some(tag)) => tenants::tagged(tx, tag, reached, PAGE).await,
        (ScheduleScope::Tenant, Some(id), _) if reached.is_none() => {
            let tenant = tenants::find(tx, id).await?;
            Ok(tenant.into_iter().filter(|tenant| tenant.deleted_at.is_none()).collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// A backup and its job, unless the one before is still to be made; whether it was added.
async fn enqueue(
    context: &Context,
    tx: &mut Tx,
    schedule: &Schedule,
    run: &Run,
    tenant: Option<&Tenant>,
    now: Timestamp,
) -> Result<bool, Error> {
    let tenant_id = tenant.map(|tenant| tenant.id);
    if backups::is_awaited(tx, schedule.id, tenant_id).await? {
        tracing::info!(schedule = %schedule.id, tenant = ?tenant_id, "schedule.still_awaited");
        return Ok(false);
    }
    let ids = context.store.ids();
    let id: BackupId = ids.next();
    let new = New {
        id,
        tenant: tenant.map(|tenant| (tenant.id, tenant.slug.clone())),
        origin: Origin::Schedule,
        run: Some((schedule.id, run.id)),
        requested_by: run.requested_by.clone(),
        trace_id: context::current_trace_id(),
        at: now,
    };
    let ordered = order(tx, ids, &new, tenant, |job| when(job, schedule, run, tenant_id, now)).await?;
    if let Some(reason) = ordered {
        let event = Event::done("backup.failed", "backup", id).ending(audit::Outcome::Failed, &reason.words);
        context.audit(tx, event).await?;
        if let Some(backup) = backups::find(tx, id).await? {
            tell::backup_failed(context, tx, &backup, &reason.words).await?;
        }
    }
    Ok(true)
}

/// When and before whom: what the clock fires at once is spread, each database at a moment of its own.
fn when(job: NewJob, schedule: &Schedule, run: &Run, tenant: Option<TenantId>, now: Timestamp) -> NewJob {
    if run.fired_by == FiredBy::Person {
        return NewJob { priority: BY_PERSON, ..job };
    }
    let job = NewJob { priority: BY_TIME, ..job };
    let seed = format!("{} {} {}", schedule.id, tenant.map(|id| id.to_string()).unwrap_or_default(), run.due_at);
    let bound = Duration::from_secs(u64::try_from(schedule.jitter_seconds).unwrap_or(0));
    let run_at = run.due_at.plus(jitter(seed.as_bytes(), bound));
    if run_at > now { job.at(run_at) } else { job }
}
