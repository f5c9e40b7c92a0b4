//! The digest of a table's rows; the encoding is described one floor up.

use std::{collections::BTreeMap, fmt};

use sha2::{Digest as _, Sha256};

use super::table::{Table, Value};

const FORMAT: &[u8] = b"chiliview table 1\n";

/// Each table's, by its name.
pub type Digests = BTreeMap<String, TableDigest>;

/// What a table holds: equal for equal rows, on either engine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TableDigest {
    /// How many rows.
    pub rows: u64,
    /// The SHA-256 of all of them.
    pub sha256: [u8; 32],
}

impl fmt::Debug for TableDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, {}", self.rows, hex::encode(self.sha256))
    }
}

/// A digest in the making.
pub(super) struct Digester {
    hash: Sha256,
    rows: u64,
}

impl Digester {
    pub(super) fn new(table: &Table) -> Self {
        let mut hash = Sha256::new_with_prefix(FORMAT);
        hash.update(short(table.columns.len()));
        for column in &table.columns {
            hash.update(short(column.name.len()));
            hash.update(column.name.as_bytes());
        }
        Self { hash, rows: 0 }
    }

    pub(super) fn row(&mut self, row: &[Value]) {
        self.rows += 1;
        for value in row {
            match value {
                Value::Null => self.hash.update([0]),
                Value::Integer(number) => {
                    self.hash.update([1]);
                    self.hash.update(number.to_be_bytes());
                }
                Value::Text(text) => self.bytes(2, text.as_bytes()),
                Value::Blob(blob) => self.bytes(3, blob),
            }
        }
    }

    fn bytes(&mut self, tag: u8, bytes: &[u8]) {
        self.hash.update([tag]);
        self.hash.update((bytes.len() as u64).to_be_bytes());
        self.hash.update(bytes);
    }

    pub(super) fn finish(self) -> TableDigest {
        TableDigest { rows: self.rows, sha256: self.hash.finalize().into() }
    }
}

fn short(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::table::{Column, ColumnKind};
    use super::*;

    fn table() -> Table {
        let column = |name: &str, kind| Column { name: name.into(), kind };
        let columns = vec![column("id", ColumnKind::Integer), column("t", ColumnKind::Text)];
        Table { name: "x".into(), columns, key: vec![0] }
    }

    fn digest(rows: &[Vec<Value>]) -> TableDigest {
        let mut digester = Digester::new(&table());
        rows.iter().for_each(|row| digester.row(row));
        digester.finish()
    }

    #[test]
    fn the_encoding_is_the_documented_one() {
        let mut bytes = b"chiliview table 1\n\0\0\0\x02\0\0\0\x02id\0\0\0\x01t".to_vec();
        bytes.extend(b"\x01\0\0\0\0\0\0\0\x07\x02\0\0\0\0\0\0\0\x02ab");
        bytes.extend(b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\x00");
        let rows = [vec![Value::Integer(7), Value::Text("ab".into())], vec![Value::Integer(-1), Value::Null]];
        let found = digest(&rows);
        assert_eq!((found.rows, found.sha256), (2, Sha256::digest(&bytes).into()));
    }

    #[test]
    fn rows_that_only_look_alike_differ() {
        let text = |text: &str| vec![Value::Integer(1), Value::Text(text.into())];
        let all = [
            digest(&[]),
            digest(&[text("a")]),
            digest(&[text("a"), text("a")]),
            digest(&[text("")]),
            digest(&[vec![Value::Integer(1), Value::Null]]),
            digest(&[vec![Value::Integer(1), Value::Blob(b"a".to_vec())]]),
            digest(&[text("1"), text("2")]),
            digest(&[text("2"), text("1")]),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(all[place + 1..].iter().all(|other| one != other), "{place}");
        }
    }
}
