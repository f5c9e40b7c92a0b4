//! One backup: read into a snapshot, publish, read back and compare, and only then `verified`. Every write to the row is
//! fenced by the attempt's number, so an attempt that lost its job changes nothing any more.

mod failure;

use std::time::Duration;

use chiliview_snapshot::{
    ArtefactKey, Depth, Error as SnapshotError, Manifest, Owner, Source, Watch, WriteRequest, Written, prove, write,
};
use chiliview_store::{
    BackupId, Error, UploadId,
    audit::{self, Event},
    backups::{self, Backup, BackupStatus, ProofDepth, Verified},
    reason::Reason,
};

pub(crate) use self::failure::Failure;
use crate::{
    context::Context,
    import::{self, Import},
    progress::{Follower, Stop, Subject},
    queue::{Attempt, Outcome},
    reasons::{because, called_off, later},
    sealing, tell, unchanged,
};

/// A worker of the version that migrated the database may be there by then…
const FOR_THE_NEWER: Duration = Duration::from_secs(30);
/// …or there is none: the next night's backup fails again.
const NO_NEWER: Duration = Duration::from_hours(12);

/// Does the job: of the database itself, or of a file that was uploaded.
pub(crate) async fn back_up(context: &Context, id: BackupId, upload: Option<UploadId>, attempt: &Attempt) -> Outcome {
    let (backup, number) = match begin(context, id, attempt).await {
        Ok(Some(begun)) => begun,
        Ok(None) => return Outcome::Done,
        Err(error) => return later(&error),
    };
    let key = ArtefactKey::last_of(&backup);
    let failure = match run(context, &backup, upload, number, attempt).await {
        Ok(()) => return Outcome::Done,
        Err(failure) => failure,
    };
    if matches!(failure, Failure::Overtaken) {
        clean_up(context, id, &key).await;
        return Outcome::Done;
    }
    // It may have become a backup all the same: the commit was done, and its answer was lost.
    match is_open(context, id, attempt).await {
        Ok(true) => {}
        Ok(false) => return Outcome::Done,
        Err(error) => return later(&error),
    }
    fail::fail_point!("worker.backup_clears");
    // What was published did not become a backup: it must not lie about.
    if let Err(error) = clear(context, &key).await {
        return Outcome::Retry { after: None, reason: because(&error) };
    }
    match failure {
        Failure::Cancelled => match end(context, id, attempt, BackupStatus::Cancelled, &called_off()).await {
            Ok(()) => Outcome::Done,
            Err(error) => later(&error),
        },
        Failure::NoSource(_) | Failure::Refused(_) | Failure::Recipients(_) => {
            Outcome::GiveUp { reason: failure.reason() }
        }
        Failure::Snapshot(SnapshotError::Store(Error::SchemaNewer { .. })) => {
            let reason = failure.reason();
            note_retry(context, id, number, &reason).await;
            Outcome::PutOff { after: FOR_THE_NEWER, at_most: NO_NEWER, reason }
        }
        failure => {
            let reason = failure.reason();
            if !attempt.gives_up(&reason) {
                note_retry(context, id, number, &reason).await;
            }
            Outcome::Retry { after: None, reason }
        }
    }
}

/// The last attempt failed: says so on the row, and leaves no file.
pub(crate) async fn give_up(context: &Context, id: BackupId, attempt: &Attempt, reason: &Reason) -> anyhow::Result<()> {
    if !is_open(context, id, attempt).await? {
        return Ok(());
    }
    let backup = context.store.central().read(async |tx| backups::find(tx, id).await).await?;
    let Some(backup) = backup else { return Ok(()) };
    clear(context, &ArtefactKey::last_of(&backup)).await?;
    end(context, id, attempt, BackupStatus::Failed, reason).await?;
    Ok(())
}

