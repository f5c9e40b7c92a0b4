//! Removes for good what lay in the trash long enough. Each step may run again.

use chiliview_store::{
    BackupId, Error, TenantId,
    audit::Event,
    backups,
    exchange::Exchange,
    paging::{Direction, Page},
    restores::{self, RestoreStatus},
    tenant_schemas, tenants,
};

use crate::{backup::key_of, context::Context, queue::Outcome};

/// More restores of one tenant are not kept within one window.
const RESTORES: i64 = 1000;

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
        Err(error) => Outcome::Retry { after: None, reason: format!("failed to {error:#}") },
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
    let filter = restores::Filter { tenant: Some(id), status: Some(RestoreStatus::Done) };
    let page = Page { after: None, limit: RESTORES, direction: Direction::Descending };
    let rows = context.store.central().read(async |tx| restores::list(tx, &filter, &page).await).await?;
    for row in rows.iter().filter(|row| row.undo_until.is_some()) {
        Exchange::new(&context.store, row.id, id).discard_kept().await?;
    }
    Ok(())
}

async fn purge_backup(context: &Context, id: BackupId) -> anyhow::Result<()> {
    let now = context.now();
    let row = context.store.central().read(async |tx| backups::find(tx, id).await).await?;
    let Some(row) = row.filter(|backup| backup.purge_after.is_some_and(|end| end <= now)) else { return Ok(()) };
    context.shelf.remove(&key_of(&row)).await?;
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
