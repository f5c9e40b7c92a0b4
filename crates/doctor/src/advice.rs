//! What to do about a database that only a backup can replace: which backup, and the next step.

use std::path::{Path, PathBuf};

use chiliview_snapshot::Location;
use chiliview_store::{TenantId, backups};

use crate::{central::Central, exam::Exam, files};

const ARTEFACT: &str = ".db.zst";
const MANIFEST: &str = ".manifest.json";

/// For the central database. Its own list of backups is lost with it, so the shelf is asked.
pub(crate) fn for_central(exam: &Exam<'_>) -> String {
    let by_hand = from_shelf(&exam.context.shelf, "central", &exam.data_dir().central());
    format!("stop the service and run `chiliview restore --central`; or by hand: {by_hand}")
}

/// For a tenant's: by the list of backups when it can be read.
pub(crate) async fn for_tenant(exam: &Exam<'_>, central: Option<&Central>, id: TenantId) -> String {
    let shelf = &exam.context.shelf;
    let from_shelf = || from_shelf(shelf, &id.to_string(), &exam.data_dir().tenant_database(id));
    let Some(central) = central else { return from_shelf() };
    match central.read(exam, async |tx| backups::newest_verified(tx, Some(id)).await).await {
        Ok(Some(backup)) => {
            let artefact = format!("{shelf}/{id}/{}{ARTEFACT}", backup.id);
            let what = format!("the newest verified backup, of {}", backup.created_at);
            let by_hand = by_hand(shelf, &artefact, &exam.data_dir().tenant_database(id), &what);
            format!(
                "restore backup {0} in the console, or by `POST /api/backups/{0}/restore` with `without_safety_backup`, while \
                 all others go on; or by hand: {by_hand}",
                backup.id
            )
        }
        Ok(None) => "there is no verified backup of it".to_owned(),
        Err(_) => from_shelf(),
    }
}

fn from_shelf(shelf: &Location, folder: &str, database: &Path) -> String {
    let Some(directory) = shelf.as_directory() else {
        let newest = format!("{shelf}/{folder}/<the newest>{ARTEFACT}");
        return by_hand(shelf, &newest, database, "names begin with their time");
    };
    match newest(&directory.join(folder)) {
        Some(artefact) => by_hand(shelf, &artefact.display().to_string(), database, "the newest snapshot on the shelf"),
        None => "there is no snapshot of it on the shelf".to_owned(),
    }
}

fn by_hand(shelf: &Location, artefact: &str, database: &Path, what: &str) -> String {
    let database = database.display();
    let unpack = match shelf.as_directory() {
        Some(_) => format!("zstd -d {artefact} -o {database}"),
        None => format!("aws s3 cp {artefact} - | zstd -d -o {database}"),
    };
    format!(
        "stop the service, move the file and its -wal and -shm away, and run `{unpack}`: {what}; docs/OPERATIONS.md has each \
         step"
    )
}

/// A backup's id begins with its time, and a snapshot is complete when its manifest is there.
fn newest(folder: &Path) -> Option<PathBuf> {
    let names = files::names(folder);
    let newest = names.iter().rev().find_map(|(name, _)| name.strip_suffix(MANIFEST))?;
    Some(folder.join(format!("{newest}{ARTEFACT}")))
}
