//! The lookout: what nobody does but time. Room that runs out and schedules that are late are told of once when it begins and
//! once when it is over; dead-man pings go out for as long as every schedule is in time.
//!
//! Every worker looks. What a look changes is one transaction that reads again what holds, so each thing is told once,
//! however many there are.

mod disk;
mod pings;

use std::{collections::HashMap, time::Duration};

use chiliview_notify::{Fact, Kind, Notice};
use chiliview_store::{
    Error, ScheduleId, Timestamp, Tx,
    backups::{self, Late, Punctuality},
    conditions::{self, Condition},
    schedules::{self, Schedule},
};
use tokio_util::sync::CancellationToken;

use crate::{
    context::Context,
    tell::{self, About},
};

/// What an installation decides about it.
#[derive(Clone, Debug)]
pub struct Lookout {
    /// How often it is looked.
    pub every: Duration,
    /// How long a backup may take after it was due before its schedule is late.
    pub grace: Duration,
    /// Where less is free, room runs out.
    pub disk_low: u64,
    /// How often a dead-man ping is sent.
    pub ping_every: Duration,
}

impl Default for Lookout {
    fn default() -> Self {
        Self {
            every: Duration::from_mins(1),
            grace: Duration::from_hours(2),
            disk_low: 2 << 30,
            ping_every: Duration::from_mins(5),
        }
    }
}

/// Looks until `shutdown`.
pub(crate) async fn run(context: &Context, shutdown: &CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(context.config.lookout.every) => {}
        }
        if let Err(error) = look(context).await {
            tracing::warn!(%error, "lookout.failed");
        }
    }
}

async fn look(context: &Context) -> Result<(), Error> {
    context.store.look_at_clock().await?;
    disk::look(context).await?;
    let (now, grace) = (context.now(), context.config.lookout.grace);
    let central = context.store.central();
    let punctuality = central.read(async |tx| backups::punctuality(tx, now, grace).await).await?;
    told(context, &punctuality).await?;
    pings::send(context, &punctuality).await
}

/// The conditions of one kind that hold, by subject.
async fn holding(context: &Context, kind: Kind) -> Result<HashMap<String, Condition>, Error> {
    let central = context.store.central();
    let rows = central.read(async |tx| conditions::of_kind(tx, kind.name()).await).await?;
    Ok(rows.into_iter().map(|row| (row.subject.clone(), row)).collect())
}

/// Tells of schedules that are late now and were not, and of those that were and are not any more.
async fn told(context: &Context, punctuality: &Punctuality) -> Result<(), Error> {
    let mut before = holding(context, Kind::ScheduleLate).await?;
    for late in &punctuality.late {
        if before.remove(&subject(late.schedule)).is_none() {
            context.store.central().write(async |tx| became_late(context, tx, late).await).await?;
        }
    }
    for over in before.into_keys() {
        context.store.central().write(async |tx| is_over(context, tx, &over).await).await?;
    }
    Ok(())
}

fn subject(schedule: ScheduleId) -> String {
    format!("schedule:{schedule}")
}

async fn became_late(context: &Context, tx: &mut Tx, late: &Late) -> Result<(), Error> {
    let now = context.now();
    let subject = subject(late.schedule);
    if !conditions::begin(tx, &subject, Kind::ScheduleLate.name(), now).await? {
        return Ok(());
    }
    let Some(schedule) = schedules::find(tx, late.schedule).await? else { return Ok(()) };
    let cause = format!("{} databases were not backed up since {}", late.databases, late.due_at);
    let notice = Notice::new(Kind::ScheduleLate, now.to_datetime())
        .fact(Fact::Schedule, &late.name)
        .fact(Fact::Due, &late.due_at.to_string())
        .cause(&cause);
    let notice = match late.safe_at {
        Some(at) => notice.fact(Fact::LastVerified, &at.to_string()),
        None => notice,
    };
    tell::raise(context, tx, about(subject, &schedule), notice).await
}

/// One that was deleted or paused meanwhile owes nothing, and is no news.
async fn is_over(context: &Context, tx: &mut Tx, subject: &str) -> Result<(), Error> {
    let Some(since) = conditions::end(tx, subject).await? else { return Ok(()) };
    let id = subject.strip_prefix("schedule:").and_then(|id| id.parse::<ScheduleId>().ok());
    let schedule = match id {
        Some(id) => schedules::find(tx, id).await?,
        None => None,
    };
    let Some(schedule) = schedule.filter(|schedule| schedule.paused_at.is_none()) else { return Ok(()) };
    let notice = over(Kind::ScheduleRecovered, context.now(), since).fact(Fact::Schedule, &schedule.name);
    tell::raise(context, tx, about(subject.to_owned(), &schedule), notice).await
}

fn about(subject: String, schedule: &Schedule) -> About {
    About { subject, tenant: schedule.tenant_id, page: format!("schedules/{}", schedule.id) }
}

fn over(kind: Kind, now: Timestamp, since: Timestamp) -> Notice {
    Notice::new(kind, now.to_datetime()).fact(Fact::Since, &since.to_string())
}
