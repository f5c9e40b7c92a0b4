//! Puts one tenant's database in the place of another, whole or not at all. Directories move, never files: a database takes
//! its `-wal`, `-shm` and `-journal` along, and can never meet another one's.
//!
//! Each attempt makes its database ready in a place of its own (`staging`). It comes forward to the restore's only when it
//! takes the live one's, which nobody does who does not hold the job.
//!
//! Which of the two is live is read from the disk alone: the restored one has a marker beside it. Whoever swaps keeps the
//! old database open meanwhile: SQLite then lets nobody else be the last to close it, who would remove its WAL by a name
//! that is another's by then (`sqlite3WalClose`).

use std::{fs, io, path::PathBuf};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

use crate::{
    data_dir::{DataDir, create_private, remove_tree, sync_directory, sync_file},
    error::{Error, Result},
    ids::{RestoreId, TenantId},
    staging::{self, Staging},
};

const DATABASE: &str = "reseller.db";

/// The directories of one restore.
#[derive(Clone, Debug)]
pub struct Swap {
    parent: PathBuf,
    live: PathBuf,
    own: Staging,
    /// Where this attempt makes its database ready.
    staging: PathBuf,
    /// Where the restored one is in the moment before it is live, and the one that it replaces in the moment after.
    ready: PathBuf,
    kept: PathBuf,
    /// Where the live directory is for a moment, on file systems that cannot exchange two.
    away: PathBuf,
    marker: String,
}

/// Which database is the tenant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Live {
    /// None.
    Nothing,
    /// The one from before.
    Before,
    /// The restored one.
    Restored,
}

impl Swap {
    /// Of this restore, into this tenant, by this attempt.
    #[must_use]
    pub fn new(data_dir: &DataDir, restore: RestoreId, tenant: TenantId, attempt: i64) -> Self {
        let own = Staging::of(restore, attempt);
        Self {
            parent: data_dir.resellers(),
            live: data_dir.tenant(tenant),
            own,
            staging: data_dir.staging(own),
            ready: data_dir.staging(Staging::of_all(restore)),
            kept: data_dir.kept(restore),
            away: data_dir.resellers().join(format!(".swap-{tenant}")),
            marker: format!("restore-{restore}"),
        }
    }

    /// Where the restored database is made ready.
    #[must_use]
    pub fn staged_database(&self) -> PathBuf {
        self.staging.join(DATABASE)
    }

    /// The database that was put aside.
    #[must_use]
    pub fn kept_database(&self) -> PathBuf {
        self.kept.join(DATABASE)
    }

    /// Which database is live.
    #[must_use]
    pub fn live(&self) -> Live {
        match (self.live.join(&self.marker).exists(), self.live.exists()) {
            (true, _) => Live::Restored,
            (false, true) => Live::Before,
            (false, false) => Live::Nothing,
        }
    }

    /// An empty directory for the restored database. What the attempts before this one left is gone: nobody comes back to it,
    /// and it takes room.
    pub fn begin(&self) -> Result<()> {
        // Of none, it may be what the restored one replaces.
        let former = |place: &&Staging| place.attempt.is_some() && place.attempt < self.own.attempt;
        for place in self.staged()?.iter().filter(former) {
            remove_tree(&self.parent.join(place.directory()))?;
        }
        remove_tree(&self.staging)?;
        create_private(&self.staging)
    }

    /// Every attempt's.
    fn staged(&self) -> Result<Vec<Staging>> {
        let mut all = staging::listed(&self.parent, Staging::named_by_directory)?;
        all.retain(|place| place.restore == self.own.restore);
        Ok(all)
    }

    /// Makes the staged database durable and marks it. Nobody may have it open, and nothing may lie beside it.
    pub fn seal(&self) -> Result<()> {
        for entry in fs::read_dir(&self.staging).map_err(Error::io("read", &self.staging))? {
            let name = entry.map_err(Error::io("read", &self.staging))?.file_name();
            if name != DATABASE && name != self.marker.as_str() {
                let reason = format!("{} lies beside it", name.display());
                return Err(Error::DatabaseUnusable { path: self.staged_database(), reason });
            }
        }
        sync_file(&self.staged_database())?;
        let marker = self.staging.join(&self.marker);
        fs::write(&marker, b"").map_err(Error::io("write", &marker))?;
        sync_file(&marker)?;
        sync_directory(&self.staging)?;
        sync_directory(&self.parent)
    }

