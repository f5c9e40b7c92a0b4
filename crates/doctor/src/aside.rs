//! Where a repair puts what it changes, before it changes it: `repairs/<instant>/` in the data directory, under the same
//! names as before.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chiliview_store::{Timestamp, data_dir, sqlite::beside};

use crate::{exam::Cannot, says::Repair};

/// A database's own file and its companions.
const COMPANIONS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// One repair's place.
pub(crate) struct Aside {
    root: PathBuf,
    directory: PathBuf,
}

impl Aside {
    pub(crate) fn new(root: &Path, now: Timestamp) -> Self {
        let instant = now.to_datetime().format("%Y%m%dT%H%M%S%.3fZ").to_string();
        Self { root: root.to_owned(), directory: root.join("repairs").join(instant) }
    }

    /// Copies a database; where to.
    pub(crate) fn copy_database(&self, path: &Path) -> Result<String, Cannot> {
        let target = self.target(path)?;
        for suffix in COMPANIONS {
            let (from, to) = (beside(path, suffix), beside(&target, suffix));
            match fs::copy(&from, &to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                copied => {
                    copied?;
                    fs::File::open(&to)?.sync_all()?;
                }
            }
        }
        Ok(target.display().to_string())
    }

    /// Moves a file or directory out of the way.
    pub(crate) fn put(&self, path: &Path) -> Result<Repair, Cannot> {
        let target = self.target(path)?;
        fs::rename(path, &target)?;
        if let Some(parent) = path.parent() {
            data_dir::sync_directory(parent)?;
        }
        Ok(Repair::MovedAside { to: target.display().to_string() })
    }

    fn target(&self, path: &Path) -> Result<PathBuf, Cannot> {
        let relative = path.strip_prefix(&self.root).ok().or_else(|| path.file_name().map(Path::new));
        let target = self.directory.join(relative.unwrap_or(Path::new("unnamed")));
        if let Some(parent) = target.parent() {
            data_dir::create_private(parent)?;
        }
        Ok(target)
    }
}
