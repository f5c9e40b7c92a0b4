//! The list of backups against what lies on the shelf, both ways.

use std::collections::{HashMap, HashSet};

use chiliview_snapshot::{ArtefactKey, Entry, Error, Location, Shelf};
use chiliview_store::{
    Result, Timestamp, Tx,
    backups::{self, Backup, BackupStatus, Filter},
    error::with_causes,
    paging::{Cursor, Direction, Page},
};

use crate::{
    central::Central,
    checks::Check,
    database::words,
    exam::{Exam, Finding},
    files,
    says::{Advice, Found, Object, Repair},
    shelf,
};

const PAGE: i64 = 500;

pub(crate) async fn check(exam: &mut Exam<'_>, central: Option<&Central>) {
    // That it is missing has been said.
    if exam.context.shelf.as_directory().is_some_and(|path| !path.is_dir()) {
        return;
    }
    let (shelf, lying) = match Lying::on(exam).await {
        Ok(found) => found,
        Err(error) => return out_of_reach(exam, &error),
    };
    // Which shelf it ought to be, nobody can say without it; and that it cannot be read has been said.
    let Some(central) = central else { return };
    let address = shelf.address();
    let known = central.read(exam, async |tx| Ok((listed(tx).await?, shelf::remembered(tx, &address).await?)));
    let (rows, wanted) = match known.await {
        Ok(known) => known,
        Err(error) => {
            return exam.broken(Finding {
                check: Check::Shelf,
                object: Object::Backups.into(),
                found: Found::BackupsUnreadable { error: words(&error) },
                advice: vec![Advice::LookAtCentral],
            });
        }
    };
    if let Some(wanted) = wanted {
        shelf.expect(wanted);
    }
    match shelf.is_itself().await {
        Ok(()) => {
            leftovers(exam, &shelf, &lying).await;
            if let Err(error) = compare(exam, &shelf, &lying, &rows).await {
                out_of_reach(exam, &error);
            }
        }
        Err(Error::AnotherShelf { wanted, found, .. }) => {
            let holds_ours = rows.iter().any(|row| lying.artefacts.contains_key(&ArtefactKey::of_backup(row)));
            shelf::tell(exam, &shelf, wanted, found, holds_ours).await;
        }
        Err(error) => out_of_reach(exam, &error),
    }
}

fn out_of_reach(exam: &mut Exam<'_>, error: &Error) {
    exam.broken(Finding {
        check: Check::Shelf,
        object: exam.context.shelf.to_string().into(),
        found: Found::ShelfUnreachable { error: error.to_string() },
        advice: vec![Advice::CheckShelf],
    });
}

/// Whether nothing of ours lies there; not when nobody can say.
pub(crate) async fn is_bare(location: &Location) -> bool {
    if let Some(directory) = location.as_directory() {
        return files::names(directory).iter().all(|(name, _)| name.starts_with('.'));
    }
    let Ok(shelf) = location.existing().await else { return false };
    shelf.list().recv().await.is_none()
}

/// What was found on the shelf; manifests under the name that an artefact has when it is not encrypted.
#[derive(Default)]
struct Lying {
    artefacts: HashMap<ArtefactKey, u64>,
    manifests: HashSet<ArtefactKey>,
    dead: usize,
    unknown: Vec<String>,
}

impl Lying {
    async fn on(exam: &Exam<'_>) -> std::result::Result<(Shelf, Self), Error> {
        let shelf = exam.context.shelf.existing().await?;
        let mut found = Self::default();
        let mut entries = shelf.list();
        while let Some(entry) = entries.recv().await {
            match entry? {
                Entry::Artefact { key, bytes, .. } => {
                    found.artefacts.insert(key, bytes);
                }
                Entry::Manifest { key, .. } => {
                    found.manifests.insert(key.plain());
                }
                Entry::Partial { alive: false, .. } => found.dead += 1,
                // What is being uploaded, or was, is the workers' to tidy.
                Entry::Partial { alive: true, .. } | Entry::Piece { .. } => {}
                Entry::Unknown { name } => found.unknown.push(name),
            }
        }
        Ok((shelf, found))
    }
}

async fn listed(tx: &mut Tx) -> Result<Vec<Backup>> {
    let mut all: Vec<Backup> = Vec::new();
    for deleted in [false, true] {
        let filter = Filter { deleted, ..Filter::default() };
        let mut after = None;
        loop {
            let page = Page { after: after.take(), limit: PAGE, direction: Direction::Ascending };
            let rows = backups::list(tx, &filter, &page).await?;
            let Some(last) = rows.last() else { break };
            after = Some(Cursor { key: last.id.to_string(), id: last.id.to_string() });
            all.extend(rows);
        }
    }
    Ok(all)
}

