//! Room on a file system, and the part of it that bulk never takes: uploads, snapshots and unpacked databases end before the
//! disk does, so that people can still write, log in and clean up.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::fs::statvfs;

/// At the most; a twentieth of a small disk.
const LARGEST_RESERVE: u64 = 256 << 20;
const PART: u64 = 20;
/// Bytes between two looks. Whoever writes beside us may take so much of the reserve.
const STEP: u64 = 1 << 20;

/// What is free on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// For an unprivileged process, in bytes.
    pub free_bytes: u64,
    /// What stays free of bulk, in bytes.
    pub reserve_bytes: u64,
}

/// Bulk on its way to a file system: looks now and then that the reserve stays.
#[derive(Debug)]
pub struct Sparing {
    path: PathBuf,
    unseen: u64,
}

impl Room {
    /// On the file system of `path`.
    ///
    /// # Errors
    /// Those of `statvfs(3)`.
    pub fn at(path: &Path) -> io::Result<Self> {
        let stat = statvfs(path)?;
        let total = stat.f_blocks.saturating_mul(stat.f_frsize);
        Ok(Self {
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            reserve_bytes: (total / PART).min(LARGEST_RESERVE),
        })
    }

    /// What bulk may take, in bytes.
    #[must_use]
    pub fn spare_bytes(self) -> u64 {
        self.free_bytes.saturating_sub(self.reserve_bytes)
    }
}

impl Sparing {
    /// Of what goes to the file system of `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), unseen: STEP }
    }

    /// Asks before so many bytes are written.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] when they would take of the reserve, and those of `statvfs(3)`.
    pub fn take(&mut self, bytes: usize) -> io::Result<()> {
        let bytes = bytes as u64;
        self.unseen = self.unseen.saturating_add(bytes);
        if self.unseen < STEP {
            return Ok(());
        }
        if Room::at(&self.path)?.spare_bytes() < bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.unseen = 0;
        Ok(())
    }
}