    /// Makes the restored database the live one, unless it is, and puts the live one aside, if there is one.
    pub fn bring_in(&self) -> Result<()> {
        self.mend()?;
        let was_live = self.kept.join(&self.marker).exists();
        match (self.live(), was_live) {
            (Live::Restored, _) => return Ok(()),
            (_, true) => self.exchange(&self.kept)?,
            (Live::Nothing, false) => {
                self.come_forward()?;
                self.rename(&self.ready, &self.live)?;
            }
            (Live::Before, false) => {
                self.come_forward()?;
                fail::fail_point!("store.swap_forward");
                self.exchange(&self.ready)?;
                fail::fail_point!("store.swap_between");
                self.rename(&self.ready, &self.kept)?;
            }
        }
        sync_directory(&self.parent)
    }

    /// In place of one that came forward and was cut off then. Not synced by itself: what is live then says what was done.
    fn come_forward(&self) -> Result<()> {
        if !self.staging.join(&self.marker).exists() {
            let reason = "it was not made ready".into();
            return Err(Error::DatabaseUnusable { path: self.staged_database(), reason });
        }
        remove_tree(&self.ready)?;
        self.rename(&self.staging, &self.ready)
    }

    /// Makes the database from before the live one, unless it is: the restored one is put aside.
    pub fn bring_back(&self) -> Result<()> {
        self.mend()?;
        match (self.live(), self.kept.exists()) {
            (Live::Nothing, true) => self.rename(&self.kept, &self.live)?,
            (Live::Restored, true) => self.exchange(&self.kept)?,
            (Live::Restored, false) => self.rename(&self.live, &self.ready)?,
            (Live::Before, _) | (Live::Nothing, false) => return Ok(()),
        }
        sync_directory(&self.parent)
    }

    /// Ends what was cut off in the middle: before anything else, by whoever goes on.
    pub fn mend(&self) -> Result<()> {
        if self.away.exists() && !self.live.exists() {
            self.rename(&self.away, &self.live)?;
        } else if self.away.exists() && !self.kept.exists() {
            self.rename(&self.away, &self.kept)?;
        }
        if self.live() == Live::Restored && self.ready.exists() && !self.kept.exists() {
            self.rename(&self.ready, &self.kept)?;
        }
        sync_directory(&self.parent)
    }

    /// Whether what was replaced is still there.
    #[must_use]
    pub fn has_kept(&self) -> bool {
        self.kept.join(DATABASE).exists()
    }

    /// Whether the database from before is live, and the restored one put aside in its stead.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        match self.live() {
            Live::Before => !self.has_kept() || self.kept.join(&self.marker).exists(),
            Live::Nothing | Live::Restored => false,
        }
    }

    /// Removes what this attempt made ready, where it did not become live. Nobody else's.
    pub fn discard_own(&self) -> Result<()> {
        remove_tree(&self.staging)
    }

    /// Removes what any attempt made ready and did not become live: when the restore is over.
    pub fn discard_staged(&self) -> Result<()> {
        self.staged()?.iter().try_for_each(|place| remove_tree(&self.parent.join(place.directory())))
    }

    /// Removes what was put aside.
    pub fn discard_kept(&self) -> Result<()> {
        remove_tree(&self.kept)?;
        sync_directory(&self.parent)
    }

    fn rename(&self, from: &PathBuf, to: &PathBuf) -> Result<()> {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) if !to.exists() => fs::rename(from, to).map_err(Error::io("rename", from)),
            renamed => renamed.map_err(|error| Error::io("rename", from)(error.into())),
        }
    }

    /// The live directory and `other`, in one step where the file system can.
    fn exchange(&self, other: &PathBuf) -> Result<()> {
        match exchange(&self.live, other) {
            Err(Errno::INVAL | Errno::NOSYS) => self.exchange_in_steps(other),
            exchanged => exchanged.map_err(|error| Error::io("exchange", &self.live)(io::Error::from(error))),
        }
    }

    /// Three renames; cut off after the first, [`Self::mend`] takes it back, after the second, the live one is the other.
    fn exchange_in_steps(&self, other: &PathBuf) -> Result<()> {
        self.rename(&self.live, &self.away)?;
        fail::fail_point!("store.exchange_away");
        if let Err(error) = self.rename(other, &self.live) {
            self.rename(&self.away, &self.live)?;
            return Err(error);
        }
        fail::fail_point!("store.exchange_in");
        self.rename(&self.away, other)
    }
}

/// Both names at once, or neither.
fn exchange(one: &PathBuf, other: &PathBuf) -> Result<(), Errno> {
    // As a file system that cannot, such as some that are mounted from elsewhere.
    fail::fail_point!("store.no_exchange", |_| Err(Errno::INVAL));
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
}
