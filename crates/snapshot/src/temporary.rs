//! Files that vanish unless they are kept: staged artefacts and unpacked databases.
//!
//! Each is locked (`flock`) while its maker lives, so that [`sweep`] can tell a leftover of a killed process from the
//! work of another one without asking for process ids or trusting clocks.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chiliview_store::room::Sparing;

use crate::durable;
use crate::error::Error;

/// What temporary names end with; nothing else in the crate ends so.
pub(crate) const SUFFIX: &str = ".partial";

/// A locked file, 0600, that is removed when dropped.
#[derive(Debug)]
pub(crate) struct Temporary {
    file: File,
    path: PathBuf,
    sparing: Sparing,
    kept: bool,
}

/// What [`sweep`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Leftovers that are gone.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Temporary {
    fn new(file: File, path: PathBuf) -> Self {
        Self { file, sparing: Sparing::new(durable::parent(&path)), path, kept: false }
    }

    /// Makes `<stem>.<n>.partial` in `dir`, with the first free `n`.
    pub(crate) fn create(dir: &Path, stem: &str) -> Result<Self, Error> {
        for n in 0_u32.. {
            let path = dir.join(format!("{stem}.{n}{SUFFIX}"));
            if let Some(file) = claim(&path).map_err(Error::io("create", &path))? {
                return Ok(Self::new(file, path));
            }
        }
        unreachable!("four billion temporary files of one name")
    }

    /// Makes `<stem>.partial` in `dir`; `None` while another living maker has it. So the file is a lock on its name.
    pub(crate) fn alone(dir: &Path, stem: &str) -> Result<Option<Self>, Error> {
        let path = dir.join(format!("{stem}{SUFFIX}"));
        loop {
            if let Some(file) = claim(&path).map_err(Error::io("create", &path))? {
                return Ok(Some(Self::new(file, path)));
            }
            if is_alive(&path)? {
                return Ok(None);
            }
            remove_dead(&path)?;
        }
    }

    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends all of `bytes`, unless they would take of the reserve.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.write_all(bytes).map_err(Error::io("write", &self.path))
    }

    /// Waits until the content is on the disk.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(Error::io("sync", &self.path))
    }

    /// Gives the file its lasting name. Durable once that directory is synced.
    pub(crate) fn keep(mut self, name: &Path) -> Result<(), Error> {
        durable::rename(&self.path, name)?;
        self.kept = true;
        Ok(())
    }
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sparing.take(bytes.len())?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = durable::remove(&self.path)
        {
            tracing::warn!(path = %self.path.display(), error = &error as &dyn std::error::Error, "temporary file stays until the next sweep");
        }
    }
}

/// Creates and locks; `None` when the name is taken, or was swept away between the two steps. Waiting for the lock is
/// short: only a sweep or a listing that looks at the new file can hold it.
fn claim(path: &Path) -> io::Result<Option<File>> {
    let file = match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        opened => opened?,
    };
    file.lock()?;
    let linked = file.metadata()?.nlink() > 0;
    Ok(linked.then_some(file))
}

fn locked(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a process still holds the temporary file; a missing one is held by nobody.
pub(crate) fn is_alive(path: &Path) -> Result<bool, Error> {
    let Some(file) = open(path)? else { return Ok(false) };
    locked(&file).map(|dead| !dead).map_err(Error::io("lock", path))
}

/// For writing too, since NFS locks nothing else.
fn open(path: &Path) -> Result<Option<File>, Error> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("open", path)(error)),
    }
}

/// Removes the temporary files in `dir` that start with `prefix` and whose maker is gone.
pub(crate) fn sweep(dir: &Path, prefix: &str) -> Result<Swept, Error> {
    let mut swept = Swept::default();
    let entries = match dir.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(swept),
        opened => opened.map_err(Error::io("list", dir))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::io("list", dir))?;
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix) && name.ends_with(SUFFIX));
        if is_ours && let Some(bytes) = remove_dead(&entry.path())? {
            swept.files += 1;
            swept.bytes += bytes;
        }
    }
    Ok(swept)
}

/// Removes under the lock, so that a maker that is just starting sees its file gone and takes another name.
fn remove_dead(path: &Path) -> Result<Option<u64>, Error> {
    let Some(file) = open(path)? else { return Ok(None) };
    if !locked(&file).map_err(Error::io("lock", path))? {
        return Ok(None);
    }
    let bytes = file.metadata().map_err(Error::io("read the size of", path))?.len();
    Ok(durable::remove(path)?.then_some(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_temporary_file_is_private_and_goes_when_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let file = Temporary::create(dir.path(), "x").unwrap();
        assert_eq!(file.path().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        drop(file);
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn two_of_one_name_do_not_meet() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (Temporary::create(dir.path(), "x").unwrap(), Temporary::create(dir.path(), "x").unwrap());
        assert_ne!(one.path(), two.path());
    }

    #[test]
    fn a_name_held_alone_is_free_again_when_its_holder_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let held = Temporary::alone(dir.path(), "x").unwrap();
        assert!(held.is_some());
        assert!(Temporary::alone(dir.path(), "x").unwrap().is_none());
        drop(held);
        std::fs::write(dir.path().join("x.partial"), "dead").unwrap();
        assert!(Temporary::alone(dir.path(), "x").unwrap().is_some());
    }

    #[test]
    fn a_sweep_takes_the_dead_and_leaves_the_living() {
        let dir = tempfile::tempdir().unwrap();
        let living = Temporary::create(dir.path(), "x").unwrap();
        std::fs::write(dir.path().join("x.7.partial"), "dead").unwrap();
        std::fs::write(dir.path().join("y.7.partial"), "another's").unwrap();
        std::fs::write(dir.path().join("x.db"), "no temporary file").unwrap();
        assert_eq!(sweep(dir.path(), "x").unwrap(), Swept { files: 1, bytes: 4 });
        assert!(is_alive(living.path()).unwrap());
        assert_eq!(dir.path().read_dir().unwrap().count(), 3);
    }

    #[test]
    fn sweeping_while_files_are_made_never_takes_a_living_one() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            let sweeper = scope.spawn(|| {
                (0..2000).for_each(|_| {
                    sweep(dir.path(), "").unwrap();
                })
            });
            while !sweeper.is_finished() {
                let file = Temporary::create(dir.path(), "x").unwrap();
                assert!(file.path().exists());
            }
        });
    }
}
