//! A disk whose power fails: what was synced is there, of the rest anything may be.
//!
//! As strict as POSIX reads: the data of a file is durable by its own sync, its name by the sync of the directory, a rename
//! is whole or not at all; what is not synced may be there in any part and in any order, but a name that was changed twice
//! never without the first change. Data tears at sectors.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rand::{RngExt, rngs::StdRng};

use super::journal::Change;

const SECTOR: usize = 512;

/// Which syncs the disk does not honour: what would be lost if ChiliView did not ask for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deaf {
    /// None: it honours all of them.
    Nothing,
    /// Those of SQLite's write-ahead log: what `PRAGMA synchronous=NORMAL` leaves out.
    Log,
    /// Those of directories.
    Directories,
    /// Those of what lies on the shelf, or is about to.
    Artefacts,
}

/// An inode, by our own number: the kernel's are given again.
type Id = usize;
/// A name in a directory, and what it is to be.
type Entry = (Id, String, Option<Id>);

#[derive(Clone, Debug)]
enum Node {
    File { durable: Vec<u8>, pending: Vec<Patch> },
    Directory { durable: BTreeMap<String, Id>, now: BTreeMap<String, Id> },
}

#[derive(Clone, Debug)]
enum Patch {
    Write(usize, Vec<u8>),
    Resize(usize),
}

/// The disk, at some moment.
#[derive(Debug)]
pub(super) struct Disk {
    deaf: Deaf,
    nodes: Vec<Node>,
    known: HashMap<u64, Id>,
    names: HashMap<Id, String>,
    /// Changes of names that are not durable; each happens whole.
    pending: Vec<Vec<Entry>>,
}

/// The root's number.
const ROOT: Id = 0;

impl Disk {
    /// An empty directory.
    pub(super) fn new(root: u64, deaf: Deaf) -> Self {
        let nodes = vec![directory()];
        Self { deaf, nodes, known: HashMap::from([(root, ROOT)]), names: HashMap::new(), pending: Vec::new() }
    }

