//! A verified backup, or a damaged one, is proven again: read back from the shelf and checked in full. What was found is
//! written once, fenced by the attempt's number; a look that could not be made leaves the backup as it was.

use chiliview_snapshot::{ArtefactKey, Depth, Error as SnapshotError, Manifest, prove};
use chiliview_store::{
    BackupId, Error, Tx,
    audit::{self, Event},
    backups::{self, Backup, ProofDepth, Proven},
    error::with_causes,
    queue::{self, NewJob},
    reason::{Cause, Reason},
};

use crate::{
    context::Context,
    progress::{Follower, Subject},
    queue::{Attempt, Outcome, Work},
    reasons::{because, later},
    tell,
};

/// Rows that are read at once when the oldest proofs are looked for.
const ROWS_A_READ: i64 = 200;

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
pub(crate) async fn give_up(context: &Context, id: BackupId, reason: &Reason) -> anyhow::Result<()> {
    let now = context.now();
    context
        .store
        .central()
        .write(async |tx| {
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
/// snapshots have `bytes` bytes together; the first is taken whatever its size, or it would never be proven again. The
/// jobs stand behind everything else in the queue.
pub async fn oldest_first(
    context: &Context,
    tx: &mut Tx,
    bytes: i64,
    covers: impl Fn(&Backup) -> bool,
) -> Result<Vec<BackupId>, Error> {
    let (mut chosen, mut left, mut after) = (Vec::new(), bytes, None);
    loop {
        let page = backups::oldest_proven(tx, after, ROWS_A_READ).await?;
        let Some(last) = page.last() else { return Ok(chosen) };
        after = last.proven_at.map(|at| (at, last.id));
        for row in page.iter().filter(|row| covers(row)) {
            left = left.saturating_sub(row.stored_bytes.unwrap_or(0));
            if left < 0 && !chosen.is_empty() {
                return Ok(chosen);
            }
            if backups::prove_again(tx, row.id, context.now()).await? {
                let job = NewJob::new(context.store.ids().next(), Work::Prove { backup: row.id });
                queue::enqueue(tx, &job.behind()).await?;
                chosen.push(row.id);
            }
        }
    }
}

async fn begin(context: &Context, id: BackupId, attempt: &Attempt) -> Result<Option<(Backup, i64)>, Error> {
    let now = context.now();
    context
        .store
        .central()
        .write(async |tx| {
            if !attempt.holds(tx).await? {
                return Ok(None);
            }
            let Some(number) = backups::start_proof(tx, id, now).await? else { return Ok(None) };
            Ok(backups::find(tx, id).await?.map(|backup| (backup, number)))
        })
        .await
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
        .store
        .central()
        .write(async |tx| {
            let counts = attempt.holds(tx).await? && backups::proven(tx, id, number, proven).await?;
            if counts {
                let changes = serde_json::json!({ "proof": [null, depth] });
                context.audit(tx, Event::done("backup.proven", "backup", id).changing(changes)).await?;
            }
            Ok::<_, Error>(counts)
        })
        .await?;
    if counts {
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
        .store
        .central()
        .write(async |tx| {
            let counts = attempt.holds(tx).await? && backups::damaged(tx, id, number, reason, now).await?;
            if counts {
                let event = Event::done("backup.damaged", "backup", id);
                context.audit(tx, event.ending(audit::Outcome::Failed, &reason.words)).await?;
                tell::backup_damaged(context, tx, backup, &reason.words).await?;
            }
            Ok::<_, Error>(counts)
        })
        .await?;
    if counts {
        tracing::error!(backup = %id, %reason, "backup.damaged");
    }
    Ok(())
}

async fn unknown(context: &Context, id: BackupId, number: i64, attempt: &Attempt, reason: Reason) -> Outcome {
    if !attempt.is_last() {
        let now = context.now();
        let noted = context.store.central().write(async |tx| backups::proof_waits(tx, id, number, now).await).await;
        if let Err(error) = noted {
            // The queue still tries again; only the row's words are old.
            tracing::warn!(backup = %id, %error, "backup.note_failed");
        }
    }
    Outcome::Retry { after: None, reason }
}
