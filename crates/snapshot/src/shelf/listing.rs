//! A walk over everything in a shelf's directory, one entry at a time: a shelf may hold more than fits in memory.

use std::fs::DirEntry;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use tokio::sync::mpsc::Sender;

use crate::error::Error;
use crate::key::ArtefactKey;
use crate::piece::{FOLDER, PieceKey};
use crate::temporary;

use super::directory::STAGING;
use super::{Directory, Entry, marker};

type Found = Sender<Result<Entry, Error>>;

impl Directory {
    /// Sends what it finds until all is seen or nobody listens.
    pub(super) fn walk(&self, found: &Found) -> Result<(), Error> {
        each(self.root(), |name, entry| match name {
            STAGING => each(&entry.path(), |name, entry| send(found, partial(name, entry)?)),
            marker::NAME => Ok(true),
            FOLDER if entry.path().is_dir() => each(&entry.path(), |upload, entry| uploaded(found, upload, entry)),
            _ => folder(name, entry, &mut |folder, name, entry| send(found, published(folder, name, entry)?)),
        })
        .map(|_| ())
    }
}

/// Calls `visit` for each name in `dir` until it answers `false`. A name that vanishes meanwhile is no error.
pub(super) fn each(dir: &Path, mut visit: impl FnMut(&str, &DirEntry) -> Result<bool, Error>) -> Result<bool, Error> {
    let entries = match dir.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        opened => opened.map_err(Error::io("list", dir))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::io("list", dir))?;
        if !visit(&entry.file_name().to_string_lossy(), &entry)? {
            return Ok(false);
        }
    }
    Ok(true)
}

type Visit<'a> = dyn FnMut(&str, &str, &DirEntry) -> Result<bool, Error> + 'a;

/// Visits the files of one folder; anything else is visited itself, under no folder.
fn folder(name: &str, entry: &DirEntry, visit: &mut Visit<'_>) -> Result<bool, Error> {
    if ArtefactKey::is_folder(name) && entry.path().is_dir() {
        return each(&entry.path(), |file, entry| visit(name, file, entry));
    }
    visit("", name, entry)
}

/// Sends what lies under one upload's name.
fn uploaded(found: &Found, upload: &str, entry: &DirEntry) -> Result<bool, Error> {
    if !entry.path().is_dir() {
        return send(found, Some(piece_or_unknown(upload)));
    }
    each(&entry.path(), |name, _| send(found, Some(piece_or_unknown(&format!("{upload}/{name}")))))
}

fn published(folder: &str, name: &str, entry: &DirEntry) -> Result<Option<Entry>, Error> {
    let Some(stat) = stat(entry)? else { return Ok(None) };
    let modified = stat.modified().map_err(Error::io("read the time of", &entry.path()))?;
    Ok(Some(entry_of(folder, name, stat.len(), modified)))
}

/// What lies under a name inside a folder, on a shelf of any kind.
pub(super) fn entry_of(folder: &str, name: &str, bytes: u64, modified: SystemTime) -> Entry {
    if folder == FOLDER {
        return piece_or_unknown(name);
    }
    if let Ok(key) = ArtefactKey::of_artefact(folder, name) {
        return Entry::Artefact { key, bytes, modified };
    }
    match ArtefactKey::of_manifest(folder, name) {
        Ok(key) => Entry::Manifest { key, bytes },
        Err(_) => unknown(folder, name),
    }
}

fn piece_or_unknown(name: &str) -> Entry {
    PieceKey::below(name).map_or_else(|_| unknown(FOLDER, name), |key| Entry::Piece { key })
}

fn partial(name: &str, entry: &DirEntry) -> Result<Option<Entry>, Error> {
    if !name.ends_with(temporary::SUFFIX) {
        return Ok(Some(unknown(STAGING, name)));
    }
    let Some(stat) = stat(entry)? else { return Ok(None) };
    let alive = temporary::is_alive(&entry.path())?;
    Ok(Some(Entry::Partial { name: format!("{STAGING}/{name}"), bytes: stat.len(), alive }))
}

fn unknown(folder: &str, name: &str) -> Entry {
    let name = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    Entry::Unknown { name }
}

fn stat(entry: &DirEntry) -> Result<Option<std::fs::Metadata>, Error> {
    match entry.metadata() {
        Ok(stat) => Ok(Some(stat)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read the size of", &entry.path())(error)),
    }
}

/// Whether anybody still listens.
fn send(found: &Found, entry: Option<Entry>) -> Result<bool, Error> {
    Ok(entry.is_none_or(|entry| found.blocking_send(Ok(entry)).is_ok()))
}
