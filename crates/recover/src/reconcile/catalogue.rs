//! The list of backups against the shelf, both ways. The shelf is right, and is not touched.

use std::collections::HashSet;

use chiliview_snapshot::{ArtefactKey, Depth, Error as SnapshotError, Manifest, Shelf, Watch, prove};
use chiliview_store::{
    BackupId, Error, Store, TenantId, Timestamp,
    backups::{self, Backup, BackupStatus, Filter, ProofDepth, Recovered, Verified},
    paging::{Cursor, Direction, Page},
    reason::{Cause, Reason},
    recovery,
};

use super::WHO;
use crate::{
    Failure,
    inventory::{Inventory, manifest, slug},
    work::{Work, refusal},
};

const NAME: &str = "backup";
const PAGE: i64 = 200;

/// Rows first, then the snapshots that no row knows.
pub(super) async fn agree(
    work: &mut Work<'_>,
    store: &Store,
    shelf: &Shelf,
    inventory: &Inventory,
) -> Result<(), Failure> {
    let known = rows(work, store, shelf).await?;
    let strangers: Vec<ArtefactKey> = inventory.keys().filter(|key| !known.contains(key)).collect();
    let (mut recovered, total) = (0_usize, strangers.len() as u64);
    for (done, key) in strangers.into_iter().enumerate() {
        work.audience.step("snapshots without a row", done as u64, total);
        recovered += usize::from(stranger(work, store, shelf, key).await?);
    }
    if recovered > 0 {
        work.mended("shelf", shelf, format!("{recovered} snapshots that no row knew are proven, and listed again"));
    }
    let incomplete: Vec<_> = inventory.incomplete().filter(|key| !known.contains(key)).collect();
    if let Some(first) = incomplete.first() {
        let message = format!("{} files without a manifest, such as {first}", incomplete.len());
        work.warn("shelf", shelf, message, "a backup was cut off there: move them elsewhere");
    }
    Ok(())
}

/// Looks at every row that counts; the names of all rows whose end is known.
async fn rows(work: &mut Work<'_>, store: &Store, shelf: &Shelf) -> Result<HashSet<ArtefactKey>, Failure> {
    let (mut known, mut counted) = (HashSet::new(), 0_usize);
    for deleted in [false, true] {
        let filter = Filter { deleted, ..Filter::default() };
        let mut after = None;
        loop {
            let page = Page { after: after.take(), limit: PAGE, direction: Direction::Ascending };
            let rows = store.central().read(async |tx| backups::list(tx, &filter, &page).await).await?;
            let Some(last) = rows.last() else { break };
            after = Some(Cursor { key: last.id.to_string(), id: last.id.to_string() });
            for row in rows.iter().filter(|row| row.status.is_terminal() || row.manifest.is_some()) {
                known.insert(ArtefactKey::of_backup(row).plain());
                work.audience.step("backups", known.len() as u64, 0);
                if matches!(row.status, BackupStatus::Verified | BackupStatus::Verifying) {
                    counted += usize::from(still_counts(work, store, shelf, row).await?);
                }
            }
        }
    }
    work.ok("shelf", shelf, format!("{counted} verified backups have their snapshots, byte for byte"));
    Ok(known)
}

/// Whether a row's snapshot is the one that was proven. Its bytes are read; proving what is in them goes on afterwards.
async fn still_counts(work: &mut Work<'_>, store: &Store, shelf: &Shelf, row: &Backup) -> Result<bool, Failure> {
    let fault = fault(work, shelf, row).await?;
    let now = work.now();
    match fault {
        None if row.status == BackupStatus::Verified => {}
        None => {
            let why = "the central database was restored while it was being proven again";
            store.central().write(async |tx| backups::prove_later(tx, row.id, &why.into(), now).await).await?;
        }
        Some(reason) => {
            store.central().write(async |tx| backups::lost(tx, row.id, &reason, now).await).await?;
            let advice = "do not count on it: delete it, and ask for a new backup";
            work.problem(NAME, object(row), format!("it was verified, and is damaged: {reason}"), advice);
            return Ok(false);
        }
    }
    Ok(true)
}

