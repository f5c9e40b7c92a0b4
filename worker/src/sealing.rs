//! For whom a backup is encrypted: the platform's recipients, and its tenant's own.

use chiliview_snapshot::{Manifest, Recipients};
use chiliview_store::{
    backups::Backup,
    tenant_recipients::{self, TenantRecipients},
};

use crate::{backup::Failure, context::Context};

/// Who is to be able to open a backup that is made now. What cannot be read never means nobody.
pub(crate) async fn wanted(context: &Context, backup: &Backup) -> Result<Recipients, Failure> {
    let platform = context.config.recipients.clone();
    let Some(tenant) = backup.tenant_id else { return Ok(platform) };
    let row = context.store.central().read(async |tx| tenant_recipients::find(tx, tenant).await).await?;
    let own = Recipients::of(row.as_ref().map_or(&[][..], TenantRecipients::keys))?;
    Ok(platform.and(&own)?)
}

/// Whether a snapshot is encrypted for exactly these.
pub(crate) fn is_for(manifest: &Manifest, recipients: &Recipients) -> bool {
    match &manifest.encryption {
        Some(encryption) => encryption.recipients.are_those(recipients),
        None => recipients.is_empty(),
    }
}
