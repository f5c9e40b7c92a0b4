//! Uploads that nobody went on with, and those that became backups: forgotten, on the shelf and in the list.

use std::time::{Duration, SystemTime};

use chiliview_store::{Error, TenantId, UploadId, uploads};

use crate::context::Context;

const AT_ONCE: i64 = 100;
/// A tenant has some dozens at the most.
const OF_A_TENANT: i64 = 1000;
/// By so much the clocks of two machines may differ: what one of them just took is not over for the other.
const GRACE: Duration = Duration::from_mins(10);
/// Pieces of an upload that no row knows: of a list that was put back to an older state, or that came while it was forgotten.
const STRANGE_FOR: Duration = Duration::from_hours(2 * 24);
const FORMER_FOR: Duration = Duration::from_hours(24);
/// A thousand uploads each; the oldest come first.
const PAGES: usize = 10;

/// Removes what is over.
pub(crate) async fn sweep(context: &Context) -> anyhow::Result<()> {
    if let Err(error) = discard_former(context) {
        tracing::warn!(%error, "uploads.former_stay");
    }
    context.shelf.recognise(&context.store).await?;
    let (over, central) = (context.now().minus(GRACE), context.store.central());
    let (expired, used) = central
        .read(async |tx| {
            Ok::<_, Error>((uploads::expired(tx, over, AT_ONCE).await?, uploads::used(tx, AT_ONCE).await?))
        })
        .await?;
    for upload in expired.iter().chain(&used) {
        forget(context, upload.id).await?;
        tracing::info!(upload = %upload.id, backup = ?upload.backup_id, "upload.forgotten");
    }
    strangers(context).await
}

/// Everything that a tenant who is purged has uploaded. What cannot be removed now goes with the next sweep.
pub(crate) async fn forget_of(context: &Context, tenant: TenantId) -> Result<(), Error> {
    let (now, central) = (context.now(), context.store.central());
    central.write(async |tx| uploads::close_of(tx, tenant, now).await).await?;
    let all = central.read(async |tx| uploads::of_tenant(tx, tenant, OF_A_TENANT).await).await?;
    for upload in all {
        if let Err(error) = forget(context, upload.id).await {
            tracing::warn!(upload = %upload.id, error = format!("{error:#}"), "upload.not_forgotten");
        }
    }
    Ok(())
}

/// The pieces first: on a full disk, they are the room for the rest.
async fn forget(context: &Context, id: UploadId) -> anyhow::Result<()> {
    context.shelf.remove_upload(id).await?;
    context.store.central().write(async |tx| uploads::delete(tx, id).await).await?;
    Ok(())
}

async fn strangers(context: &Context) -> anyhow::Result<()> {
    let mut after = None;
    for _ in 0..PAGES {
        let page = context.shelf.uploads(after).await?;
        let Some(last) = page.last() else { break };
        after = Some(*last);
        for id in unknown(context, &page).await? {
            let Some(touched) = context.shelf.upload_touched(id).await? else { continue };
            let now = SystemTime::from(context.now().to_datetime());
            if now.duration_since(touched).is_ok_and(|age| age > STRANGE_FOR) {
                context.shelf.remove_upload(id).await?;
                tracing::info!(upload = %id, "upload.stranger_removed");
            }
        }
    }
    Ok(())
}

async fn unknown(context: &Context, all: &[UploadId]) -> Result<Vec<UploadId>, Error> {
    let find = async |tx: &mut chiliview_store::Tx| {
        let mut unknown = Vec::new();
        for id in all {
            if uploads::find(tx, *id).await?.is_none() {
                unknown.push(*id);
            }
        }
        Ok(unknown)
    };
    context.store.central().read(find).await
}

/// Versions before kept uploads as files in the data directory. One of their processes may still be at work; who has not gone
/// on with a file for a day does not any more.
fn discard_former(context: &Context) -> Result<(), Error> {
    let directory = context.store.data_dir().former_uploads();
    let Ok(entries) = directory.read_dir() else { return Ok(()) };
    let now = SystemTime::from(context.now().to_datetime());
    for entry in entries {
        let path = entry.map_err(Error::io("list", &directory))?.path();
        let stat = path.symlink_metadata().map_err(Error::io("look at", &path))?;
        let modified = stat.modified().map_err(Error::io("look at", &path))?;
        // A shelf may lie there too, with pieces in directories.
        if stat.is_file() && now.duration_since(modified).is_ok_and(|age| age > FORMER_FOR) {
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}
