//! The tick: fires the schedules that are due, ends the runs whose last backup has ended, and begins the daily pruning and,
//! once, the fleet's migration.
//!
//! Every worker ticks. What a tick does is one transaction that reads again what is due, so each firing happens once,
//! however many there are (ADR 5).

use std::time::Duration;

use chiliview_agenda::{Firing, fire, next_after, timing};
use chiliview_store::{
    Error, Timestamp, Tx,
    audit::{self, Event},
    backups::BackupStatus,
    queue::{self, NewJob, Wake, Work},
    schedule_runs::{self, FiredBy, Run, RunStatus},
    schedules::{self, Schedule, ScheduleAction},
};
use tokio_util::sync::CancellationToken;

use crate::{context::Context, fleet, tell};

const EVERY: Duration = Duration::from_secs(1);
/// What one tick takes on; the next one takes the rest.
const AT_ONCE: i64 = 50;
/// When a schedule that cannot be read is looked at again.
const UNREADABLE: Duration = Duration::from_secs(3600);

/// Ticks until `shutdown`.
pub(crate) async fn run(context: &Context, wake: &Wake, shutdown: &CancellationToken) {
    let mut begun = Begun::default();
    loop {
        match tick(context, &mut begun).await {
            Ok(true) => wake.wake(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "scheduler.failed"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// What this process has seen to already.
#[derive(Default)]
struct Begun {
    /// The day on which pruning was begun last.
    pruned: Option<i64>,
    /// Whether the fleet's migration to this version's schema is known.
    fleet: bool,
}

/// Answers whether there is a new job. Nothing is written when nothing is to be done.
async fn tick(context: &Context, begun: &mut Begun) -> Result<bool, Error> {
    let now = context.now();
    let central = context.store.central();
    let (due, over) = central
        .read(async |tx| {
            let due = !schedules::due(tx, now, 1).await?.is_empty();
            Ok::<_, Error>((due, !schedule_runs::over(tx, 1).await?.is_empty()))
        })
        .await?;
    let mut enqueued = false;
    if due {
        enqueued = central.write(async |tx| fire_due(context, tx, now).await).await?;
    }
    if over {
        central.write(async |tx| end_over(context, tx, now).await).await?;
    }
    let day = context.config.keeping.day(now);
    if begun.pruned != Some(day) {
        enqueued |= central.write(async |tx| prune(context, tx, day).await).await?;
        begun.pruned = Some(day);
    }
    if !begun.fleet {
        enqueued |= fleet::begin(context).await?;
        begun.fleet = true;
    }
    Ok(enqueued)
}

async fn fire_due(context: &Context, tx: &mut Tx, now: Timestamp) -> Result<bool, Error> {
    let mut fired = false;
    for schedule in schedules::due(tx, now, AT_ONCE).await? {
        fired |= fire_one(context, tx, &schedule, now).await?;
    }
    Ok(fired)
}

/// Fires a schedule that is due, once for all that was missed; one that is new only learns when it will be due.
async fn fire_one(context: &Context, tx: &mut Tx, schedule: &Schedule, now: Timestamp) -> Result<bool, Error> {
    let timing = match timing(schedule) {
        Ok(timing) => timing,
        Err(error) => {
            tracing::error!(schedule = %schedule.id, %error, "schedule.unreadable");
            schedules::advance(tx, schedule.id, now.plus(UNREADABLE), None).await?;
            return Ok(false);
        }
    };
    let due = schedule.next_at.and_then(|next_at| timing.collapse(next_at.to_datetime(), now.to_datetime()));
    let Some(due) = due else {
        schedules::advance(tx, schedule.id, next_after(&timing, now), None).await?;
        return Ok(false);
    };
    let due_at = due.due_at.into();
    let requested_by = format!("schedule {}", schedule.name);
    let firing = Firing { due_at, by: FiredBy::Time, requested_by, missed: due.missed };
    let run = fire(tx, context.store.ids(), schedule, firing, now).await?;
    schedules::advance(tx, schedule.id, next_after(&timing, now), Some(due_at)).await?;
    if run.is_some() && due.missed > 0 && schedule.action == ScheduleAction::BackUp {
        tell::runs_missed(context, tx, schedule, due.missed, due_at).await?;
    }
    if let Some(run) = run {
        tracing::info!(schedule = %schedule.id, %run, due_at = %due_at, missed = due.missed, "schedule.fired");
    }
    Ok(run.is_some())
}

async fn end_over(context: &Context, tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    for run in schedule_runs::over(tx, AT_ONCE).await? {
        end(context, tx, &run, now).await?;
    }
    Ok(())
}

/// Says how a run went, by how its backups ended.
async fn end(context: &Context, tx: &mut Tx, run: &Run, now: Timestamp) -> Result<(), Error> {
    let (mut good, mut bad) = (0, 0);
    for (status, count) in schedule_runs::tally(tx, run.id).await? {
        match status {
            BackupStatus::Failed | BackupStatus::Cancelled | BackupStatus::Damaged => bad += count,
            _ => good += count,
        }
    }
    let (status, error) = match (good, bad) {
        (_, 0) => (RunStatus::Done, None),
        (0, _) => (RunStatus::Failed, Some("no backup was made".to_owned())),
        (_, bad) => (RunStatus::Partial, Some(format!("{bad} of {} backups were not made", good + bad))),
    };
    if !schedule_runs::end(tx, run.id, status, error.clone(), now).await? {
        return Ok(());
    }
    tracing::info!(schedule = %run.schedule_id, run = %run.id, %status, good, bad, "schedule.run_ended");
    if let Some(reason) = error {
        let event = Event::done("schedule.run_failed", "schedule", run.schedule_id);
        context.audit(tx, event.ending(audit::Outcome::Failed, reason)).await?;
    }
    Ok(())
}

/// Once a day, for all workers together.
async fn prune(context: &Context, tx: &mut Tx, day: i64) -> Result<bool, Error> {
    let job = NewJob::new(context.store.ids().next(), Work::Prune).once(format!("prune {day}"));
    queue::enqueue(tx, &job).await
}
