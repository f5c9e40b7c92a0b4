//! What to do about a database that only a backup can replace: which backup, and the next step.

use std::path::{Path, PathBuf};

use chiliview_snapshot::{ArtefactKey, Location};
use chiliview_store::{TenantId, backups};

use crate::{central::Central, exam::Exam, files, says::Advice};

const ARTEFACT: &str = ".db.zst";
const SEALED: &str = ".db.zst.age";
const MANIFEST: &str = ".manifest.json";

/// For the central database. Its own list of backups is lost with it, so the shelf is asked.
pub(crate) fn for_central(exam: &Exam<'_>) -> Vec<Advice> {
    vec![Advice::RestoreCentral, from_shelf(&exam.context.shelf, "central", &exam.data_dir().central())]
}

/// For a tenant's: by the list of backups when it can be read.
pub(crate) async fn for_tenant(exam: &Exam<'_>, central: Option<&Central>, id: TenantId) -> Vec<Advice> {
    let (shelf, database) = (&exam.context.shelf, exam.data_dir().tenant_database(id));
    let from_shelf = || vec![from_shelf(shelf, &id.to_string(), &database)];
    let Some(central) = central else { return from_shelf() };
    match central.read(exam, async |tx| backups::newest_verified(tx, Some(id)).await).await {
        Ok(Some(backup)) => {
            let command = unpack(shelf, &format!("{shelf}/{}", ArtefactKey::of_backup(&backup)), &database);
            let by_hand = Advice::UnpackVerified { command, taken: backup.created_at };
            vec![Advice::RestoreBackup { backup: backup.id }, by_hand]
        }
        Ok(None) => vec![Advice::NoVerifiedBackup],
        Err(_) => from_shelf(),
    }
}

fn from_shelf(shelf: &Location, folder: &str, database: &Path) -> Advice {
    let Some(directory) = shelf.as_directory() else {
        let newest = format!("{shelf}/{folder}/<the newest>{ARTEFACT}");
        return Advice::UnpackFromBucket { command: unpack(shelf, &newest, database) };
    };
    match newest(&directory.join(folder)) {
        Some(artefact) => Advice::UnpackNewest { command: unpack(shelf, &artefact.display().to_string(), database) },
        None => Advice::NoSnapshot,
    }
}

fn unpack(shelf: &Location, artefact: &str, database: &Path) -> String {
    let database = database.display();
    match (shelf.as_directory(), artefact.ends_with(SEALED)) {
        (Some(_), false) => format!("zstd -d {artefact} -o {database}"),
        (Some(_), true) => format!("age -d -i identities.txt {artefact} | zstd -d -o {database}"),
        (None, false) => format!("aws s3 cp {artefact} - | zstd -d -o {database}"),
        (None, true) => format!("aws s3 cp {artefact} - | age -d -i identities.txt | zstd -d -o {database}"),
    }
}

/// A backup's id begins with its time, and a snapshot is complete when its manifest is there.
fn newest(folder: &Path) -> Option<PathBuf> {
    let names = files::names(folder);
    let newest = names.iter().rev().find_map(|(name, _)| name.strip_suffix(MANIFEST))?;
    let sealed = format!("{newest}{SEALED}");
    let is_sealed = names.iter().any(|(name, _)| *name == sealed);
    Some(folder.join(if is_sealed { sealed } else { format!("{newest}{ARTEFACT}") }))
}
