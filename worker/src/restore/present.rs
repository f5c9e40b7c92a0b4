//! The database that is live now: locked and backed up before it is replaced, checked after it was, and let go in the end.

use std::time::Duration;

use chiliview_store::{
    BackupId, Database, Error, Timestamp,
    backups::{self, Backup, BackupStatus, New, Origin},
    reason::Reason,
    restores::{self, Restore},
    soundness, tenant_settings, write_lock,
};
use chiliview_telemetry::context::current_trace_id;

use super::{failure::Failure, fence, ours};
use crate::{
    backup::{self, back_up},
    context::Context,
    queue::{Attempt, Outcome},
    reasons,
};

/// The least by which two instants differ.
const INSTANT: Duration = Duration::from_micros(1);

/// Locks the live database and backs it up; both, so that the backup holds every write that it ever took. Nothing when it
/// is not there or cannot be used, and need not be.
pub(super) async fn secure(
    context: &Context,
    row: &Restore,
    number: i64,
    attempt: &Attempt,
) -> Result<Option<Database>, Failure> {
    let locked = match lock(context, row, attempt).await {
        Ok(Some(locked)) => Some(locked),
        Ok(None) => return Err(Failure::Overtaken),
        Err(error) if is_passing(&error) => return Err(error.into()),
        Err(error) if row.without_safety == 0 => return Err(refused(error.to_string())),
        Err(error) => {
            tracing::warn!(restore = %row.id, %error, "restore.present_unusable");
            None
        }
    };
    fail::fail_point!("worker.restore_locked", |_| Err(Failure::injected()));
    if row.without_safety != 0 {
        return Ok(locked.map(|(database, _)| database));
    }
    let Some((database, since)) = locked else { return Ok(None) };
    save(context, row, number, attempt, since).await?;
    Ok(Some(database))
}

/// Since when it is locked: since an attempt that crashed, perhaps. A new lock is later than what was saved before it, whatever
/// the clocks of both workers say: what was written in between is not in that. Nothing for one who was overtaken.
async fn lock(context: &Context, row: &Restore, attempt: &Attempt) -> Result<Option<(Database, Timestamp)>, Error> {
    let saved = noted(context, row).await?;
    let database = context.store.tenant(row.tenant_id).await?;
    fail::fail_point!("worker.restore_locking", |_| Err(Error::DiskFull));
    let now = saved.map_or(context.now(), |saved| context.now().max(saved.created_at.plus(INSTANT)));
    let since = fence::write(context, attempt, &database, async |tx| {
        if let Some(lock) = write_lock::find(tx).await?.filter(|lock| lock.is_held_by(row.id)) {
            return Ok(lock.since);
        }
        write_lock::set(tx, row.id, row.tenant_id, now).await?;
        Ok(now)
    });
    Ok(since.await?.map(|since| (database, since)))
}

/// A backup like any other, unless an attempt that crashed has made it already under this very lock.
async fn save(
    context: &Context,
    row: &Restore,
    number: i64,
    attempt: &Attempt,
    since: Timestamp,
) -> Result<(), Failure> {
    let saved = noted(context, row).await?.filter(|backup| backup.created_at >= since);
    let id = match saved.map(|backup| (backup.id, backup.status)) {
        Some((_, BackupStatus::Verified | BackupStatus::Unchanged)) => return Ok(()),
        Some((id, BackupStatus::Queued | BackupStatus::Running | BackupStatus::Verifying)) => id,
        _ => {
            give_up_safety(context, row, attempt, &"another attempt makes another".into())
                .await
                .map_err(|error| Failure::NotSaved(reasons::of(&error)))?;
            ask(context, row, number, attempt, since).await?
        }
    };
    let outcome = back_up(context, id, None, attempt).await;
    let saved = context.store.central().read(async |tx| backups::find(tx, id).await).await?;
    match saved.map(|backup| (backup.status, backup.error)) {
        Some((BackupStatus::Verified | BackupStatus::Unchanged, _)) => Ok(()),
        Some((BackupStatus::Cancelled, _)) => Err(refused("it was cancelled".into())),
        found => match outcome {
            Outcome::PutOff { reason, .. } => Err(Failure::ForTheNewer(reason)),
            Outcome::Retry { reason, .. } | Outcome::GiveUp { reason } => Err(Failure::NotSaved(reason)),
            Outcome::Done => Err(found
                .and_then(|(_, error)| error)
                .map_or(Failure::Overtaken, |error| Failure::NotSaved(error.into()))),
        },
    }
}

