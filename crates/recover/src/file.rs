//! A snapshot that lies outside any shelf: shown to the rest as a shelf of its own.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use chiliview_snapshot::{Manifest, Owner, Shelf};
use chiliview_store::{Error, data_dir::create_private};

use crate::{Failure, inventory::Candidate};

const SUFFIXES: [&str; 2] = [".db.zst.age", ".db.zst"];

/// The shelf, and what is on it.
pub(crate) async fn shown(file: &Path, directory: &Path) -> Result<(Shelf, Candidate), Failure> {
    let beside = manifest_of(file)?;
    let opened = fs::File::open(&beside).map_err(Error::io("open", &beside))?;
    let manifest = Manifest::read(opened).map_err(|error| Failure::Manifest(beside.clone(), error))?;
    if manifest.owner != Owner::Central {
        return Err(Failure::Refused(format!("restore {}: it is no snapshot of the central database", file.display())));
    }
    let key = manifest.key(1);
    let folder = directory.join(key.folder());
    create_private(&folder)?;
    link(file, &folder.join(key.artefact_file()))?;
    link(&beside, &folder.join(key.manifest_file()))?;
    Ok((Shelf::existing(directory).await?, Candidate { key, manifest }))
}

fn link(from: &Path, to: &Path) -> Result<(), Error> {
    let from = fs::canonicalize(from).map_err(Error::io("open", from))?;
    symlink(from, to).map_err(Error::io("link", to))
}

/// `x.manifest.json` of `x.db.zst`.
fn manifest_of(file: &Path) -> Result<PathBuf, Failure> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
    let manifest = stem.map(|stem| file.with_file_name(format!("{stem}.manifest.json")));
    manifest.filter(|manifest| manifest.is_file()).ok_or_else(|| {
        let file = file.display();
        Failure::Refused(format!(
            "restore {file}: its manifest must lie beside it, NAME.manifest.json beside NAME.db.zst; docs/OPERATIONS.md \
             shows how to do without"
        ))
    })
}
