//! A small file system that is mounted for one test, where that is permitted.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::engines::skipped;

/// Unmounted when dropped.
pub(crate) struct SmallDisk(tempfile::TempDir);

/// What takes the room.
pub(crate) struct Filler(PathBuf);

impl SmallDisk {
    /// One of 20 MB. `None`, said once, where nothing may be mounted.
    pub(crate) fn mount() -> Option<Self> {
        Self::of(20)
    }

    /// One of so many megabytes.
    pub(crate) fn of(megabytes: u32) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]).arg(directory.path());
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(directory));
        }
        skipped("no file system may be mounted here, so none can be filled");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room that is left.
    pub(crate) fn fill(&self) -> Filler {
        let path = self.0.path().join("filler");
        let mut file: File = OpenOptions::new().create(true).append(true).open(&path).expect("a filler");
        for size in [1 << 20, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        Filler(path)
    }
}

impl Filler {
    /// Gives so many bytes back.
    pub(crate) fn shrink(&self, bytes: u64) {
        let file = OpenOptions::new().write(true).open(&self.0).expect("the filler");
        let length = file.metadata().expect("its length").len();
        file.set_len(length.saturating_sub(bytes)).expect("it shrinks");
    }

    pub(crate) fn remove(self) {
        std::fs::remove_file(self.0).expect("it removes the filler");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: connections whose threads end in a moment still have their files.
        let unmounted = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|output| output.status.success()), "it unmounts");
    }
}
