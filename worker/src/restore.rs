//! One restore: proven again, unpacked beside the live database, migrated and checked; then the live one is locked and backed
//! up, and the two directories, or schemas, change places. From the lock on no write is taken until the restore is over, so there is
//! none that a way back could lose; and which of the two is live is read from where they lie, so whoever goes on after a crash
//! knows where he is. The lock goes when the end is written: a job is not done while it is there.

mod ending;
mod failure;
mod fence;
mod leftovers;
mod present;
mod stage;
mod tenant;
mod undo;

use std::time::Duration;

use chiliview_store::{
    Error, RestoreId,
    audit::Event,
    exchange::Exchange,
    migrations::{Kind, newest},
    queue::{self, NewJob},
    reason::Reason,
    restores::{self, Restore, RestoreStatus, Target},
    sessions,
    swap::Live,
    tenant_schemas, tenants,
};

pub(crate) use self::leftovers::sweep;
pub(crate) use self::undo::{forget, give_up_undo, undo};
use self::{
    ending::{call_off, end, settle, settled},
    failure::Failure,
};
use crate::{
    context::Context,
    queue::{Attempt, Outcome, Work},
    reasons::later,
};

/// A worker of a newer version may be there by then, while one version replaces the other…
const FOR_THE_NEWER: Duration = Duration::from_mins(1);
/// …or there is none, and somebody waits for an answer.
const NO_NEWER: Duration = Duration::from_mins(30);

/// Does the job.
pub(crate) async fn restore(context: &Context, id: RestoreId, attempt: &Attempt) -> Outcome {
    let (row, number) = match begin(context, id, attempt).await {
        Ok(Some(begun)) => begun,
        // It has ended; what was cut off then is the end of the lock.
        Ok(None) => return settled(context, id, attempt).await,
        Err(error) => return later(&error),
    };
    let failure = match run(context, &row, number, attempt).await {
        Ok(()) => return settled(context, id, attempt).await,
        Err(failure) => failure,
    };
    leftovers::discard_own(context, &row).await;
    match failure {
        Failure::Overtaken => Outcome::Done,
        Failure::Cancelled => match call_off(context, id, attempt).await {
            Ok(()) => settled(context, id, attempt).await,
            Err(error) => later(&error),
        },
        Failure::ForTheNewer(reason) => {
            pause(context, &row, number, attempt, &reason).await;
            Outcome::PutOff { after: FOR_THE_NEWER, at_most: NO_NEWER, reason }
        }
        failure if failure.is_final() => Outcome::GiveUp { reason: failure.reason() },
        failure => {
            let reason = failure.reason();
            if !attempt.gives_up(&reason) {
                pause(context, &row, number, attempt, &reason).await;
            }
            Outcome::Retry { after: None, reason }
        }
    }
}

/// The last attempt failed: the database from before serves again, and the row says why.
pub(crate) async fn give_up(
    context: &Context,
    id: RestoreId,
    attempt: &Attempt,
    reason: &Reason,
) -> anyhow::Result<()> {
    let row = context.store.central().read(async |tx| restores::find(tx, id).await).await?;
    let Some(row) = row else { return Ok(()) };
    if !row.status.is_terminal() {
        let swap = swap_of(context, &row);
        if !swap.mend(async |tx| attempt.holds(tx).await).await? {
            return Ok(());
        }
        if swap.live().await? == Live::Restored {
            let _open = present::keep_open(context, &row).await;
            if !swap.bring_back(async |tx| attempt.holds(tx).await).await? {
                return Ok(());
            }
        }
        present::give_up_safety(context, &row, attempt, reason).await?;
        end(context, id, attempt, RestoreStatus::Failed, reason).await?;
    }
    settle(context, id, attempt).await?;
    Ok(())
}

fn swap_of(context: &Context, row: &Restore) -> Exchange {
    Exchange::new(&context.store, row.id, row.tenant_id, row.attempt)
}

/// Takes the restore for this attempt; nothing when it has ended already.
async fn begin(context: &Context, id: RestoreId, attempt: &Attempt) -> Result<Option<(Restore, i64)>, Error> {
    let now = context.now();
    let begun = context.write_for(attempt, async |tx| {
        let Some(number) = restores::start(tx, id, now).await? else { return Ok(None) };
        Ok::<_, Error>(restores::find(tx, id).await?.map(|row| (row, number)))
    });
    Ok(begun.await?.flatten())
}

