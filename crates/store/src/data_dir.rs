//! The data directory: where what lies, who may enter, and who is in it right now.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::statfs;

use crate::{
    error::{Error, Result},
    ids::{RestoreId, TenantId},
    room::Room,
    staging::Staging,
};

/// Network and user-space file systems on which SQLite's WAL is known to corrupt, by their magic in `statfs(2)`.
const UNSAFE_FILE_SYSTEMS: &[(u32, &str)] = &[
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFE53_4D42, "SMB2"),
    (0xFF53_4D42, "CIFS"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE or virtiofs"),
    (0x5346_414F, "AFS"),
];

/// Paths under `CHILIVIEW_DATA_DIR`.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The directory at `root`, which need not exist.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// The central database.
    #[must_use]
    pub fn central(&self) -> PathBuf {
        self.0.join("chiliview.db")
    }

    /// All tenants' directories.
    #[must_use]
    pub fn resellers(&self) -> PathBuf {
        self.0.join("resellers")
    }

    /// One tenant's directory. Named by the id, never by the slug.
    #[must_use]
    pub fn tenant(&self, id: TenantId) -> PathBuf {
        self.resellers().join(id.to_string())
    }

    /// One tenant's database.
    #[must_use]
    pub fn tenant_database(&self, id: TenantId) -> PathBuf {
        self.tenant(id).join("reseller.db")
    }

    /// Where a restore's database is made ready; of no attempt, where it and the one that it replaces are exchanged.
    #[must_use]
    pub fn staging(&self, place: Staging) -> PathBuf {
        self.resellers().join(place.directory())
    }

    /// What a restore replaced, kept until its undo window ends.
    #[must_use]
    pub fn kept(&self, id: RestoreId) -> PathBuf {
        self.resellers().join(format!(".before-{id}"))
    }

    /// How many bytes are free for us where the databases are.
    pub fn free_bytes(&self) -> Result<u64> {
        Ok(self.room()?.free_bytes)
    }

    /// Room where the databases are.
    pub fn room(&self) -> Result<Room> {
        Room::at(&self.0).map_err(Error::io("look at", &self.0))
    }

    /// The default shelf.
    #[must_use]
    pub fn backups(&self) -> PathBuf {
        self.0.join("backups")
    }

    /// Files that live as long as one piece of work.
    #[must_use]
    pub fn temp(&self) -> PathBuf {
        self.0.join("temp")
    }

    /// Where versions before kept what was being uploaded.
    #[must_use]
    pub fn former_uploads(&self) -> PathBuf {
        self.0.join("uploads")
    }

    /// Where `chiliview.log` is.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// Where a platform is rebuilt from its shelf, until it is whole.
    #[must_use]
    pub fn rebuilding(&self) -> PathBuf {
        self.0.join(".from-shelf")
    }

    /// Refuses a directory in which a platform is half rebuilt: what is missing there would be taken for lost.
    pub fn refuse_unfinished(&self) -> Result<()> {
        if !self.rebuilding().exists() {
            return Ok(());
        }
        let root = self.0.display();
        Err(Error::Unsafe(format!(
            "{root} is being rebuilt from a shelf; when nobody does it any more, run `chiliview restore --from-shelf` again"
        )))
    }

    /// The note on a platform that was moved to PostgreSQL: what lies here is how it was then.
    #[must_use]
    pub fn moved_out(&self) -> PathBuf {
        self.0.join("moved-to-postgresql")
    }

    /// While a platform is being moved out of here, which move that is.
    #[must_use]
    pub fn moving_out(&self) -> PathBuf {
        self.0.join(".moving-out")
    }

    /// While a platform is being moved into here.
    #[must_use]
    pub fn moving_in(&self) -> PathBuf {
        self.0.join(".moving-in")
    }

    /// Refuses to serve a platform that was moved elsewhere, or that is not all here yet: two would grow apart.
    pub fn refuse_moved(&self) -> Result<()> {
        if self.moving_in().exists() {
            let words = "is being moved here; when nobody does it any more, run the same `chiliview move` again";
            return Err(Error::Unsafe(format!("a platform {words} ({})", self.0.display())));
        }
        let note = self.moved_out();
        if !note.exists() {
            return Ok(());
        }
        Err(Error::Unsafe(format!(
            "the platform in {} was moved to PostgreSQL: name it with CHILIVIEW_DATABASE_URL; to go back to how it was before, \
             remove {}",
            self.0.display(),
            note.display()
        )))
    }

    /// Every directory that there should be, parents first.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        vec![self.0.clone(), self.resellers(), self.backups(), self.temp(), self.logs()]
    }

    /// Makes the missing directories, mode 0700.
    pub fn create(&self) -> Result<()> {
        for directory in self.directories() {
            create_private(&directory)?;
        }
        Ok(())
    }

    /// Refuses a file system on which WAL corrupts (<https://www.sqlite.org/useovernet.html>).
    pub fn refuse_unsafe_file_system(&self) -> Result<()> {
        let found = statfs(&self.0).map_err(|error| Error::io("look at", &self.0)(error.into()))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the magic is 32 bits wide")]
        let magic = found.f_type as u32;
        let Some((_, name)) = UNSAFE_FILE_SYSTEMS.iter().find(|(unsafe_magic, _)| *unsafe_magic == magic) else {
            return Ok(());
        };
        Err(Error::Unsafe(format!(
            "{} is on {name}, where SQLite databases get corrupted; put the data directory on a local disk \
             (in a container: a named volume), or set CHILIVIEW_ALLOW_NETWORK_FILE_SYSTEM=true at your own risk",
            self.0.display()
        )))
    }

    /// Keeps other processes out while one starts and migrates; waits for its turn.
    pub fn lock_start_up(&self) -> Result<StartUpLock> {
        let path = self.0.join(".start-up.lock");
        let file = open_lock(&path)?;
        file.lock().map_err(Error::io("lock", path))?;
        Ok(StartUpLock { _file: file })
    }

    /// Says, as long as it lives, that a process works in here.
    pub fn join(&self) -> Result<Presence> {
        let path = self.0.join(".running.lock");
        let file = open_lock(&path)?;
        file.lock_shared().map_err(Error::io("lock", path))?;
        Ok(Presence { _file: file })
    }

    /// The directory for one process alone, or `None` while another works in it.
    pub fn alone(&self) -> Result<Option<Presence>> {
        let path = self.0.join(".running.lock");
        let file = open_lock(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Presence { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
        }
    }

    /// As [`Self::alone`], but nothing is made where nobody was yet.
    pub fn company(&self) -> Result<Company> {
        if !self.0.join(".running.lock").exists() {
            return Ok(Company::Nobody(None));
        }
        Ok(match self.alone()? {
            Some(presence) => Company::Nobody(Some(presence)),
            None => Company::Others,
        })
    }
}

