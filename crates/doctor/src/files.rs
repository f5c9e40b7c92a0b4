//! Files and their modes.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use chiliview_store::data_dir::DataDir;

use crate::{
    checks::Check,
    exam::{Cannot, Exam, Finding},
    says::{Advice, Found, Repair},
};

pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<Repair, Cannot> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(Repair::SetMode { mode: octal(mode) })
}

/// As `chmod` takes it.
pub(crate) fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

/// A database that others can read gives them every hash in it.
pub(crate) async fn check_mode(exam: &mut Exam<'_>, path: &Path) {
    let Ok(meta) = fs::metadata(path) else { return };
    let mode = meta.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return;
    }
    let finding = Finding {
        check: Check::Mode,
        object: path.into(),
        found: Found::OpenDatabase { mode: octal(mode) },
        advice: vec![Advice::ChangeMode { mode: octal(0o600), path: path.display().to_string() }],
    };
    exam.mend(finding, async |_| set_mode(path, 0o600)).await;
}

/// The names in a directory, sorted; none when it cannot be read.
pub(crate) fn names(directory: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect();
    names.sort();
    names
}

pub(crate) fn largest_database(directory: &DataDir) -> u64 {
    let size = |path: PathBuf| fs::metadata(path).map_or(0, |meta| meta.len());
    let tenants = names(&directory.resellers()).into_iter().map(|(_, path)| size(path.join("reseller.db")));
    tenants.chain([size(directory.central())]).max().unwrap_or(0)
}