fn refused(reason: String) -> Failure {
    Failure::Refused(Failure::NotSaved(reason.into()).reason())
}

/// What was saved last, by this attempt or by one before it.
async fn noted(context: &Context, row: &Restore) -> Result<Option<Backup>, Error> {
    let Some(id) = row.safety_backup_id else { return Ok(None) };
    context.store.central().read(async |tx| backups::find(tx, id).await).await
}

async fn ask(
    context: &Context,
    row: &Restore,
    number: i64,
    attempt: &Attempt,
    since: Timestamp,
) -> Result<BackupId, Failure> {
    let now = context.now().max(since);
    let new = New {
        id: context.store.ids().next(),
        tenant: Some((row.tenant_id, row.tenant_slug.clone())),
        origin: Origin::Safety,
        run: None,
        requested_by: row.requested_by.clone(),
        trace_id: current_trace_id(),
        at: now,
    };
    let asked = context.write_for(attempt, async |tx| {
        if !restores::note_safety(tx, row.id, number, new.id, now).await? {
            return Err(Failure::Overtaken);
        }
        Ok(backups::insert(tx, &new).await?)
    });
    asked.await?.ok_or(Failure::Overtaken)?;
    Ok(new.id)
}

/// Ends a safety backup that an attempt left behind.
pub(super) async fn give_up_safety(
    context: &Context,
    row: &Restore,
    attempt: &Attempt,
    reason: &Reason,
) -> anyhow::Result<()> {
    match row.safety_backup_id {
        Some(id) => backup::give_up(context, id, attempt, reason).await,
        None => Ok(()),
    }
}

/// What the tenant has now: opened by its name, its own, whole, and it takes a write. The lock stays.
pub(super) async fn check(context: &Context, row: &Restore, attempt: &Attempt) -> Result<(), Failure> {
    let (id, tenant) = (row.id, row.tenant_id);
    let database = context.store.tenant(tenant).await?;
    soundness::check_quickly(&database).await?;
    if database.read(tenant_settings::owner).await? != Some(tenant) {
        return Err(Failure::refused("the database that came into the place is another tenant's"));
    }
    let now = context.now();
    fail::fail_point!("worker.restore_checking", |_| Err(Failure::injected()));
    let locked = fence::write(context, attempt, &database, async |tx| write_lock::set(tx, id, tenant, now).await);
    ours(locked.await?.is_some())
}

/// Keeps the live database open, while another comes into its place: see `swap`.
pub(super) async fn keep_open(context: &Context, row: &Restore) -> Option<Database> {
    let opened = async {
        let database = context.store.tenant(row.tenant_id).await?;
        database.read(write_lock::find).await?;
        Ok::<_, Error>(database)
    };
    // It goes away in any case, and nobody else can have it open either.
    let opened = opened.await.inspect_err(|error| tracing::warn!(restore = %row.id, %error, "restore.live_unusable"));
    fail::fail_point!("worker.restore_kept_open", |_| None);
    opened.ok()
}

/// Lets the tenant write again, if it is this restore that keeps it from it, and no other attempt counts on that. A database
/// that takes no write at all needs no more than a word.
pub(super) async fn unlock(context: &Context, row: &Restore, attempt: &Attempt) -> Result<(), Error> {
    let unlocked = async {
        let database = context.store.tenant(row.tenant_id).await?;
        fail::fail_point!("worker.restore_unlocking", |_| Err(Error::DiskFull));
        fence::write(context, attempt, &database, async |tx| write_lock::clear(tx, row.id).await).await
    };
    match unlocked.await {
        Err(error) if is_passing(&error) => Err(error),
        Err(error) => {
            tracing::warn!(restore = %row.id, %error, "restore.not_unlocked");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Whether the database itself is not at fault.
const fn is_passing(error: &Error) -> bool {
    matches!(
        error,
        Error::Busy(_)
            | Error::Unreachable(_)
            | Error::DiskFull
            | Error::Commit(_)
            | Error::Locked(_)
            | Error::Panicked
    )
}
