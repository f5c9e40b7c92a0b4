//! What commands print: data on standard output, as a table or as JSON; words on standard error.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::exit::Failure;

/// One JSON document.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::failed)?;
    line(&text)
}

/// One line. A reader that went away (`| head`) wants no more and no error.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Columns as wide as their widest cell.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> Result<(), Failure> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let put = |cells: [&str; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        line(padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    put(head)?;
    rows.iter().try_for_each(|row| put(std::array::from_fn(|column| row[column].as_str())))
}

/// `1.5 MiB`.
pub(crate) fn bytes(count: Option<i64>) -> String {
    let count = count.and_then(|count| u64::try_from(count).ok());
    count.map_or_else(|| "-".to_owned(), |count| indicatif::BinaryBytes(count).to_string())
}