/// Whether it has not ended, and its job is still the attempt's. Asked as a writer: one whose commit was not answered is waited
/// for, however it comes out.
async fn is_open(context: &Context, id: BackupId, attempt: &Attempt) -> Result<bool, Error> {
    let row = context.write_for(attempt, async |tx| backups::find(tx, id).await).await?;
    Ok(row.flatten().is_some_and(|backup| !backup.status.is_terminal()))
}

/// An attempt that was overtaken takes its own away: under its name nobody else writes. What it cannot take away is not the
/// backup's, and the doctor names it.
async fn clean_up(context: &Context, id: BackupId, key: &ArtefactKey) {
    let cleaned = async {
        let backup = context.store.central().read(async |tx| backups::find(tx, id).await).await?;
        let counts = backup.is_some_and(|backup| backup.manifest.is_some() && backup.artefact == key.attempt());
        if !counts {
            clear(context, key).await?;
        }
        Ok::<_, SnapshotError>(())
    };
    if let Err(error) = cleaned.await {
        tracing::warn!(backup = %id, %error, "backup.leftover_stays");
    }
}

/// Removes what an attempt left, and those before it. Where another shelf lies in the place of ours there is nothing of it.
async fn clear(context: &Context, key: &ArtefactKey) -> Result<(), SnapshotError> {
    match context.shelf.remove(key).await {
        Err(SnapshotError::AnotherShelf { .. }) => Ok(()),
        removed => removed.map(drop),
    }
}

/// Takes the backup for this attempt; nothing when it has ended already.
async fn begin(context: &Context, id: BackupId, attempt: &Attempt) -> Result<Option<(Backup, i64)>, Error> {
    let now = context.now();
    let begun = context
        .write_for(attempt, async |tx| {
            if backups::is_cancel_requested(tx, id).await? {
                backups::end(tx, id, BackupStatus::Cancelled, &called_off(), now).await?;
                return Ok(None);
            }
            let Some(number) = backups::start(tx, id, now).await? else { return Ok(None) };
            Ok::<_, Error>(backups::find(tx, id).await?.map(|backup| (backup, number)))
        })
        .await?;
    Ok(begun.flatten())
}

/// What an attempt came to.
enum Made {
    /// A snapshot that was proven.
    Snapshot(Box<Manifest>),
    /// Nothing: the database is what this backup holds.
    Nothing(BackupId),
}

async fn run(
    context: &Context,
    backup: &Backup,
    upload: Option<UploadId>,
    number: i64,
    attempt: &Attempt,
) -> Result<(), Failure> {
    fail::fail_point!("worker.backup_begun");
    context.shelf.recognise(&context.store).await?;
    if number > 1 {
        // An attempt that crashed may have published; what it left was never proven.
        context.shelf.remove(&ArtefactKey::of_backup(backup).by(number - 1)).await?;
    }
    let follower = Follower::start(context.clone(), Subject::Backup(backup.id), number, attempt.over().clone());
    let made = make(context, backup, upload, number, follower.watch()).await;
    let made = match (made, follower.finish().await) {
        (_, Some(Stop::Overtaken)) => return Err(Failure::Overtaken),
        (Err(_), Some(Stop::Cancelled)) => return Err(Failure::Cancelled),
        (made, _) => made?,
    };
    match made {
        Made::Snapshot(manifest) => commit(context, backup, number, attempt, &manifest).await,
        Made::Nothing(same_as) => unchanged::commit(context, backup.id, number, attempt, same_as).await,
    }
}

