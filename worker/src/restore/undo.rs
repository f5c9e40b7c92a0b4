//! The way back within the window: the database from before comes out of its directory, and the restored one, backed up
//! first, goes. The same rules as on the way there: locked until it is over, and the disk says which one is live.

use chiliview_store::{
    Error, RestoreId,
    audit::{self, Event},
    exchange::Exchange,
    queue::{self, NewJob},
    reason::Reason,
    restores::{self, Restore, RestoreStatus},
    sessions,
};

use super::{FOR_THE_NEWER, NO_NEWER, failure::Failure, ours, present, settle, settled, swap_of};
use crate::{
    context::Context,
    queue::{Attempt, Outcome, Work},
    reasons::later,
    tell,
};

/// Does the job.
pub(crate) async fn undo(context: &Context, id: RestoreId, attempt: &Attempt) -> Outcome {
    let (row, number) = match begin(context, id, attempt).await {
        Ok(Some(begun)) => begun,
        Ok(None) => return settled(context, id, attempt).await,
        Err(error) => return later(&error),
    };
    match run(context, &row, number, attempt).await {
        Ok(()) => settled(context, id, attempt).await,
        Err(Failure::Overtaken) => Outcome::Done,
        Err(Failure::ForTheNewer(reason)) => Outcome::PutOff { after: FOR_THE_NEWER, at_most: NO_NEWER, reason },
        Err(failure) if failure.is_final() => Outcome::GiveUp { reason: failure.reason() },
        Err(failure) => Outcome::Retry { after: None, reason: failure.reason() },
    }
}

/// The last attempt failed: the restored database serves on.
pub(crate) async fn give_up_undo(
    context: &Context,
    id: RestoreId,
    attempt: &Attempt,
    reason: &Reason,
) -> anyhow::Result<()> {
    let row = context.store.central().read(async |tx| restores::find(tx, id).await).await?;
    let Some(row) = row else { return Ok(()) };
    if row.status == RestoreStatus::Running && row.undo_requested_at.is_some() {
        let swap = swap_of(context, &row);
        if !swap.mend(async |tx| attempt.holds(tx).await).await? {
            return Ok(());
        }
        if swap.is_undone().await? && swap.has_kept().await? {
            let _open = present::keep_open(context, &row).await;
            if !swap.bring_in(async |tx| attempt.holds(tx).await).await? {
                return Ok(());
            }
        }
        present::give_up_safety(context, &row, attempt, reason).await?;
        fail(context, &row, attempt, reason).await?;
    }
    settle(context, id, attempt).await?;
    Ok(())
}

/// The window is over: what was replaced goes for good.
pub(crate) async fn forget(context: &Context, id: RestoreId) -> Outcome {
    let now = context.now();
    let forgotten = async {
        let due = context.store.central().write(async |tx| {
            let row = restores::find(tx, id).await?.filter(|row| row.status == RestoreStatus::Done);
            // While it is being undone, or when it was, the end of that sees to it.
            let Some(row) = row else { return Ok(None) };
            if restores::forget(tx, id, now).await? {
                context.audit(tx, Event::done("restore.forget", "restore", id)).await?;
                return Ok(Some(row));
            }
            // Nobody can undo it any more, and an attempt that was cut off may have left what it replaced.
            Ok::<_, Error>(row.undo_until.is_none().then_some(row))
        });
        match due.await? {
            Some(row) => swap_of(context, &row).discard_kept().await,
            None => Ok(()),
        }
    };
    match forgotten.await {
        Ok(()) => Outcome::Done,
        Err(error) => later(&error),
    }
}

async fn begin(context: &Context, id: RestoreId, attempt: &Attempt) -> Result<Option<(Restore, i64)>, Error> {
    let now = context.now();
    let begun = context.write_for(attempt, async |tx| {
        let Some(number) = restores::start_undo(tx, id, now).await? else { return Ok(None) };
        Ok::<_, Error>(restores::find(tx, id).await?.map(|row| (row, number)))
    });
    Ok(begun.await?.flatten())
}

async fn run(context: &Context, row: &Restore, number: i64, attempt: &Attempt) -> Result<(), Failure> {
    let swap = swap_of(context, row);
    ours(swap.mend(async |tx| attempt.holds(tx).await).await?)?;
    if !swap.is_undone().await? {
        look_at_kept(&swap).await?;
        let present = present::secure(context, row, number, attempt).await?;
        fail::fail_point!("worker.undo_saved", |_| Err(Failure::injected()));
        fail::fail_point!("worker.undo_before_swap", |_| Err(Failure::injected()));
        ours(swap.bring_back(async |tx| attempt.holds(tx).await).await?)?;
        drop(present);
        fail::fail_point!("worker.undo_swapped", |_| Err(Failure::injected()));
    }
    present::check(context, row, attempt).await?;
    fail::fail_point!("worker.undo_checked", |_| Err(Failure::injected()));
    commit(context, row, number, attempt).await?;
    fail::fail_point!("worker.undo_committed", |_| Err(Failure::injected()));
    tracing::info!(restore = %row.id, tenant = %row.tenant_id, "restore.undone");
    Ok(())
}

/// Before anything is touched: what is to come back is there, opens, and is whole.
async fn look_at_kept(swap: &Exchange) -> Result<(), Failure> {
    if !swap.has_kept().await? {
        return Err(Failure::refused("what the restore replaced is not there any more"));
    }
    Ok(swap.check_kept().await?)
}

async fn commit(context: &Context, row: &Restore, number: i64, attempt: &Attempt) -> Result<(), Failure> {
    let now = context.now();
    let undone = context.write_for(attempt, async |tx| {
        if !restores::undone(tx, row.id, number, now).await? {
            return Err(Failure::Overtaken);
        }
        sessions::delete_of_tenant(tx, row.tenant_id).await?;
        Ok(context.audit(tx, Event::done("restore.undone", "restore", row.id)).await?)
    });
    undone.await?.ok_or(Failure::Overtaken)
}

async fn fail(context: &Context, row: &Restore, attempt: &Attempt, reason: &Reason) -> Result<(), Error> {
    let now = context.now();
    let reason = Reason::new(reason.cause, format!("the undo failed: {reason}"));
    let job = NewJob::new(context.store.ids().next(), Work::ForgetRestored { restore: row.id });
    let job = job.at(row.undo_until.unwrap_or(now));
    let failed = context.write_for(attempt, async |tx| {
        if restores::undo_failed(tx, row.id, &reason, now).await? {
            queue::enqueue(tx, &job).await?;
            let event = Event::done("restore.undo", "restore", row.id).ending(audit::Outcome::Failed, &reason.words);
            context.audit(tx, event).await?;
            tell::restore_failed(context, tx, row, &reason.words).await?;
        }
        Ok::<_, Error>(())
    });
    failed.await.map(drop)
}
