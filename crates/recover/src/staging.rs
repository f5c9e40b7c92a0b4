//! A central database that is made beside the present one: unpacked, migrated, checked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chiliview_doctor::condition::{Condition, Schema};
use chiliview_snapshot::{Shelf, Watch, unpack};
use chiliview_store::{
    Error, Store,
    central_swap::STAGING,
    data_dir::{DataDir, create_private, remove_tree},
    migrations::Kind,
};

use crate::{Failure, inventory::Candidate, work::Work, work::refusal};

/// A directory for the new central database.
pub(crate) fn directory(data_dir: &DataDir) -> PathBuf {
    data_dir.root().join(format!("{STAGING}new"))
}

/// Removes what a recovery that was cut off left.
pub(crate) fn sweep(data_dir: &DataDir) -> Result<(), Error> {
    let root = data_dir.root();
    for entry in fs::read_dir(root).map_err(Error::io("list", root))? {
        let entry = entry.map_err(Error::io("list", root))?;
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

/// Unpacks a snapshot of the central database into `directory` and opens it there; or why it cannot be used.
pub(crate) async fn open(
    work: &mut Work<'_>,
    shelf: &Shelf,
    candidate: &Candidate,
    directory: &Path,
) -> Result<Result<Store, String>, Failure> {
    create_private(directory)?;
    let data_dir = DataDir::new(directory);
    for name in ["chiliview.db", "chiliview.db-wal", "chiliview.db-shm", "chiliview.db-journal"] {
        remove(&directory.join(name))?;
    }
    let identities = &work.context.identities;
    let (key, manifest) = (&candidate.key, &candidate.manifest);
    let unpacked = unpack(shelf, key, manifest, identities, &data_dir.central(), &Watch::unobserved()).await;
    if let Err(reason) = refusal(unpacked)? {
        return Ok(Err(reason.words));
    }
    // In files, on either engine: from there it goes to where it belongs.
    let own = work.context.settings.clone();
    let settings = chiliview_store::Settings { data_dir: directory.to_owned(), database_url: None, ..own };
    let store = match Store::open(&settings, work.context.clock.clone(), work.context.ids).await {
        Err(error @ Error::Migrate(_)) => return Ok(Err(format!("failed to {error}"))),
        opened => opened?,
    };
    let condition = store.central().read(async |tx| Condition::of(tx, Kind::Central).await).await?;
    match fault(&condition) {
        None => {
            audit_chain(work, &condition);
            Ok(Ok(store))
        }
        Some(reason) => {
            store.close().await;
            Ok(Err(reason))
        }
    }
}

/// Why a database cannot be used, whatever its digests say.
pub(crate) fn fault(condition: &Condition) -> Option<String> {
    if let Schema::Foreign(why) = &condition.schema {
        return Some(why.to_string());
    }
    if let Some(first) = condition.integrity.first() {
        return Some(format!("the integrity check finds: {first}"));
    }
    condition.dangling.first().map(|first| format!("rows point nowhere: {first}"))
}

/// A broken chain is told of; it makes no snapshot worthless.
fn audit_chain(work: &mut Work<'_>, condition: &Condition) {
    if let Some(line) = condition.audit.and_then(|audit| audit.broken_at) {
        let message = format!("line {line} was changed, or one before it is gone");
        work.problem("audit_chain", "central", message, "somebody wrote past ChiliView before the backup was made");
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}