/// What killed writers left, and what is not ours.
async fn leftovers(exam: &mut Exam<'_>, shelf: &Shelf, lying: &Lying) {
    if lying.dead > 0 {
        let finding = Finding {
            check: Check::Shelf,
            object: shelf.to_string().into(),
            found: Found::Partials { count: lying.dead },
            advice: vec![Advice::RemovePartials],
        };
        let sweep = async |_: &mut Exam<'_>| {
            let swept = shelf.sweep().await?;
            Ok(Repair::Swept { files: swept.files, bytes: swept.bytes })
        };
        exam.mend(finding, sweep).await;
    }
    if let Some(first) = lying.unknown.first() {
        let found = Found::Strangers { count: lying.unknown.len(), first: first.clone() };
        exam.warn(Check::Shelf, shelf.to_string(), found, Advice::MoveElsewhere);
    }
}

/// Fails when the shelf does not answer any more: nobody can say then what is missing on it.
async fn compare(exam: &mut Exam<'_>, shelf: &Shelf, lying: &Lying, rows: &[Backup]) -> std::result::Result<(), Error> {
    let begun = shelf.begun().await?.map(Timestamp::from);
    let (mut well, mut elsewhere) = (true, 0);
    let verified: Vec<_> = rows.iter().filter(|row| row.status == BackupStatus::Verified).collect();
    for row in &verified {
        let key = ArtefactKey::of_backup(row);
        let there = lying.artefacts.contains_key(&key) || lying.manifests.contains(&key.plain());
        if !there && begun.is_some_and(|begun| row.created_at < begun) {
            elsewhere += 1;
        } else if let Some(found) = fault(shelf, lying, row, &key).await? {
            well = false;
            let backup = row.id;
            let object = match row.tenant_slug.clone() {
                Some(tenant) => Object::BackupOf { backup, tenant },
                None => Object::CentralBackup { backup },
            };
            let unknown = matches!(found, Found::SnapshotUnreadable { .. });
            let advice = vec![if unknown { Advice::CheckShelf } else { Advice::ReplaceBackup }];
            exam.broken(Finding { check: Check::Backup, object: object.into(), found, advice });
        }
    }
    if elsewhere > 0 {
        let found = Found::OnOlderShelf { count: elsewhere };
        exam.warn(Check::Shelf, shelf.to_string(), found, Advice::NameOldShelf);
    }
    well &= strangers(exam, shelf, lying, rows);
    if well {
        let found = Found::AllSnapshots { count: verified.len() - elsewhere };
        exam.ok(Check::Shelf, shelf.to_string(), found);
    }
    Ok(())
}

/// Whether every snapshot has its backup.
fn strangers(exam: &mut Exam<'_>, shelf: &Shelf, lying: &Lying, rows: &[Backup]) -> bool {
    let known: HashSet<_> = rows.iter().map(|row| ArtefactKey::of_backup(row).plain()).collect();
    let all = lying.artefacts.keys().chain(&lying.manifests);
    let strangers: Vec<_> = all.filter(|key| !known.contains(&key.plain())).collect();
    let Some(first) = strangers.first() else { return true };
    let found = Found::Unlisted { count: count(&strangers), first: first.to_string() };
    exam.warn(Check::Shelf, shelf.to_string(), found, Advice::Import);
    false
}

fn count(keys: &[&ArtefactKey]) -> usize {
    keys.iter().map(|key| key.plain()).collect::<HashSet<_>>().len()
}

/// Why a verified backup is none, or nobody can say. What was published after the walk is asked for once more.
async fn fault(
    shelf: &Shelf,
    lying: &Lying,
    row: &Backup,
    key: &ArtefactKey,
) -> std::result::Result<Option<Found>, Error> {
    let snapshot = key.to_string();
    let bytes = match lying.artefacts.get(key) {
        Some(bytes) => Ok(*bytes),
        None => shelf.open(key).await.map(|artefact| artefact.len()),
    };
    let wanted = row.stored_bytes.and_then(|bytes| u64::try_from(bytes).ok());
    match bytes {
        Err(error) => return unseen(snapshot, error, |snapshot| Found::SnapshotMissing { snapshot }),
        Ok(found) if Some(found) != wanted => {
            return Ok(Some(Found::SnapshotResized { snapshot, found, proven: wanted.unwrap_or(0) }));
        }
        Ok(_) => {}
    }
    if lying.manifests.contains(&key.plain()) {
        return Ok(None);
    }
    match shelf.manifest(key).await {
        Ok(_) => Ok(None),
        Err(error) => unseen(snapshot, error, |snapshot| Found::ManifestMissing { snapshot }),
    }
}

/// What is not there is told from what this machine may not read, and that from a shelf that does not answer.
fn unseen(
    snapshot: String,
    error: Error,
    missing: impl FnOnce(String) -> Found,
) -> std::result::Result<Option<Found>, Error> {
    match error {
        Error::NotFound(_) => Ok(Some(missing(snapshot))),
        Error::Io { .. } | Error::Manifest(_) => {
            Ok(Some(Found::SnapshotUnreadable { snapshot, error: with_causes(&error) }))
        }
        error => Err(error),
    }
}
