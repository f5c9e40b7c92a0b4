//! Removes for good what lay in the trash long enough. Each step may run again.

use std::time::Duration;

use chiliview_snapshot::{ArtefactKey, Error as SnapshotError};
use chiliview_store::{
    BackupId, Error, TenantId,
    audit::Event,
    backups,
    exchange::Exchange,
    paging::{Direction, Page},
    queue::{self, NewJob},
    restores::{self, RestoreStatus},
    tenant_schemas, tenants,
};

use crate::{
    context::Context,
    queue::{Outcome, Work},
    reasons, uploads,
};

/// More restores of one tenant are not kept within one window.
const RESTORES: i64 = 1000;
/// When a purge is tried again that met another shelf.
const PUT_OFF: Duration = Duration::from_hours(1);

/// A tenant: first its database, then its row, so that a crash between leaves a row that is purged again.
pub(crate) async fn tenant(context: &Context, id: TenantId) -> Outcome {
    ended(purge_tenant(context, id).await)
}

/// A backup: first its snapshot, then its row.
pub(crate) async fn backup(context: &Context, id: BackupId) -> Outcome {
    ended(purge_backup(context, id).await)
}

fn ended(done: anyhow::Result<()>) -> Outcome {
    match done {
        Ok(()) => Outcome::Done,
        Err(error) => Outcome::Retry { after: None, reason: reasons::of(&error) },
    }
}

async fn purge_tenant(context: &Context, id: TenantId) -> anyhow::Result<()> {
    let now = context.now();
    let row = context.store.central().read(async |tx| tenants::find(tx, id).await).await?;
    // Undeleted, or deleted anew with a later end: that has a job of its own.
    let due = row.and_then(|tenant| tenant.purge_after).is_some_and(|end| end <= now);
    if !due {
        return Ok(());
    }
    context.store.remove_tenant_database(id).await?;
    discard_kept(context, id).await?;
    uploads::forget_of(context, id).await?;
    context
        .store
        .central()
        .write(async |tx| {
            tenant_schemas::forget(tx, id).await?;
            if tenants::purge(tx, id).await? {
                context.audit(tx, Event::done("tenant.purge", "tenant", id)).await?;
            }
            Ok::<_, chiliview_store::Error>(())
        })
        .await?;
    Ok(())
}

/// What restores of the tenant replaced, and was still kept for an undo.
async fn discard_kept(context: &Context, id: TenantId) -> Result<(), Error> {
    let filter = restores::Filter { tenant: Some(id), status: Some(RestoreStatus::Done), q: None };
    let page = Page { after: None, limit: RESTORES, direction: Direction::Descending };
    let rows = context.store.central().read(async |tx| restores::list(tx, &filter, &page).await).await?;
    for row in rows.iter().filter(|row| row.undo_until.is_some()) {
        Exchange::new(&context.store, row.id, id, row.attempt).discard_kept().await?;
    }
    Ok(())
}

/// Another shelf lies in the place of ours: the snapshot is still there when that is back.
async fn put_off(context: &Context, id: BackupId) -> anyhow::Result<()> {
    let job = NewJob::new(context.store.ids().next(), Work::PurgeBackup { backup: id });
    let job = job.at(context.now().plus(PUT_OFF));
    context.store.central().write(async |tx| queue::enqueue(tx, &job).await).await?;
    tracing::warn!(backup = %id, "backup.purge_put_off");
    Ok(())
}

async fn purge_backup(context: &Context, id: BackupId) -> anyhow::Result<()> {
    let now = context.now();
    let row = context.store.central().read(async |tx| backups::find(tx, id).await).await?;
    let Some(row) = row.filter(|backup| backup.purge_after.is_some_and(|end| end <= now)) else { return Ok(()) };
    match context.shelf.remove(&ArtefactKey::last_of(&row)).await {
        Err(SnapshotError::AnotherShelf { .. }) => return put_off(context, id).await,
        removed => removed?,
    };
    context
        .store
        .central()
        .write(async |tx| {
            if backups::purge(tx, id).await? {
                context.audit(tx, Event::done("backup.purge", "backup", id)).await?;
            }
            Ok::<_, chiliview_store::Error>(())
        })
        .await?;
    Ok(())
}
