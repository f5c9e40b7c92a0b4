//! Puts another central database in the place of the present one, so that a crash at any step leaves the old or the new.
//!
//! The new one is made in a directory of its own beside the old. Once that directory has its final name, the new one *is* the
//! central database: whoever opens the data directory next finishes what was begun. What was there before is kept.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{
    clock::Timestamp,
    data_dir::{DataDir, create_private, remove_tree, sync_directory},
    error::{Error, Result},
    sqlite::beside,
};

/// What every directory in which a central database is made is called first.
pub const STAGING: &str = ".restore-central-";
const READY: &str = ".restore-central-ready";
const DATABASE: &str = "chiliview.db";
/// What was there before, until it lies in `repairs/`.
const BEFORE: &str = "before";
/// A database's own file and its companions: they move together, or a stale WAL undoes the restore.
const COMPANIONS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Makes the `chiliview.db` in `staged`, which must be closed, the central database. Nobody else may be in the data directory.
/// Where the old one lies now; none when there was none.
pub fn replace(data_dir: &DataDir, staged: &Path, now: Timestamp) -> Result<Option<PathBuf>> {
    let database = staged.join(DATABASE);
    let opened = File::open(&database).map_err(Error::io("open", &database))?;
    opened.sync_all().map_err(Error::io("sync", &database))?;
    create_private(&staged.join(BEFORE))?;
    sync_directory(staged)?;
    fail::fail_point!("store.swap_staged");
    rename(staged, &data_dir.root().join(READY))?;
    sync_directory(data_dir.root())?;
    fail::fail_point!("store.swap_ready");
    finish(data_dir, now)
}

/// Finishes what [`replace`] began. Where the old central database lies now, if one was replaced.
pub fn finish(data_dir: &DataDir, now: Timestamp) -> Result<Option<PathBuf>> {
    let ready = data_dir.root().join(READY);
    if !ready.exists() {
        return Ok(None);
    }
    let before = ready.join(BEFORE);
    if ready.join(DATABASE).exists() {
        put_aside(data_dir, &before)?;
        rename(&ready.join(DATABASE), &data_dir.central())?;
        sync_directory(data_dir.root())?;
        sync_directory(&ready)?;
        fail::fail_point!("store.swap_renamed");
    }
    let kept = keep(data_dir, &before, now)?;
    fail::fail_point!("store.swap_kept");
    remove_tree(&ready)?;
    sync_directory(data_dir.root())?;
    Ok(kept)
}

fn put_aside(data_dir: &DataDir, before: &Path) -> Result<()> {
    create_private(before)?;
    for suffix in COMPANIONS {
        let (from, to) = (beside(&data_dir.central(), suffix), beside(&before.join(DATABASE), suffix));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed.map_err(Error::io("rename", &from))?,
        }
        fail::fail_point!("store.swap_aside");
    }
    sync_directory(before)?;
    sync_directory(data_dir.root())
}

/// Gives what was there before its lasting place.
fn keep(data_dir: &DataDir, before: &Path, now: Timestamp) -> Result<Option<PathBuf>> {
    let is_empty = fs::read_dir(before).map_or(true, |mut entries| entries.next().is_none());
    if is_empty {
        return Ok(None);
    }
    let repairs = data_dir.root().join("repairs");
    create_private(&repairs)?;
    let kept = repairs.join(format!("{}-before-restore", now.to_datetime().format("%Y%m%dT%H%M%S%.3fZ")));
    rename(before, &kept)?;
    sync_directory(&repairs)?;
    Ok(Some(kept))
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(Error::io("rename", from))
}