    /// What concerns files outside the root is not looked at.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Write { inode, at, bytes } => self.patch(*inode, Patch::Write(*at, bytes.clone())),
            Change::Resize { inode, length } => self.patch(*inode, Patch::Resize(*length)),
            Change::Sync { inode } => self.sync(*inode),
            Change::FailedSync { inode } => self.drop_unsynced(*inode),
            Change::MakeFile { directory, name, inode } => {
                self.make(*directory, name, *inode, Node::File { durable: Vec::new(), pending: Vec::new() });
            }
            Change::MakeDirectory { directory: parent, name, inode } => self.make(*parent, name, *inode, directory()),
            Change::Link { directory, name, inode } => {
                if let (Some(directory), Some(id)) = (self.id(*directory), self.id(*inode)) {
                    self.enter(vec![(directory, name.clone(), Some(id))]);
                }
            }
            Change::Remove { directory, name } => {
                if let Some(directory) = self.id(*directory) {
                    self.enter(vec![(directory, name.clone(), None)]);
                }
            }
            Change::Rename { from, to, exchange } => self.rename(from, to, *exchange),
        }
    }

    fn id(&self, inode: u64) -> Option<Id> {
        self.known.get(&inode).copied()
    }

    fn make(&mut self, parent: u64, name: &str, inode: u64, node: Node) {
        let Some(parent) = self.id(parent) else {
            self.known.remove(&inode);
            return;
        };
        self.nodes.push(node);
        let id = self.nodes.len() - 1;
        self.known.insert(inode, id);
        self.enter(vec![(parent, name.to_owned(), Some(id))]);
    }

    fn rename(&mut self, from: &(u64, String), to: &(u64, String), exchange: bool) {
        let (Some(a), Some(b)) = (self.id(from.0), self.id(to.0)) else { return };
        let moved = self.now(a, &from.1);
        let other = if exchange { self.now(b, &to.1) } else { None };
        self.enter(vec![(a, from.1.clone(), other), (b, to.1.clone(), moved)]);
    }

    fn now(&self, directory: Id, name: &str) -> Option<Id> {
        match &self.nodes[directory] {
            Node::Directory { now, .. } => now.get(name).copied(),
            Node::File { .. } => None,
        }
    }

    fn enter(&mut self, entries: Vec<Entry>) {
        for (directory, name, id) in &entries {
            if let Node::Directory { now, .. } = &mut self.nodes[*directory] {
                set(now, name, *id);
            }
            if let Some(id) = id {
                self.names.insert(*id, name.clone());
            }
        }
        self.pending.push(entries);
    }

    fn patch(&mut self, inode: u64, patch: Patch) {
        let Some(id) = self.id(inode) else { return };
        if let Node::File { pending, .. } = &mut self.nodes[id] {
            pending.push(patch);
        }
    }

    fn sync(&mut self, inode: u64) {
        let Some(id) = self.id(inode) else { return };
        let name = self.names.get(&id).map_or("", String::as_str);
        match (&mut self.nodes[id], self.deaf) {
            (Node::Directory { .. }, Deaf::Directories) => {}
            (Node::Directory { .. }, _) => self.sync_names(id),
            (Node::File { .. }, Deaf::Log) if name.ends_with("-wal") => {}
            (Node::File { .. }, Deaf::Artefacts) if name.contains(".db.zst") => {}
            (Node::File { durable, pending }, _) => pending.drain(..).for_each(|patch| patch.onto(durable)),
        }
    }

    /// As Linux does it: what a failed sync could not write is never written, and no later sync says so.
    fn drop_unsynced(&mut self, inode: u64) {
        let Some(id) = self.id(inode) else { return };
        if let Node::File { pending, .. } = &mut self.nodes[id] {
            pending.clear();
        }
    }

    /// Those of the directory, and those that they build on.
    fn sync_names(&mut self, directory: Id) {
        let mut needed: BTreeSet<(Id, &str)> = BTreeSet::new();
        let mut chosen = vec![false; self.pending.len()];
        for (chosen, entries) in chosen.iter_mut().zip(&self.pending).rev() {
            *chosen = entries.iter().any(|(at, name, _)| *at == directory || needed.contains(&(*at, name)));
            if *chosen {
                needed.extend(entries.iter().map(|(at, name, _)| (*at, name.as_str())));
            }
        }
        let mut chosen = chosen.into_iter();
        let (durable, pending) = std::mem::take(&mut self.pending).into_iter().partition(|_| chosen.next().unwrap());
        self.pending = pending;
        let durable: Vec<Vec<Entry>> = durable;
        for (at, name, id) in durable.into_iter().flatten() {
            if let Node::Directory { durable, .. } = &mut self.nodes[at] {
                set(durable, &name, id);
            }
        }
    }

    /// The power fails now: writes what is left of it into the directory `target`. `kept` of what was not synced is there.
    pub(super) fn fail(&self, target: &Path, kept: f64, chance: &mut StdRng) {
        let mut names: HashMap<Id, BTreeMap<String, Id>> = HashMap::new();
        for (id, node) in self.nodes.iter().enumerate() {
            if let Node::Directory { durable, .. } = node {
                names.insert(id, durable.clone());
            }
        }
        let mut lost: BTreeSet<(Id, &str)> = BTreeSet::new();
        for entries in &self.pending {
            let builds_on_lost = entries.iter().any(|(at, name, _)| lost.contains(&(*at, name)));
            if builds_on_lost || !chance.random_bool(kept) {
                lost.extend(entries.iter().map(|(at, name, _)| (*at, name.as_str())));
                continue;
            }
            for (at, name, id) in entries {
                set(names.get_mut(at).unwrap(), name, *id);
            }
        }
        self.write_out(ROOT, &names, target, kept, chance);
    }

    fn write_out(&self, id: Id, names: &HashMap<Id, BTreeMap<String, Id>>, at: &Path, kept: f64, chance: &mut StdRng) {
        match &self.nodes[id] {
            Node::Directory { .. } => {
                fs::create_dir_all(at).unwrap();
                fs::set_permissions(at, fs::Permissions::from_mode(0o700)).unwrap();
                for (name, id) in &names[&id] {
                    self.write_out(*id, names, &at.join(name), kept, chance);
                }
            }
            Node::File { durable, pending } => {
                let mut bytes = durable.clone();
                for patch in pending {
                    patch.torn(&mut bytes, kept, chance);
                }
                fs::write(at, bytes).unwrap();
                fs::set_permissions(at, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
    }
}

impl Patch {
    fn onto(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, data) => {
                let end = at + data.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*at..end].copy_from_slice(data);
            }
            Self::Resize(length) => bytes.resize(*length, 0),
        }
    }

    /// Sector by sector, each there or not; a write of which nothing is left does not lengthen the file.
    fn torn(&self, bytes: &mut Vec<u8>, kept: f64, chance: &mut StdRng) {
        let Self::Write(at, data) = self else {
            return if chance.random_bool(kept) {
                self.onto(bytes)
            };
        };
        let mut from = 0;
        while from < data.len() {
            let until = data.len().min((at + from) / SECTOR * SECTOR + SECTOR - at);
            if chance.random_bool(kept) {
                Self::Write(at + from, data[from..until].to_vec()).onto(bytes);
            }
            from = until;
        }
    }
}

fn directory() -> Node {
    Node::Directory { durable: BTreeMap::new(), now: BTreeMap::new() }
}

fn set(names: &mut BTreeMap<String, Id>, name: &str, id: Option<Id>) {
    match id {
        Some(id) => names.insert(name.to_owned(), id),
        None => names.remove(name),
    };
}