async fn make(
    context: &Context,
    backup: &Backup,
    upload: Option<UploadId>,
    number: i64,
    watch: &Watch,
) -> Result<Made, Failure> {
    let (source, _import) = source(context, backup, upload, watch).await?;
    let recipients = sealing::wanted(context, backup).await?;
    if let Some(same_as) = unchanged::same_as(context, backup, &source, &recipients, watch).await? {
        return Ok(Made::Nothing(same_as));
    }
    let owner = match (backup.tenant_id, &backup.tenant_slug) {
        (Some(id), slug) => Owner::Tenant { id: id.uuid(), slug: slug.clone().unwrap_or_default() },
        (None, _) => Owner::Central,
    };
    let request = WriteRequest {
        source,
        owner,
        backup: backup.id.uuid(),
        attempt: number,
        taken_at: context.now().to_datetime(),
        tool_version: context.tool_version.clone(),
        recipients,
    };
    let Written { manifest, proof_key } = write(request, &context.shelf, watch).await?;
    fail::fail_point!("worker.before_prove", |_| Err(SnapshotError::Cancelled.into()));
    let (key, scratch) = (manifest.key(number), context.scratch());
    prove(&context.shelf, &key, &manifest, Depth::Quick, &proof_key, &scratch, watch).await?;
    Ok(Made::Snapshot(Box::new(manifest)))
}

/// What is read. What was taken in from outside lasts as long as the second part.
async fn source(
    context: &Context,
    backup: &Backup,
    upload: Option<UploadId>,
    watch: &Watch,
) -> Result<(Source, Option<Import>), Failure> {
    let Some(upload) = upload else { return Ok((context.source(backup).await??, None)) };
    let import = import::take_in(context, backup, upload, watch).await?;
    Ok((import.source(), Some(import)))
}

async fn commit(
    context: &Context,
    backup: &Backup,
    number: i64,
    attempt: &Attempt,
    manifest: &Manifest,
) -> Result<(), Failure> {
    let id = backup.id;
    let proof = verified(manifest)?;
    let now = context.now();
    let done = context
        .write_for(attempt, async |tx| {
            if !backups::verified(tx, id, number, &proof, now).await? {
                let asked = backups::is_cancel_requested(tx, id).await?;
                return Err(if asked { Failure::Cancelled } else { Failure::Overtaken });
            }
            context.audit(tx, Event::done("backup.verified", "backup", id)).await?;
            tell::backup_safe(context, tx, backup).await?;
            Ok(())
        })
        .await?;
    done.ok_or(Failure::Overtaken)?;
    tracing::info!(backup = %id, bytes = manifest.stored_bytes, "backup.verified");
    Ok(())
}

fn verified(manifest: &Manifest) -> Result<Verified, Failure> {
    let json = manifest.to_json().map_err(SnapshotError::from)?;
    Ok(Verified {
        manifest: String::from_utf8_lossy(&json).into_owned(),
        stored_sha256: manifest.stored_sha256.to_string(),
        stored_bytes: i64::try_from(manifest.stored_bytes).unwrap_or(i64::MAX),
        plain_bytes: i64::try_from(manifest.plain_bytes).unwrap_or(i64::MAX),
        encrypted: manifest.encryption.is_some(),
        depth: ProofDepth::Quick,
    })
}

async fn end(
    context: &Context,
    id: BackupId,
    attempt: &Attempt,
    status: BackupStatus,
    reason: &Reason,
) -> Result<(), Error> {
    let now = context.now();
    let (action, outcome) = match status {
        BackupStatus::Cancelled => ("backup.cancelled", audit::Outcome::Success),
        _ => ("backup.failed", audit::Outcome::Failed),
    };
    let ended = context.write_for(attempt, async |tx| {
        if backups::end(tx, id, status, reason, now).await? {
            context.audit(tx, Event::done(action, "backup", id).ending(outcome, &reason.words)).await?;
            if status == BackupStatus::Failed
                && let Some(backup) = backups::find(tx, id).await?
            {
                tell::backup_failed(context, tx, &backup, &reason.words).await?;
            }
        }
        Ok::<_, Error>(())
    });
    ended.await.map(drop)
}

async fn note_retry(context: &Context, id: BackupId, number: i64, reason: &Reason) {
    let now = context.now();
    let noted = context.store.central().write(async |tx| backups::retry_later(tx, id, number, reason, now).await).await;
    if let Err(error) = noted {
        // The queue still tries again; only the row's words are old.
        tracing::warn!(backup = %id, %error, "backup.note_failed");
    }
}
