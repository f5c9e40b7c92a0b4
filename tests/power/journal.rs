//! The recorder's journal, read: what a process did to files, in the order in which it was done.

use std::path::Path;

/// `struct head` in `recorder.c`.
const HEAD: usize = 32;

/// One change, and where in the journal it ends.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) end: u64,
    pub(super) change: Change,
}

/// Files and directories by the kernel's inode numbers, which are given again after a file is gone.
#[derive(Debug)]
pub(super) enum Change {
    Write { inode: u64, at: usize, bytes: Vec<u8> },
    Resize { inode: u64, length: usize },
    Sync { inode: u64 },
    FailedSync { inode: u64 },
    MakeFile { directory: u64, name: String, inode: u64 },
    MakeDirectory { directory: u64, name: String, inode: u64 },
    Link { directory: u64, name: String, inode: u64 },
    Remove { directory: u64, name: String },
    Rename { from: (u64, String), to: (u64, String), exchange: bool },
}

/// All whole records.
pub(super) fn read(path: &Path) -> Vec<Record> {
    let journal = std::fs::read(path).unwrap();
    let (mut rest, mut records) = (journal.as_slice(), Vec::new());
    while let Some((change, after)) = next(rest) {
        rest = after;
        records.push(Record { end: (journal.len() - rest.len()) as u64, change });
    }
    records
}

fn next(journal: &[u8]) -> Option<(Change, &[u8])> {
    let (head, rest) = journal.split_at_checked(HEAD)?;
    let number = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().unwrap());
    let bytes = u32::from_ne_bytes(head[..4].try_into().unwrap()) as usize;
    let (kind, flags, first) = (head[4], head[5], usize::from(u16::from_ne_bytes([head[6], head[7]])));
    let (inode, other, at) = (number(8), number(16), usize::try_from(number(24)).unwrap());
    let (data, rest) = rest.split_at_checked(bytes)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let change = match kind {
        b'W' => Change::Write { inode, at, bytes: data.to_vec() },
        b'T' => Change::Resize { inode, length: at },
        b'F' => Change::Sync { inode },
        b'X' => Change::FailedSync { inode },
        b'C' => Change::MakeFile { directory: inode, name: text(data), inode: other },
        b'D' => Change::MakeDirectory { directory: inode, name: text(data), inode: other },
        b'L' => Change::Link { directory: inode, name: text(data), inode: other },
        b'U' => Change::Remove { directory: inode, name: text(data) },
        b'M' => Change::Rename {
            from: (inode, text(&data[..first])),
            to: (other, text(&data[first..])),
            exchange: flags & 2 != 0,
        },
        other => panic!("the journal has a record of kind {other}"),
    };
    Some((change, rest))
}
