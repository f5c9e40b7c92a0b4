//! Uploads that nobody went on with, and those that became backups: forgotten, row and file.

use std::{io, time::SystemTime};

use chiliview_store::{Error, UploadId, uploads};

use crate::context::Context;

const AT_ONCE: i64 = 100;
/// A file whose row is not committed yet, or not any more.
const STRANGE_FOR: std::time::Duration = std::time::Duration::from_secs(2 * 24 * 3600);

/// Removes what is over.
pub(crate) async fn sweep(context: &Context) -> Result<(), Error> {
    let (now, central) = (context.now(), context.store.central());
    let (expired, used) = central
        .read(async |tx| Ok::<_, Error>((uploads::expired(tx, now, AT_ONCE).await?, uploads::used(tx, AT_ONCE).await?)))
        .await?;
    for upload in expired.iter().chain(&used) {
        forget(context, upload.id).await?;
        tracing::info!(upload = %upload.id, backup = ?upload.backup_id, "upload.forgotten");
    }
    strangers(context).await
}

/// The file first: on a full disk, that is the room for the rest.
pub(crate) async fn forget(context: &Context, id: UploadId) -> Result<(), Error> {
    let path = context.store.data_dir().upload(id);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", path)(error)),
        _ => {}
    }
    context.store.central().write(async |tx| uploads::delete(tx, id).await).await?;
    Ok(())
}

async fn strangers(context: &Context) -> Result<(), Error> {
    let directory = context.store.data_dir().uploads();
    let now = SystemTime::from(context.now().to_datetime());
    for entry in std::fs::read_dir(&directory).map_err(Error::io("list", &directory))? {
        let entry = entry.map_err(Error::io("list", &directory))?;
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<UploadId>().ok()) else { continue };
        let modified = entry.metadata().and_then(|meta| meta.modified()).map_err(Error::io("look at", entry.path()))?;
        let old = now.duration_since(modified).is_ok_and(|age| age > STRANGE_FOR);
        let known = context.store.central().read(async |tx| uploads::find(tx, id).await).await?.is_some();
        if old && !known {
            forget(context, id).await?;
        }
    }
    Ok(())
}
