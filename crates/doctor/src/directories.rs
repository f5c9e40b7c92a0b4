//! The data directory: what there must be, who may enter, and whether there is room.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use chiliview_store::{data_dir::create_private, room::Room};

use crate::{
    checks::Check,
    exam::{Exam, Finding},
    files,
    says::{Advice, Found, Repair},
};

/// Below this, writes and backups are about to fail.
const LITTLE_BYTES: u64 = 256 << 20;

pub(crate) async fn check(exam: &mut Exam<'_>) {
    let all = wanted(exam);
    let mut well = true;
    for directory in &all {
        well &= one(exam, directory).await;
    }
    if well {
        exam.ok(Check::Directories, exam.data_dir().root(), Found::AllDirectories { count: all.len() });
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
    let finding = |found: Found, advice: Advice| Finding {
        check: Check::Directories,
        object: directory.into(),
        found,
        advice: vec![advice],
    };
    match fs::metadata(directory) {
        Ok(meta) if !meta.is_dir() => {
            exam.broken(finding(Found::NoDirectory, Advice::ReplaceByDirectory));
        }
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
            let found = Found::OpenDirectory { mode: files::octal(meta.permissions().mode() & 0o7777) };
            let advice = Advice::ChangeMode { mode: files::octal(0o700), path: directory.display().to_string() };
            let repair = async |_: &mut Exam<'_>| files::set_mode(directory, 0o700);
            exam.mend(finding(found, advice), repair).await;
        }
        Ok(_) => return true,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let repair = async |_: &mut Exam<'_>| {
                create_private(directory)?;
                Ok(Repair::MadeEmpty)
            };
            exam.mend(finding(Found::Missing, Advice::MakeDirectory), repair).await;
        }
        Err(error) => {
            exam.broken(finding(Found::Hidden { error: error.to_string() }, Advice::RunAsUser));
        }
    }
    false
}

fn file_system(exam: &mut Exam<'_>) {
    if exam.context.settings.database_url.is_some() || !exam.data_dir().root().exists() {
        return;
    }
    match exam.data_dir().refuse_unsafe_file_system() {
        Ok(()) => exam.ok(Check::FileSystem, exam.data_dir().root(), Found::LocalFileSystem),
        Err(error) if exam.context.settings.allow_network_file_system => {
            let found = Found::NetworkFileSystemAllowed { error: error.to_string() };
            exam.warn(Check::FileSystem, exam.data_dir().root(), found, Advice::Move);
        }
        Err(error) => exam.broken(Finding {
            check: Check::FileSystem,
            object: exam.data_dir().root().into(),
            found: Found::NetworkFileSystem { error: error.to_string() },
            advice: vec![Advice::MoveToLocalDisk],
        }),
    }
}

/// A proof and a restore unpack a database beside the others: there should be room for twice the largest.
fn room(exam: &mut Exam<'_>) {
    let shelf = exam.context.shelf.as_directory().cloned();
    for directory in std::iter::once(exam.data_dir().root().to_owned()).chain(shelf) {
        let free = match Room::at(&directory) {
            Ok(room) => room.free_bytes,
            // That it is missing has been said.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                exam.broken(Finding {
                    check: Check::FreeSpace,
                    object: (&*directory).into(),
                    found: Found::RoomUnknown { error: error.to_string() },
                    advice: vec![Advice::RunAsUser],
                });
                continue;
            }
        };
        let needed = LITTLE_BYTES.max(files::largest_database(&exam.data_dir()).saturating_mul(2));
        let found = Found::Room { free: free >> 20, needed: needed >> 20 };
        if free < needed {
            exam.warn(Check::FreeSpace, &*directory, found, Advice::MakeRoom);
        } else {
            exam.ok(Check::FreeSpace, &*directory, found);
        }
    }
}
