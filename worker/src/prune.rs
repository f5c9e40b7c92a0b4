//! The daily pruning: moves to the trash what no policy keeps any more. Nothing is removed from the shelf before its time
//! in the trash is over. It may run as often as it likes: what went is gone, and what stays is found to stay again.

use chiliview_agenda::Holdings;
use chiliview_store::{
    BackupId, Error, TenantId, Timestamp, Tx,
    audit::Event,
    backups,
    queue::{self, NewJob},
    tenants::{self, Tenant},
};

use crate::{
    context::Context,
    queue::{Outcome, Work},
    reasons::{because, later},
};

/// Tenants in one read.
const PAGE: i64 = 100;
/// Backups of one database that are looked at, the newest ones.
const BACKUPS: i64 = 10_000;

/// Does the job.
pub(crate) async fn run(context: &Context) -> Outcome {
    // What is kept is decided by what can be restored, which nobody knows while the shelf is not the one.
    if let Err(error) = context.shelf.is_itself().await {
        return Outcome::Retry { after: None, reason: because(&error) };
    }
    match all(context).await {
        Ok(gone) => {
            tracing::info!(gone, "retention.pruned");
            Outcome::Done
        }
        Err(error) => later(&error),
    }
}

/// Every database but those of tenants in the trash: whoever takes them out again finds all as it was.
async fn all(context: &Context) -> Result<usize, Error> {
    let mut gone = database(context, None).await?;
    let mut reached: Option<TenantId> = None;
    loop {
        let page = context.store.central().read(async |tx| tenants::to_back_up(tx, reached, PAGE).await).await?;
        let Some(last) = page.last() else { return Ok(gone) };
        reached = Some(last.id);
        for tenant in &page {
            gone += database(context, Some(tenant)).await?;
        }
    }
}

/// Writes only where something goes.
async fn database(context: &Context, tenant: Option<&Tenant>) -> Result<usize, Error> {
    let now = context.now();
    let central = context.store.central();
    let going = central.read(async |tx| going(context, tx, tenant, now).await).await?;
    if going.is_empty() { Ok(0) } else { central.write(async |tx| discard(context, tx, tenant, now).await).await }
}

async fn going(
    context: &Context,
    tx: &mut Tx,
    tenant: Option<&Tenant>,
    now: Timestamp,
) -> Result<Vec<BackupId>, Error> {
    let holdings = Holdings::read(tx, tenant, BACKUPS).await?;
    let fates = holdings.fates(&context.config.keeping, now);
    Ok(fates.into_iter().filter(|fate| fate.keep.is_empty()).map(|fate| fate.held.id).collect())
}

/// Decides again, in the transaction that acts on it.
async fn discard(context: &Context, tx: &mut Tx, tenant: Option<&Tenant>, now: Timestamp) -> Result<usize, Error> {
    let purge_after = now.plus(context.config.trash);
    let mut gone = 0;
    for id in going(context, tx, tenant, now).await? {
        // Pinned meanwhile, or being proven again: another day.
        if !backups::delete(tx, id, now, purge_after).await? {
            continue;
        }
        let job = NewJob::new(context.store.ids().next(), Work::PurgeBackup { backup: id });
        queue::enqueue(tx, &job.at(purge_after)).await?;
        context.audit(tx, Event::done("backup.expire", "backup", id)).await?;
        gone += 1;
    }
    Ok(gone)
}
