//! A scheduled backup of a database that is still what an older backup holds makes no snapshot, and says so.

use chiliview_snapshot::{ArtefactKey, Manifest, Recipients, Source, Watch, fingerprint};
use chiliview_store::{
    BackupId,
    audit::Event,
    backups::{self, Backup, BackupStatus, Origin},
};

use crate::{backup::Failure, context::Context, queue::Attempt, sealing, tell};

/// The backup that holds what a snapshot of `source` would hold now: the newest verified one, if it is still on the shelf.
///
/// Who asks for a backup gets one, and so do recipients that are not those of the older one. The central database is never the same twice: this very backup is in it.
pub(crate) async fn same_as(
    context: &Context,
    backup: &Backup,
    source: &Source,
    recipients: &Recipients,
    watch: &Watch,
) -> Result<Option<BackupId>, Failure> {
    let (Origin::Schedule, Some(tenant)) = (backup.origin, backup.tenant_id) else { return Ok(None) };
    let central = context.store.central();
    let newest = central.read(async |tx| backups::newest_verified(tx, Some(tenant)).await).await?;
    let Some(newest) = newest.filter(|newest| newest.status == BackupStatus::Verified) else { return Ok(None) };
    let Some(Ok(manifest)) = newest.manifest.as_deref().map(|json| Manifest::from_json(json.as_bytes())) else {
        return Ok(None);
    };
    if !sealing::is_for(&manifest, recipients) || !is_there(context, &newest, &manifest).await {
        return Ok(None);
    }
    let same = fingerprint(source, watch).await?.is_of(&manifest);
    Ok(same.then_some(newest.id))
}

/// One that was lost is made again.
async fn is_there(context: &Context, backup: &Backup, manifest: &Manifest) -> bool {
    match context.shelf.open(&ArtefactKey::of_backup(backup)).await {
        Ok(artefact) => artefact.len() == manifest.stored_bytes,
        Err(error) => {
            tracing::warn!(backup = %backup.id, %error, "backup.artefact_not_there");
            false
        }
    }
}

/// Ends the attempt, if the other backup still counts.
pub(crate) async fn commit(
    context: &Context,
    id: BackupId,
    number: i64,
    attempt: &Attempt,
    same_as: BackupId,
) -> Result<(), Failure> {
    let now = context.now();
    let done = context.write_for(attempt, async |tx| {
        let counts = |other: &Backup| other.status == BackupStatus::Verified && other.deleted_at.is_none();
        if !backups::find(tx, same_as).await?.is_some_and(|other| counts(&other)) {
            return Err(Failure::Gone(same_as));
        }
        if !backups::unchanged(tx, id, number, same_as, now).await? {
            let asked = backups::is_cancel_requested(tx, id).await?;
            return Err(if asked { Failure::Cancelled } else { Failure::Overtaken });
        }
        context.audit(tx, Event::done("backup.unchanged", "backup", id)).await?;
        if let Some(backup) = backups::find(tx, id).await? {
            tell::backup_safe(context, tx, &backup).await?;
        }
        Ok::<_, Failure>(())
    });
    done.await?.ok_or(Failure::Overtaken)?;
    tracing::info!(backup = %id, %same_as, "backup.unchanged");
    Ok(())
}
