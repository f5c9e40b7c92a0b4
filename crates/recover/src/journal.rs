//! What a rebuilding has restored already, a line each: so that one that was cut off goes on where it was.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use chiliview_store::TenantId;

use crate::{Failure, report::Restored};

/// The open list.
pub(crate) struct Journal {
    file: File,
    restored: HashMap<TenantId, Restored>,
}

impl Journal {
    /// Reads what is there; a line that was cut off says nothing.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        let opened = options.read(true).append(true).create(true).mode(0o600).open(path);
        let file = opened.map_err(Failure::Journal)?;
        let lines = BufReader::new(&file).lines().map_while(Result::ok);
        let restored = lines.filter_map(|line| serde_json::from_str::<Restored>(&line).ok());
        let restored = restored.filter_map(|restored| Some((restored.tenant_id?, restored))).collect();
        Ok(Self { file, restored })
    }

    /// What a tenant's database was restored from, when it was.
    pub(crate) fn of(&self, id: TenantId) -> Option<&Restored> {
        self.restored.get(&id)
    }

    /// Adds a line, durably. It begins with a line feed, in case the one before it was cut off.
    pub(crate) fn add(&mut self, restored: &Restored) -> Result<(), Failure> {
        let json = serde_json::to_string(restored).map_err(|error| Failure::Journal(error.into()))?;
        self.file.write_all(format!("\n{json}\n").as_bytes()).map_err(Failure::Journal)?;
        self.file.sync_data().map_err(Failure::Journal)
    }
}
