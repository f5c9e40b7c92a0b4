//! `restore --central`: another central database in the place of the present one.

use std::{collections::HashMap, path::PathBuf};

use chiliview_doctor::reader::{self, Place};
use chiliview_snapshot::{Manifest, Shelf};
use chiliview_store::{
    Error, Result as StoreResult, Tx,
    backups::{self, BackupScope, BackupStatus, Filter},
    central_swap,
    data_dir::{DataDir, remove_tree},
    paging::{Cursor, Direction, Page},
};
use uuid::Uuid;

use crate::{
    Audience, Context, Failure, Mode, Wanted, file,
    inventory::{Candidate, Inventory},
    reconcile,
    report::Report,
    staging,
    work::Work,
};

const PAGE: i64 = 500;
const OBJECT: &str = "central";

/// Restores the central database, and makes it agree with the shelf and the tenants' databases.
///
/// # Errors
/// [`Failure`]; then the old one is where it was. What a call before this one had begun is finished first.
pub async fn restore(
    context: Context,
    wanted: Wanted,
    mode: Mode,
    audience: &mut dyn Audience,
) -> Result<Report, Failure> {
    if context.settings.database_url.is_some() {
        let words = "restore the central database: it is in PostgreSQL, whose own tools do that";
        return Err(Failure::Refused(words.to_owned()));
    }
    let data_dir = DataDir::new(&context.settings.data_dir);
    data_dir.refuse_unfinished()?;
    let Some(_alone) = data_dir.alone()? else { return Err(Failure::InUse(data_dir.root().to_owned())) };
    let mut work = Work::new(context, mode, data_dir.temp(), audience);
    if let Some(kept) = central_swap::finish(&data_dir, work.now())? {
        let message = format!("a restore that was cut off is finished; what was there before is in {}", kept.display());
        work.mended("restore", OBJECT, message);
    }
    staging::sweep(&data_dir)?;
    let outcome = run(&mut work, &data_dir, wanted).await;
    staging::sweep(&data_dir)?;
    let kept = outcome?;
    Ok(work.report(kept))
}

async fn run(work: &mut Work<'_>, data_dir: &DataDir, wanted: Wanted) -> Result<Option<PathBuf>, Failure> {
    let shelf = work.context.shelf.existing().await;
    let (source, candidates) = match (wanted, &shelf) {
        (Wanted::File(path), _) => {
            let own = data_dir.root().join(format!("{}file", central_swap::STAGING));
            let (source, candidate) = file::shown(&path, &own).await?;
            (source, vec![candidate])
        }
        (wanted, Ok(shelf)) => (shelf.clone(), on_the_shelf(work, data_dir, shelf, &wanted).await?),
        (_, Err(_)) => return Err(shelf.map(drop).map_err(Failure::from).err().unwrap_or(Failure::Declined)),
    };
    let directory = staging::directory(data_dir);
    let chosen = work.first(&source, OBJECT, &candidates, async |work, candidate| {
        staging::open(work, &source, candidate, &directory).await
    });
    let Some((candidate, store)) = chosen.await? else {
        return Err(Failure::NoSnapshot(format!("none of {} that were tried", candidates.len())));
    };
    let reconciled = match &shelf {
        Ok(shelf) => reconcile::run(work, &store, data_dir, shelf, &candidate).await,
        Err(_) => Err(Failure::Refused(format!("open the shelf {}: see whether it is there", work.context.shelf))),
    };
    store.close().await;
    reconciled?;
    drop(store);
    if work.mode == Mode::Try {
        return Ok(None);
    }
    replace(work, data_dir, &candidate)
}

/// The last moment to say no is before this changes anything.
fn replace(work: &mut Work<'_>, data_dir: &DataDir, candidate: &Candidate) -> Result<Option<PathBuf>, Failure> {
    let taken = chiliview_store::Timestamp::from(candidate.manifest.taken_at);
    let question = format!("Replace {} by its state of {taken}?", data_dir.central().display());
    if !work.audience.agree(&question) {
        return Err(Failure::Declined);
    }
    let directory = staging::directory(data_dir);
    for leftover in ["resellers", "backups", "temp", "uploads", "logs"] {
        remove_tree(&directory.join(leftover))?;
    }
    let kept = central_swap::replace(data_dir, &directory, work.now())?;
    match &kept {
        Some(kept) => work.ok("kept", OBJECT, format!("what was there before is in {}", kept.display())),
        None => work.ok("kept", OBJECT, "there was no central database before"),
    }
    Ok(kept)
}

async fn on_the_shelf(
    work: &mut Work<'_>,
    data_dir: &DataDir,
    shelf: &Shelf,
    wanted: &Wanted,
) -> Result<Vec<Candidate>, Failure> {
    let recorded = recorded(work, data_dir).await;
    let mut all = Inventory::of(shelf).await?.candidates(shelf, None, &recorded).await;
    // What the present catalogue knows as verified goes before what nobody vouches for; among each, the newest.
    all.sort_by_key(|one| !recorded.contains_key(&one.manifest.backup));
    let Wanted::Backup(id) = wanted else {
        return if all.is_empty() { Err(Failure::NoSnapshot(format!("{shelf} has none"))) } else { Ok(all) };
    };
    let one: Vec<_> = all.into_iter().filter(|one| one.manifest.backup == id.uuid()).collect();
    if one.is_empty() { Err(Failure::NoSnapshot(format!("{shelf} has none of backup {id}"))) } else { Ok(one) }
}

/// What the present catalogue knows of the central database's verified backups, when it can be read.
async fn recorded(work: &mut Work<'_>, data_dir: &DataDir) -> HashMap<Uuid, Manifest> {
    let path = data_dir.central();
    if !path.exists() {
        work.warn("catalogue", path.display(), "it is gone, so the shelf alone tells what there is", "it is made anew");
        return HashMap::new();
    }
    match reader::read(Place::Alone(&path), verified).await {
        Ok(recorded) => recorded,
        Err(error) => {
            let why = chiliview_doctor::words(&error);
            let message = format!("it cannot be read, so the shelf alone tells what there is: {why}");
            work.warn("catalogue", path.display(), message, "it is kept for whoever can read more of it");
            HashMap::new()
        }
    }
}

async fn verified(tx: &mut Tx) -> StoreResult<HashMap<Uuid, Manifest>> {
    let (scope, status) = (Some(BackupScope::Central), Some(BackupStatus::Verified));
    let filter = Filter { scope, status, ..Filter::default() };
    let (mut all, mut after) = (HashMap::new(), None);
    loop {
        let page = Page { after: after.take(), limit: PAGE, direction: Direction::Ascending };
        let rows = backups::list(tx, &filter, &page).await?;
        let Some(last) = rows.last() else { return Ok::<_, Error>(all) };
        after = Some(Cursor { key: last.id.to_string(), id: last.id.to_string() });
        let known = rows
            .iter()
            .filter_map(|row| Some((row.id.uuid(), Manifest::from_json(row.manifest.as_deref()?.as_bytes()).ok()?)));
        all.extend(known);
    }
}
