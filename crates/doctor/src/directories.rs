//! The data directory: what there must be, who may enter, and whether there is room.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use chiliview_store::data_dir::create_private;

use crate::{
    exam::{Exam, Finding},
    files,
};

const NAME: &str = "directories";
/// Below this, writes and backups are about to fail.
const LITTLE_BYTES: u64 = 256 << 20;

pub(crate) async fn check(exam: &mut Exam<'_>) {
    let all = wanted(exam);
    let mut well = true;
    for directory in &all {
        well &= one(exam, directory).await;
    }
    if well {
        exam.ok(NAME, exam.data_dir().root().display(), format!("all {} are there, mode 0700", all.len()));
    }
    file_system(exam);
    room(exam);
}

fn wanted(exam: &Exam<'_>) -> Vec<PathBuf> {
    let mut all = exam.data_dir().directories();
    let shelf = exam.context.shelf.as_directory().filter(|shelf| !all.contains(shelf)).cloned();
    all.extend(shelf);
    all
}

/// Whether nothing was wrong with it.
async fn one(exam: &mut Exam<'_>, directory: &Path) -> bool {
    let finding = |message: &str, advice: &str| Finding {
        name: NAME,
        object: directory.display().to_string(),
        message: message.to_owned(),
        advice: advice.to_owned(),
    };
    match fs::metadata(directory) {
        Ok(meta) if !meta.is_dir() => {
            exam.broken(finding("it is no directory", "move it away; ChiliView needs a directory of that name"));
        }
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
            let message = format!("others may enter it (mode {:04o})", meta.permissions().mode() & 0o7777);
            let advice = format!("chmod 0700 {}", directory.display());
            let repair = async |_: &mut Exam<'_>| files::set_mode(directory, 0o700);
            exam.mend(finding(&message, &advice), repair).await;
        }
        Ok(_) => return true,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let repair = async |_: &mut Exam<'_>| {
                create_private(directory)?;
                Ok("made it, empty".to_owned())
            };
            exam.mend(finding("it is missing", "make it, mode 0700"), repair).await;
        }
        Err(error) => {
            exam.broken(finding(&format!("it cannot be looked at: {error}"), "run the doctor as ChiliView's user"));
        }
    }
    false
}

fn file_system(exam: &mut Exam<'_>) {
    let root = exam.data_dir().root().display().to_string();
    if exam.context.settings.database_url.is_some() || !exam.data_dir().root().exists() {
        return;
    }
    match exam.data_dir().refuse_unsafe_file_system() {
        Ok(()) => exam.ok("file_system", root, "no network file system"),
        Err(error) if exam.context.settings.allow_network_file_system => {
            exam.warn("file_system", root, format!("allowed by the settings, at your own risk: {error}"), "move it");
        }
        Err(error) => exam.broken(Finding {
            name: "file_system",
            object: root,
            message: error.to_string(),
            advice: "move the data directory to a local disk".to_owned(),
        }),
    }
}

/// A proof and a restore unpack a database beside the others: there should be room for twice the largest.
fn room(exam: &mut Exam<'_>) {
    let shelf = exam.context.shelf.as_directory().cloned();
    for directory in std::iter::once(exam.data_dir().root().to_owned()).chain(shelf) {
        let Ok(stat) = rustix::fs::statvfs(&directory) else { continue };
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        let needed = LITTLE_BYTES.max(files::largest_database(&exam.data_dir()).saturating_mul(2));
        let object = directory.display();
        let message = format!("{} MiB free, {} MiB should be", free >> 20, needed >> 20);
        if free < needed {
            exam.warn("free_space", object, message, "make room, or move the directory to a larger disk");
        } else {
            exam.ok("free_space", object, message);
        }
    }
}
