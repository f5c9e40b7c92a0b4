//! A walk over everything in a shelf's directory, one entry at a time: a shelf may hold more than fits in memory.

use std::fs::DirEntry;
use std::io;
use std::path::Path;

use tokio::sync::mpsc::Sender;

use crate::error::Error;
use crate::key::ArtefactKey;
use crate::temporary;

use super::directory::{STAGING, TRASH};
use super::{Directory, Entry};

type Found = Sender<Result<Entry, Error>>;

impl Directory {
    /// Sends what it finds until all is seen or nobody listens.
    pub(super) fn walk(&self, found: &Found) -> Result<(), Error> {
        each(self.root(), |name, entry| match name {
            STAGING => each(&entry.path(), |name, entry| send(found, partial(name, entry)?)),
            TRASH => {
                folders(&entry.path(), TRASH, &mut |folder, name, entry| send(found, trashed(folder, name, entry)?))
            }
            _ => folder(name, entry, "", &mut |folder, name, entry| send(found, published(folder, name, entry)?)),
        })
        .map(|_| ())
    }
}

/// Calls `visit` for each name in `dir` until it answers `false`. A name that vanishes meanwhile is no error.
fn each(dir: &Path, mut visit: impl FnMut(&str, &DirEntry) -> Result<bool, Error>) -> Result<bool, Error> {
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

fn folders(dir: &Path, above: &str, visit: &mut Visit<'_>) -> Result<bool, Error> {
    each(dir, |name, entry| folder(name, entry, above, visit))
}

/// Visits the files of one folder; anything else is visited itself, under no folder.
fn folder(name: &str, entry: &DirEntry, above: &str, visit: &mut Visit<'_>) -> Result<bool, Error> {
    if ArtefactKey::is_folder(name) && entry.path().is_dir() {
        return each(&entry.path(), |file, entry| visit(name, file, entry));
    }
    visit(above, name, entry)
}

fn published(folder: &str, name: &str, entry: &DirEntry) -> Result<Option<Entry>, Error> {
    let Some(stat) = stat(entry)? else { return Ok(None) };
    if let Ok(key) = ArtefactKey::of_artefact(folder, name) {
        let modified = stat.modified().map_err(Error::io("read the time of", &entry.path()))?;
        return Ok(Some(Entry::Artefact { key, bytes: stat.len(), modified }));
    }
    Ok(Some(match ArtefactKey::of_manifest(folder, name) {
        Ok(key) => Entry::Manifest { key, bytes: stat.len() },
        Err(_) => unknown(folder, name),
    }))
}

fn trashed(folder: &str, name: &str, entry: &DirEntry) -> Result<Option<Entry>, Error> {
    let Some(stat) = stat(entry)? else { return Ok(None) };
    if let Ok(key) = ArtefactKey::of_artefact(folder, name) {
        return Ok(Some(Entry::Trashed { key, bytes: stat.len() }));
    }
    let belongs = ArtefactKey::of_manifest(folder, name).is_ok();
    Ok((!belongs).then(|| unknown(TRASH, &format!("{folder}/{name}"))))
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
