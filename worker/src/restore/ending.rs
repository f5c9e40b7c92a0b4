//! The end of a restore: written down first, then all is removed that nobody needs any more. Nothing of it is done by one who
//! was overtaken.

use chiliview_store::{
    Error, RestoreId,
    audit::{self, Event},
    reason::Reason,
    restores::{self, RestoreStatus},
};

use super::{present, swap_of};
use crate::{
    context::Context,
    queue::{Attempt, Outcome},
    reasons::{called_off, later},
    tell,
};

/// Somebody asked for it.
pub(super) async fn call_off(context: &Context, id: RestoreId, attempt: &Attempt) -> Result<(), Error> {
    end(context, id, attempt, RestoreStatus::Cancelled, &called_off()).await
}

/// The row says how it ended.
pub(super) async fn end(
    context: &Context,
    id: RestoreId,
    attempt: &Attempt,
    status: RestoreStatus,
    reason: &Reason,
) -> Result<(), Error> {
    let now = context.now();
    let (action, outcome) = match status {
        RestoreStatus::Cancelled => ("restore.cancelled", audit::Outcome::Success),
        _ => ("restore.failed", audit::Outcome::Failed),
    };
    fail::fail_point!("worker.restore_ending", |_| Err(Error::DiskFull));
    let ended = context.write_for(attempt, async |tx| {
        let before = restores::find(tx, id).await?;
        if !restores::end(tx, id, status, reason, now).await? {
            return Ok(());
        }
        context.audit(tx, Event::done(action, "restore", id).ending(outcome, &reason.words)).await?;
        if let Some(row) = before.filter(|_| status == RestoreStatus::Failed) {
            tell::restore_failed(context, tx, &row, &reason.words).await?;
        }
        Ok::<_, Error>(())
    });
    ended.await.map(drop)
}

async fn is_held(context: &Context, attempt: &Attempt) -> Result<bool, Error> {
    Ok(context.write_for(attempt, async |_| Ok::<_, Error>(())).await?.is_some())
}

pub(super) async fn settled(context: &Context, id: RestoreId, attempt: &Attempt) -> Outcome {
    match settle(context, id, attempt).await {
        Ok(()) => Outcome::Done,
        Err(error) => later(&error),
    }
}

/// After the end: the lock goes, and what nobody needs any more.
pub(super) async fn settle(context: &Context, id: RestoreId, attempt: &Attempt) -> Result<(), Error> {
    if !is_held(context, attempt).await? {
        return Ok(());
    }
    let row = context.store.central().read(async |tx| restores::find(tx, id).await).await?;
    let Some(row) = row.filter(|row| row.status.is_terminal()) else { return Ok(()) };
    let swap = swap_of(context, &row);
    // First the tenant may write: what is not needed may be held by one who is frozen, and that takes its time.
    present::unlock(context, &row, attempt).await?;
    swap.discard_staged().await?;
    if matches!(row.status, RestoreStatus::Failed | RestoreStatus::Cancelled | RestoreStatus::Undone) {
        // What is put aside then is the restored one.
        swap.discard_kept().await?;
    }
    Ok(())
}
