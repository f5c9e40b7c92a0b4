//! What to do about a database that only a backup can replace: which backup, and the next step.

use std::path::{Path, PathBuf};

use chiliview_store::{TenantId, backups};

use crate::{central::Central, exam::Exam, files};

const ARTEFACT: &str = ".db.zst";
const MANIFEST: &str = ".manifest.json";

/// For the central database. Its own list of backups is lost with it, so the shelf is asked.
pub(crate) fn for_central(exam: &Exam<'_>) -> String {
    let by_hand = from_shelf(&exam.context.shelf.join("central"), &exam.data_dir().central());
    format!("stop the service and run `chiliview restore --central`; or by hand: {by_hand}")
}

/// For a tenant's: by the list of backups when it can be read.
pub(crate) async fn for_tenant(exam: &Exam<'_>, central: Option<&Central>, id: TenantId) -> String {
    let from_shelf = || from_shelf(&exam.context.shelf.join(id.to_string()), &exam.data_dir().tenant_database(id));
    let Some(central) = central else { return from_shelf() };
    match central.read(exam, async |tx| backups::newest_verified(tx, Some(id)).await).await {
        Ok(Some(backup)) => {
            let artefact = exam.context.shelf.join(id.to_string()).join(format!("{}{ARTEFACT}", backup.id));
            let what = format!("the newest verified backup, of {}", backup.created_at);
            let by_hand = by_hand(&artefact, &exam.data_dir().tenant_database(id), &what);
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

fn from_shelf(folder: &Path, database: &Path) -> String {
    match newest(folder) {
        Some(artefact) => by_hand(&artefact, database, "the newest snapshot on the shelf"),
        None => "there is no snapshot of it on the shelf".to_owned(),
    }
}

fn by_hand(artefact: &Path, database: &Path, what: &str) -> String {
    format!(
        "stop the service, move the file and its -wal and -shm away, and run `zstd -d {} -o {}`: {what}; \
         docs/OPERATIONS.md has each step",
        artefact.display(),
        database.display()
    )
}

/// A backup's id begins with its time, and a snapshot is complete when its manifest is there.
fn newest(folder: &Path) -> Option<PathBuf> {
    let names = files::names(folder);
    let newest = names.iter().rev().find_map(|(name, _)| name.strip_suffix(MANIFEST))?;
    Some(folder.join(format!("{newest}{ARTEFACT}")))
}
