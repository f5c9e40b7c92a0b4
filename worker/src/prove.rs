//! A verified backup, or a damaged one, is proven again: read back from the shelf and checked in full. What was found is
//! written once, fenced by the attempt's number; a look that could not be made leaves the backup as it was.

use chiliview_snapshot::{ArtefactKey, Depth, Error as SnapshotError, Manifest, prove};
use chiliview_store::{
    BackupId, Error, RunId,
    audit::{self, Event},
    backups::{self, Backup, Old, ProofDepth, Proven},
    error::with_causes,
    queue::{self, NewJob},
    reason::{Cause, Reason},
    schedule_runs::{self, Run, RunStatus},
};

use crate::{
    context::Context,
    progress::{Follower, Subject},
    queue::{Attempt, Outcome, Work},
    reasons::{because, later},
    tell,
};

/// Rows that are read at once when the oldest proofs are looked for…
const ROWS_A_READ: i64 = 500;
/// …and those that are asked for in one transaction: a few milliseconds.
const PAGE: usize = 50;

/// What a look at a snapshot came to.
enum Finding {
    /// It restores.
    Sound(ProofDepth),
    /// It does not, and why.
    Damaged(Reason),
    /// Nothing can be said, and why.
    Unknown(Reason),
    /// The attempt is not the one that counts any more.
    Overtaken,
}

/// Does the job.
pub(crate) async fn prove_again(context: &Context, id: BackupId, attempt: &Attempt) -> Outcome {
    let (backup, number) = match begin(context, id, attempt).await {
        Ok(Some(begun)) => begun,
        Ok(None) => return Outcome::Done,
        Err(error) => return later(&error),
    };
    let ended = match look(context, &backup, number, attempt).await {
        Finding::Sound(depth) => sound(context, id, number, attempt, depth).await,
        Finding::Damaged(reason) => damaged(context, &backup, number, attempt, &reason).await,
        Finding::Unknown(reason) => return unknown(context, id, number, attempt, reason).await,
        Finding::Overtaken => Ok(()),
    };
    ended.map_or_else(|error| later(&error), |()| Outcome::Done)
}

