//! A log file that never grows beyond its limit: when it would, it becomes `.1`, `.1` becomes `.2`, and the oldest goes.
//!
//! Written here because the crates for it panic, or drop lines unsaid, when a rename or an open fails, as on a full disk.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Appends whole lines; one `write` is one line.
#[derive(Debug)]
pub(crate) struct RotatingFile {
    path: PathBuf,
    limit: u64,
    keep: usize,
    file: File,
    size: u64,
    /// The last write failed and may have left half a line: the next one starts on a line of its own.
    torn: bool,
}

impl RotatingFile {
    /// Opens `path` for appending, mode 0600, in a directory that is made with 0700 if it is missing.
    pub(crate) fn open(path: PathBuf, limit: u64, keep: usize) -> io::Result<Self> {
        let file = append(&path)?;
        let size = file.metadata()?.len();
        Ok(Self { path, limit, keep, file, size, torn: false })
    }

    fn rotate(&mut self) -> io::Result<()> {
        // A second process may share the file; whoever finds that it was rotated already only opens the new one.
        if self.is_live()? {
            self.shift()?;
        }
        self.file = append(&self.path)?;
        self.size = self.file.metadata()?.len();
        self.torn = false;
        Ok(())
    }

    fn is_live(&self) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        Ok(existing(fs::metadata(&self.path))?.is_some_and(|live| (live.dev(), live.ino()) == (ours.dev(), ours.ino())))
    }

    fn shift(&self) -> io::Result<()> {
        if self.keep == 0 {
            return existing(fs::remove_file(&self.path)).map(drop);
        }
        for number in (1..self.keep).rev() {
            existing(fs::rename(self.numbered(number), self.numbered(number + 1)))?;
        }
        existing(fs::rename(&self.path, self.numbered(1))).map(drop)
    }

    fn numbered(&self, number: usize) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    fn append_line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n")?;
            self.size += 1;
        }
        self.file.write_all(line)?;
        self.size += line.len() as u64;
        Ok(())
    }
}

impl Write for RotatingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let grown = self.size.saturating_add(line.len() as u64);
        if self.size > 0
            && grown > self.limit
            && let Err(error) = self.rotate()
            // Nothing is lost by a longer file (no descriptor free, say); without an end it would fill the disk.
            && grown > self.limit.saturating_mul(2)
        {
            return Err(error);
        }
        let written = self.append_line(line);
        self.torn = written.is_err();
        written.map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    if !file.metadata()?.is_file() {
        // Renaming /dev/null or changing its mode would be worse than no log.
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    // The mode above holds for a new file only, and the umask may have narrowed it.
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// `None` for a file that is not there.
fn existing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