async fn fault(work: &mut Work<'_>, shelf: &Shelf, row: &Backup) -> Result<Option<Reason>, Failure> {
    let key = ArtefactKey::of_backup(row);
    let recorded = Manifest::from_json(row.manifest.as_deref().unwrap_or_default().as_bytes());
    let manifest = match recorded {
        Ok(manifest) if manifest.key_beside(&key).is_ok() => manifest,
        Ok(_) => return Ok(Some(Reason::new(Cause::Damaged, "the manifest on its row is another backup's"))),
        Err(error) => {
            let words = format!("the manifest on its row is unreadable: {error}");
            return Ok(Some(Reason::new(Cause::Damaged, words)));
        }
    };
    let (identities, watch) = (&work.context.identities, Watch::unobserved());
    let proof = prove(shelf, &key, &manifest, Depth::Stored, identities, &work.scratch, &watch).await;
    if let Err(error @ SnapshotError::Elsewhere { .. }) = &proof {
        // Nobody can say anything about it here: it stays what it was.
        let message = format!("its snapshot was not looked at: failed to {error}");
        work.warn(NAME, object(row), message, "look at it on its own shelf");
        return Ok(None);
    }
    Ok(refusal(proof)?.err())
}

/// Whether a snapshot that no row knows, or whose row never knew its end, counts from now on.
async fn stranger(work: &mut Work<'_>, store: &Store, shelf: &Shelf, key: ArtefactKey) -> Result<bool, Failure> {
    let now = work.now();
    let (proof, slug, taken_at) = match manifest(shelf, &key).await? {
        Ok(manifest) => {
            let proof = examined(work, shelf, &key, &manifest).await?;
            (proof, slug(&manifest).map(str::to_owned), Timestamp::from(manifest.taken_at))
        }
        Err(reason) => (Err(reason), None, now),
    };
    if let Err(reason) = &proof {
        let advice = "it does not count: delete it when nobody needs it";
        work.problem(NAME, key, format!("this snapshot is listed as failed: {reason}"), advice);
    }
    let counts = proof.is_ok();
    let found = Recovered {
        id: BackupId::from(key.backup_id()),
        tenant: key.tenant_id().map(|id| (TenantId::from(id), slug)),
        attempt: key.attempt(),
        taken_at,
        proof,
        requested_by: WHO.to_owned(),
        at: now,
    };
    let written = store.central().write(async |tx| backups::recover(tx, &found).await).await?;
    if !written {
        work.problem(NAME, key, "another backup has its id, so it cannot be listed", "move it elsewhere");
    }
    Ok(counts && written)
}

/// Proven as a new backup is; of an encrypted one that no key opens, its stored bytes.
async fn examined(
    work: &Work<'_>,
    shelf: &Shelf,
    key: &ArtefactKey,
    manifest: &Manifest,
) -> Result<Result<Verified, Reason>, Failure> {
    let (identities, scratch) = (&work.context.identities, &work.scratch);
    let watch = Watch::unobserved();
    let mut depth = ProofDepth::Quick;
    let mut proof = prove(shelf, key, manifest, Depth::Quick, identities, scratch, &watch).await;
    if let Err(SnapshotError::NoIdentity { .. }) = &proof {
        depth = ProofDepth::Stored;
        proof = prove(shelf, key, manifest, Depth::Stored, identities, scratch, &watch).await;
    }
    let proven = refusal(proof)?;
    let json = manifest.to_json().map_err(SnapshotError::from)?;
    Ok(proven.map(|_| Verified {
        manifest: String::from_utf8_lossy(&json).into_owned(),
        stored_sha256: manifest.stored_sha256.to_string(),
        stored_bytes: i64::try_from(manifest.stored_bytes).unwrap_or(i64::MAX),
        plain_bytes: i64::try_from(manifest.plain_bytes).unwrap_or(i64::MAX),
        encrypted: manifest.encryption.is_some(),
        depth,
    }))
}

/// What lies in the trash may have been taken out of it after the moment that the database remembers.
pub(super) async fn keep_trash(work: &mut Work<'_>, store: &Store) -> Result<(), Failure> {
    let until = work.now().plus(work.context.trash);
    let filter = Filter { deleted: true, ..Filter::default() };
    let (mut after, mut count) = (None, 0_usize);
    loop {
        let page = Page { after: after.take(), limit: PAGE, direction: Direction::Ascending };
        let rows = store.central().read(async |tx| backups::list(tx, &filter, &page).await).await?;
        let Some(last) = rows.last() else { break };
        after = Some(Cursor { key: last.id.to_string(), id: last.id.to_string() });
        let kept = store.central().write(async |tx| {
            for row in &rows {
                recovery::keep_backup(tx, store.ids().next(), row.id, until).await?;
            }
            Ok::<_, Error>(rows.len())
        });
        count += kept.await?;
    }
    if count > 0 {
        let advice = "see whether somebody had taken one of them out of the trash";
        work.warn("trash", "backups", format!("{count} backups in the trash are kept until {until}"), advice);
    }
    Ok(())
}

fn object(row: &Backup) -> String {
    format!("{} of {}", row.id, row.tenant_slug.as_deref().unwrap_or("the central database"))
}