/// The last attempt failed: the backup is what it was before.
pub(crate) async fn give_up(context: &Context, id: BackupId, attempt: &Attempt, reason: &Reason) -> anyhow::Result<()> {
    let now = context.now();
    context
        .write_for(attempt, async |tx| {
            if backups::prove_later(tx, id, reason, now).await? {
                let event = Event::done("backup.not_proven", "backup", id);
                context.audit(tx, event.ending(audit::Outcome::Failed, &reason.words)).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    tracing::warn!(backup = %id, %reason, "backup.not_proven");
    Ok(())
}

/// Asks for new proofs of the verified backups that `covers` names, those first whose proof is oldest, until their
/// snapshots have `most` bytes together; the first is taken whatever its size, or it would never be proven again. Others write
/// in between: rows are chosen beside them, and asked for page by page, each page noted on the run. What was proven since the
/// run began is not its business.
pub(crate) async fn oldest_first(
    context: &Context,
    run: &Run,
    most: i64,
    attempt: &Attempt,
    covers: impl Fn(&Old) -> bool,
) -> Result<(), Error> {
    let central = context.store.central();
    let mut after = None;
    loop {
        let page =
            central.read(async |tx| backups::oldest_proven(tx, run.created_at, after, ROWS_A_READ).await).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.proven_at, last.id));
        let covered: Vec<Old> = page.into_iter().filter(&covers).collect();
        for few in covered.chunks(PAGE) {
            if !ask(context, run.id, most, attempt, few).await? {
                return Ok(());
            }
            fail::fail_point!("worker.proofs_asked", |_| Err(Error::DiskFull));
        }
    }
    let now = context.now();
    let ended = context.write_for(attempt, async |tx| schedule_runs::end(tx, run.id, RunStatus::Done, None, now).await);
    ended.await.map(drop)
}

/// Whether there is room for more. The jobs stand behind everything else in the queue.
async fn ask(context: &Context, id: RunId, most: i64, attempt: &Attempt, few: &[Old]) -> Result<bool, Error> {
    let now = context.now();
    let room = context
        .write_for(attempt, async |tx| {
            let Some(run) = schedule_runs::find_open(tx, id).await? else { return Ok(false) };
            let (mut count, mut bytes, mut full) = (0, 0, false);
            for old in few {
                let size = old.stored_bytes.unwrap_or(0);
                full = run.total + count > 0 && run.asked_bytes.saturating_add(bytes).saturating_add(size) > most;
                if full {
                    break;
                }
                if backups::prove_again(tx, old.id, now).await? {
                    let job = NewJob::new(context.store.ids().next(), Work::Prove { backup: old.id });
                    queue::enqueue(tx, &job.behind()).await?;
                    (count, bytes) = (count + 1, bytes + size);
                }
            }
            schedule_runs::reach(tx, id, None, count, bytes, now).await?;
            if full {
                schedule_runs::end(tx, id, RunStatus::Done, None, now).await?;
            }
            Ok::<_, Error>(!full)
        })
        .await?;
    Ok(room == Some(true))
}

async fn begin(context: &Context, id: BackupId, attempt: &Attempt) -> Result<Option<(Backup, i64)>, Error> {
    let now = context.now();
    let begun = context.write_for(attempt, async |tx| {
        let Some(number) = backups::start_proof(tx, id, now).await? else { return Ok(None) };
        Ok::<_, Error>(backups::find(tx, id).await?.map(|backup| (backup, number)))
    });
    Ok(begun.await?.flatten())
}

async fn look(context: &Context, backup: &Backup, number: i64, attempt: &Attempt) -> Finding {
    let recorded = backup.manifest.as_deref().unwrap_or_default();
    let manifest = match Manifest::from_json(recorded.as_bytes()) {
        Ok(manifest) => manifest,
        Err(error) => {
            let words = format!("failed to read the recorded manifest: {}", with_causes(&error));
            return Finding::Unknown(Reason::new(Cause::Damaged, words));
        }
    };
    let follower = Follower::start(context.clone(), Subject::Backup(backup.id), number, attempt.over().clone());
    let key = ArtefactKey::of_backup(backup);
    let (identities, scratch) = (&context.config.identities, context.scratch());
    let proof = prove(&context.shelf, &key, &manifest, Depth::Full, identities, &scratch, follower.watch()).await;
    match (proof, follower.finish().await) {
        (_, Some(_)) => Finding::Overtaken,
        (Ok(_), None) => Finding::Sound(ProofDepth::Full),
        // What is stored is whole; more cannot be seen without a key.
        (Err(SnapshotError::NoIdentity { .. }), None) => Finding::Sound(ProofDepth::Stored),
        (Err(error @ SnapshotError::Damaged(_)), None) => Finding::Damaged(because(&error)),
        (Err(error), None) => Finding::Unknown(because(&error)),
    }
}

async fn sound(
    context: &Context,
    id: BackupId,
    number: i64,
    attempt: &Attempt,
    depth: ProofDepth,
) -> Result<(), Error> {
    let proven = Proven { depth, at: context.now() };
    let counts = context
        .write_for(attempt, async |tx| {
            let counts = backups::proven(tx, id, number, proven).await?;
            if counts {
                let changes = serde_json::json!({ "proof": [null, depth] });
                context.audit(tx, Event::done("backup.proven", "backup", id).changing(changes)).await?;
            }
            Ok::<_, Error>(counts)
        })
        .await?;
    if counts == Some(true) {
        tracing::info!(backup = %id, %depth, "backup.proven");
    }
    Ok(())
}

async fn damaged(
    context: &Context,
    backup: &Backup,
    number: i64,
    attempt: &Attempt,
    reason: &Reason,
) -> Result<(), Error> {
    let (id, now) = (backup.id, context.now());
    let counts = context
        .write_for(attempt, async |tx| {
            let counts = backups::damaged(tx, id, number, reason, now).await?;
            if counts {
                let event = Event::done("backup.damaged", "backup", id);
                context.audit(tx, event.ending(audit::Outcome::Failed, &reason.words)).await?;
                tell::backup_damaged(context, tx, backup, &reason.words).await?;
            }
            Ok::<_, Error>(counts)
        })
        .await?;
    if counts == Some(true) {
        tracing::error!(backup = %id, %reason, "backup.damaged");
    }
    Ok(())
}

async fn unknown(context: &Context, id: BackupId, number: i64, attempt: &Attempt, reason: Reason) -> Outcome {
    if !attempt.gives_up(&reason) {
        let now = context.now();
        let noted = context.store.central().write(async |tx| backups::proof_waits(tx, id, number, now).await).await;
        if let Err(error) = noted {
            // The queue still tries again; only the row's words are old.
            tracing::warn!(backup = %id, %error, "backup.note_failed");
        }
    }
    Outcome::Retry { after: None, reason }
}
