//! The binary format of `COPY` (<https://www.postgresql.org/docs/15/sql-copy.html>), for the three types that we have.

use super::{
    corrupt,
    table::{ColumnKind, Table, Value},
};
use crate::error::Result;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, and an empty extension.
const HEADER: usize = SIGNATURE.len() + 8;

/// What a stream of rows begins with.
pub(super) fn begun() -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([0; 8]);
    bytes
}

/// Appends a row. PostgreSQL has no text with a zero in it.
pub(super) fn append(to: &mut Vec<u8>, row: &[Value], table: &Table) -> Result<()> {
    to.extend(i16::try_from(row.len()).map_err(corrupt)?.to_be_bytes());
    for value in row {
        match value {
            Value::Null => to.extend((-1_i32).to_be_bytes()),
            Value::Integer(number) => field(to, &number.to_be_bytes())?,
            Value::Text(text) if text.contains('\0') => {
                return Err(corrupt(format!(
                    "a text in {} has a zero character, which PostgreSQL cannot keep",
                    table.name
                )));
            }
            Value::Text(text) => field(to, text.as_bytes())?,
            Value::Blob(blob) => field(to, blob)?,
        }
    }
    Ok(())
}

fn field(to: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    to.extend(i32::try_from(bytes.len()).map_err(corrupt)?.to_be_bytes());
    to.extend(bytes);
    Ok(())
}

/// Appends the end of the stream.
pub(super) fn end(to: &mut Vec<u8>) {
    to.extend((-1_i16).to_be_bytes());
}

/// Rows out of pieces that are cut anywhere.
pub(super) struct Parser<'t> {
    table: &'t Table,
    bytes: Vec<u8>,
    begun: bool,
    over: bool,
}

impl<'t> Parser<'t> {
    pub(super) fn new(table: &'t Table) -> Self {
        Self { table, bytes: Vec::new(), begun: false, over: false }
    }

    pub(super) fn feed(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
    }

    /// The next row that is whole.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Value>>> {
        if !self.begun {
            if self.bytes.len() < HEADER {
                return Ok(None);
            }
            if !self.bytes.starts_with(SIGNATURE) || self.bytes[SIGNATURE.len()..HEADER] != [0; 8] {
                return Err(corrupt("PostgreSQL sends rows in an unknown format"));
            }
            self.bytes.drain(..HEADER);
            self.begun = true;
        }
        let mut reader = Reader { bytes: &self.bytes };
        let Some(row) = reader.row(self.table)? else { return Ok(None) };
        let used = self.bytes.len() - reader.bytes.len();
        self.bytes.drain(..used);
        self.over |= row.is_none();
        Ok(row)
    }

    /// Nothing may be left, and the end must have been seen.
    pub(super) fn finish(self) -> Result<()> {
        if self.over && self.bytes.is_empty() { Ok(()) } else { Err(corrupt("the rows of a table were cut off")) }
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// Outer `None`: not whole yet; inner `None`: the end.
    fn row(&mut self, table: &Table) -> Result<Option<Option<Vec<Value>>>> {
        let Some(count) = self.number() else { return Ok(None) };
        let count = i16::from_be_bytes(count);
        if count == -1 {
            return Ok(Some(None));
        }
        if usize::try_from(count).ok() != Some(table.columns.len()) {
            return Err(corrupt(format!("a row of {} has {count} columns", table.name)));
        }
        let mut row = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            let Some(length) = self.number() else { return Ok(None) };
            let length = i32::from_be_bytes(length);
            if length < 0 {
                row.push(Value::Null);
                continue;
            }
            let Some(bytes) = self.take(length.unsigned_abs() as usize) else { return Ok(None) };
            row.push(value(bytes, column.kind)?);
        }
        Ok(Some(Some(row)))
    }
}

fn value(bytes: &[u8], kind: ColumnKind) -> Result<Value> {
    Ok(match kind {
        ColumnKind::Integer => Value::Integer(i64::from_be_bytes(bytes.try_into().map_err(corrupt)?)),
        ColumnKind::Text => Value::Text(String::from_utf8(bytes.to_vec()).map_err(corrupt)?),
        ColumnKind::Blob => Value::Blob(bytes.to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::table::Column;
    use super::*;

    fn table() -> Table {
        let column = |name: &str, kind| Column { name: name.into(), kind };
        let columns =
            vec![column("id", ColumnKind::Integer), column("t", ColumnKind::Text), column("b", ColumnKind::Blob)];
        Table { name: "x".into(), columns, key: vec![0] }
    }

    fn rows() -> Vec<Vec<Value>> {
        vec![
            vec![Value::Integer(i64::MIN), Value::Text("ü\n\t\\".into()), Value::Blob(vec![0, 255])],
            vec![Value::Integer(0), Value::Null, Value::Null],
            vec![Value::Integer(i64::MAX), Value::Text(String::new()), Value::Blob(Vec::new())],
        ]
    }

    #[test]
    fn rows_come_back_whole_however_the_stream_is_cut() {
        let table = table();
        let mut bytes = begun();
        rows().iter().for_each(|row| append(&mut bytes, row, &table).unwrap());
        end(&mut bytes);
        for size in 1..bytes.len() {
            let (mut parser, mut found) = (Parser::new(&table), Vec::new());
            for piece in bytes.chunks(size) {
                parser.feed(piece);
                while let Some(row) = parser.next().unwrap() {
                    found.push(row);
                }
            }
            assert_eq!(found, rows(), "pieces of {size}");
            parser.finish().unwrap();
        }
    }

    #[test]
    fn a_stream_that_is_cut_off_is_noticed() {
        let table = table();
        let mut bytes = begun();
        append(&mut bytes, &rows()[0], &table).unwrap();
        let mut parser = Parser::new(&table);
        parser.feed(&bytes);
        assert!(parser.next().unwrap().is_some() && parser.next().unwrap().is_none());
        assert!(parser.finish().is_err());
    }

    #[test]
    fn a_text_that_postgresql_cannot_keep_is_refused() {
        assert!(append(&mut begun(), &[Value::Text("a\0b".into())], &table()).is_err());
    }
}