/// Who works in the data directory, for somebody who wants to look at it and leave no trace.
#[derive(Debug)]
pub enum Company {
    /// Another process.
    Others,
    /// Nobody, and nobody comes in while the presence is held; without one, nobody ever was in it.
    Nobody(Option<Presence>),
}

/// Held over start-up and migrations.
#[derive(Debug)]
pub struct StartUpLock {
    _file: File,
}

/// Held while a process works in the data directory.
#[derive(Debug)]
pub struct Presence {
    _file: File,
}

fn open_lock(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o600);
    options.open(path).map_err(Error::io("open", path))
}

/// Makes a directory that only its owner can enter, and its parents.
pub fn create_private(directory: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(directory).map_err(Error::io("create", directory))
}

/// Makes a rename or a new file in `directory` survive a power loss.
pub fn sync_directory(directory: &Path) -> Result<()> {
    let opened = File::open(directory).map_err(Error::io("open", directory))?;
    opened.sync_all().map_err(Error::io("sync", directory))
}

/// Makes what a file holds survive a power loss. Not for a database that this process has open.
pub fn sync_file(path: &Path) -> Result<()> {
    let opened = File::open(path).map_err(Error::io("open", path))?;
    opened.sync_all().map_err(Error::io("sync", path))
}

/// Removes a directory tree; one that is not there is fine.
pub fn remove_tree(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", directory)(error)),
        _ => Ok(()),
    }
}