async fn run(context: &Context, row: &Restore, number: i64, attempt: &Attempt) -> Result<(), Failure> {
    let swap = swap_of(context, row);
    ours(swap.mend(async |tx| attempt.holds(tx).await).await?)?;
    if swap.live().await? != Live::Restored {
        replace(context, row, number, attempt, &swap).await?;
    }
    present::check(context, row, attempt).await?;
    fail::fail_point!("worker.restore_checked", |_| Err(Failure::injected()));
    commit(context, row, number, attempt, &swap).await?;
    fail::fail_point!("worker.restore_committed", |_| Err(Failure::injected()));
    tracing::info!(restore = %row.id, tenant = %row.tenant_id, "restore.done");
    Ok(())
}

/// Everything before the swap, and the swap.
async fn replace(
    context: &Context,
    row: &Restore,
    number: i64,
    attempt: &Attempt,
    swap: &Exchange,
) -> Result<(), Failure> {
    if context.store.central().read(async |tx| restores::is_cancel_requested(tx, row.id).await).await? {
        return Err(Failure::Cancelled);
    }
    stage::make_ready(context, row, number, attempt, swap).await?;
    fail::fail_point!("worker.restore_staged", |_| Err(Failure::injected()));
    // Held open over the swap: see `swap`.
    let present = match row.target {
        Target::Same => present::secure(context, row, number, attempt).await?,
        Target::New => None,
    };
    fail::fail_point!("worker.restore_saved", |_| Err(Failure::injected()));
    pass_the_point(context, row.id, number, attempt).await?;
    fail::fail_point!("worker.restore_before_swap", |_| Err(Failure::injected()));
    ours(swap.bring_in(async |tx| attempt.holds(tx).await).await?)?;
    drop(present);
    fail::fail_point!("worker.restore_swapped", |_| Err(Failure::injected()));
    Ok(())
}

fn ours(held: bool) -> Result<(), Failure> {
    if held { Ok(()) } else { Err(Failure::Overtaken) }
}

async fn pass_the_point(context: &Context, id: RestoreId, number: i64, attempt: &Attempt) -> Result<(), Failure> {
    let now = context.now();
    let passed = context.write_for(attempt, async |tx| {
        if !restores::passes_the_point(tx, id, number, now).await? {
            let asked = restores::is_cancel_requested(tx, id).await?;
            return Err(if asked { Failure::Cancelled } else { Failure::Overtaken });
        }
        Ok(())
    });
    passed.await?.ok_or(Failure::Overtaken)
}

/// The new tenant, the end of the sessions, the job that forgets, the audit, and `done`: together or not at all.
async fn commit(
    context: &Context,
    row: &Restore,
    number: i64,
    attempt: &Attempt,
    swap: &Exchange,
) -> Result<(), Failure> {
    let now = context.now();
    let undo_until = swap.has_kept().await?.then(|| now.plus(context.config.undo_window));
    let done = context.write_for(attempt, async |tx| {
        if row.target == Target::New {
            let tenant = tenant::of(tx, row, now).await?;
            tenants::insert(tx, &tenant).await.map_err(|error| tenant::taken(error, &row.tenant_slug))?;
        }
        if !restores::done(tx, row.id, number, undo_until, now).await? {
            return Err(Failure::Overtaken);
        }
        sessions::delete_of_tenant(tx, row.tenant_id).await?;
        tenant_schemas::reached(tx, row.tenant_id, newest(Kind::Tenant), now).await?;
        if let Some(until) = undo_until {
            let work = Work::ForgetRestored { restore: row.id };
            queue::enqueue(tx, &NewJob::new(context.store.ids().next(), work).at(until)).await?;
        }
        Ok(context.audit(tx, Event::done("restore.done", "restore", row.id)).await?)
    });
    done.await?.ok_or(Failure::Overtaken)
}

/// Between two attempts the tenant may work, if its own database is live and no other attempt counts on the lock already: what is
/// written asks for that itself. What fails here only makes it wait longer.
async fn pause(context: &Context, row: &Restore, number: i64, attempt: &Attempt, reason: &Reason) {
    let now = context.now();
    let noted = async {
        if swap_of(context, row).live().await? == Live::Before {
            present::unlock(context, row, attempt).await?;
        }
        context.store.central().write(async |tx| restores::retry_later(tx, row.id, number, reason, now).await).await
    };
    if let Err(error) = noted.await {
        tracing::warn!(restore = %row.id, %error, "restore.note_failed");
    }
}
