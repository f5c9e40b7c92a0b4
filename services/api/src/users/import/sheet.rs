//! A CSV file as lines with a user each, every cell held against the rules of the API.

use std::collections::HashMap;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::Errors;
use crate::{
    csv::unguard,
    json, passwords,
    problem::Problem,
    secret::Secret,
    users::NewUser,
    words::{UserRole, UserStatus},
};

const MOST_LINES: u64 = 100_000;
/// Each costs as much as a log-in.
const MOST_PASSWORDS: usize = 200;
const BOM: &[u8] = b"\xef\xbb\xbf";
/// What an export writes and an import passes over.
const READ_ONLY: [&str; 3] = ["id", "last_login_at", "created_at"];
const COLUMNS: [&str; 8] =
    ["username", "email", "given_name", "family_name", "display_name", "role", "status", "password"];

/// A file that was read.
pub(super) struct Sheet {
    pub(super) header: Header,
    /// The lines that hold; those with errors are left out.
    pub(super) rows: Vec<Row>,
    pub(super) total: u64,
    pub(super) errors: Errors,
}

/// One line.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) user: NewUser,
}

/// Where the columns are.
#[derive(Debug, Default)]
pub(super) struct Header(HashMap<&'static str, usize>);

impl Header {
    /// Whether the file speaks of it at all.
    pub(super) fn has(&self, column: &str) -> bool {
        self.0.contains_key(column)
    }

    fn cell<'r>(&self, record: &'r StringRecord, column: &str) -> Option<&'r str> {
        let cell = record.get(*self.0.get(column)?)?;
        let cell = unguard(cell).trim();
        Some(cell).filter(|cell| !cell.is_empty())
    }
}

/// Reads a whole file. What is wrong with lines is in the sheet; a file that is no CSV at all is a problem.
pub(super) fn read(file: &[u8]) -> Result<Sheet, Problem> {
    let file = file.strip_prefix(BOM).unwrap_or(file);
    let text = std::str::from_utf8(file).map_err(|_| malformed("the file is not UTF-8; save it as \"CSV UTF-8\""))?;
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .has_headers(false)
        .trim(Trim::None)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let Some(first) = records.next() else { return Err(malformed("the file is empty")) };
    let first = first.map_err(|error| malformed(&error.to_string()))?;
    let mut lines = Lines { text: file, at: 0, line: 1 };
    let mut sheet = Sheet { header: Header::default(), rows: Vec::new(), total: 0, errors: Errors::default() };
    sheet.header = header(&first, lines.of(&first), &mut sheet.errors);
    if sheet.errors.count > 0 {
        return Ok(sheet);
    }
    let mut passwords = 0;
    for record in records {
        let record = record.map_err(|error| malformed(&error.to_string()))?;
        let line = lines.of(&record);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        sheet.total += 1;
        if sheet.total > MOST_LINES {
            return Err(malformed("the file has more than 100000 users; split it").with_code("too_many_lines"));
        }
        sheet.take(&record, line, first.len(), &mut passwords);
    }
    sheet.refuse_repetitions();
    Ok(sheet)
}

fn malformed(detail: &str) -> Problem {
    Problem::bad_request(detail).with_code("malformed_csv")
}

/// Spreadsheets write semicolons where the comma is in the numbers.
fn delimiter(text: &str) -> u8 {
    let head = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if !head.contains(',') && head.contains(';') { b';' } else { b',' }
}

/// Where records stand. The reader's own count is one behind after CRLF and does not see blank lines.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line that a record begins on; records have to come in order.
    fn of(&mut self, record: &StringRecord) -> u64 {
        let byte = record.position().map_or(0, csv::Position::byte);
        let from = usize::try_from(byte).unwrap_or(usize::MAX).max(self.at);
        let blank = self.text.iter().skip(from).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = &self.text[self.at..(from + blank).min(self.text.len())];
        let ends = passed.iter().enumerate().filter(|(index, byte)| match byte {
            b'\n' => true,
            b'\r' => passed.get(index + 1) != Some(&b'\n'),
            _ => false,
        });
        self.line += ends.count() as u64;
        self.at += passed.len();
        self.line
    }
}

fn header(record: &StringRecord, line: u64, errors: &mut Errors) -> Header {
    let mut header = Header::default();
    for (index, cell) in record.iter().enumerate() {
        let name = cell.trim().to_ascii_lowercase();
        if READ_ONLY.contains(&name.as_str()) {
            continue;
        }
        match COLUMNS.iter().find(|column| **column == name) {
            None => {
                let name: String = cell.trim().chars().take(50).collect();
                errors.add(line, Some(&name), "unknown_column", format!("is none of {}", COLUMNS.join(", ")));
            }
            Some(column) if header.0.insert(column, index).is_some() => {
                errors.add(line, Some(column), "duplicate_column", "is there twice");
            }
            Some(_) => {}
        }
    }
    for needed in ["username", "email"] {
        if !header.has(needed) {
            errors.add(line, Some(needed), "missing_column", "the file needs this column");
        }
    }
    header
}

impl Sheet {
    fn take(&mut self, record: &StringRecord, line: u64, columns: usize, passwords: &mut usize) {
        let before = self.errors.count;
        if record.len() != columns {
            let detail = format!("has {} cells where the header has {columns}", record.len());
            self.errors.add(line, None, "wrong_number_of_cells", detail);
            return;
        }
        let user = self.user(record, line, passwords);
        for error in json::broken(&user) {
            let column = error.pointer.trim_start_matches('/');
            self.errors.add(line, Some(column), &error.code, error.detail.clone());
        }
        if self.errors.count == before {
            self.rows.push(Row { line, user });
        }
    }

    fn user(&mut self, record: &StringRecord, line: u64, passwords: &mut usize) -> NewUser {
        let text = |column| self.header.cell(record, column).map(str::to_owned);
        let user = NewUser {
            username: text("username").unwrap_or_default(),
            email: text("email").unwrap_or_default(),
            given_name: text("given_name"),
            family_name: text("family_name"),
            display_name: text("display_name"),
            role: None,
            status: None,
            password: None,
        };
        // A password is taken as it stands, blanks at its ends too.
        let password = self.header.0.get("password").and_then(|&index| record.get(index)).map(unguard);
        let password = password.filter(|cell| !cell.is_empty()).map(Secret::from);
        let role = self.word(record, line, "role", &[("manager", UserRole::Manager), ("member", UserRole::Member)]);
        let states = [("active", UserStatus::Active), ("disabled", UserStatus::Disabled)];
        let status = self.word(record, line, "status", &states);
        let password = password.and_then(|password| self.password(password, &user, line, passwords));
        NewUser { role, status, password, ..user }
    }

    fn word<T: Copy>(&mut self, record: &StringRecord, line: u64, column: &str, words: &[(&str, T)]) -> Option<T> {
        let cell = self.header.cell(record, column)?;
        let found = words.iter().find(|(word, _)| cell.eq_ignore_ascii_case(word));
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.errors.add(line, Some(column), "unknown_variant", format!("must be {}", known.join(" or ")));
        }
        found.map(|(_, value)| *value)
    }

    /// Beyond the bound they are not even looked at: to judge one takes a while too.
    fn password(&mut self, password: Secret, user: &NewUser, line: u64, passwords: &mut usize) -> Option<Secret> {
        *passwords += 1;
        if *passwords > MOST_PASSWORDS {
            let detail = format!("only {MOST_PASSWORDS} lines of a file may have one; let the others set theirs later");
            self.errors.add(line, Some("password"), "too_many_passwords", detail);
            return None;
        }
        let weakness = passwords::weakness(password.expose(), &[&user.username, &user.email]);
        if let Some((code, detail)) = weakness {
            self.errors.add(line, Some("password"), code, detail);
            return None;
        }
        Some(password)
    }

    /// A username or e-mail on two lines of the file.
    fn refuse_repetitions(&mut self) {
        let (rows, errors) = (&self.rows, &mut self.errors);
        for (column, text) in [("username", username as fn(&Row) -> &str), ("email", email)] {
            let mut seen = HashMap::new();
            for row in rows {
                if let Some(first) = seen.insert(text(row).to_lowercase(), row.line) {
                    let detail = format!("is on line {first} too");
                    errors.add(row.line, Some(column), "duplicate_in_file", detail);
                }
            }
        }
    }
}

fn username(row: &Row) -> &str {
    &row.user.username
}

fn email(row: &Row) -> &str {
    &row.user.email
}

#[cfg(test)]
mod tests;
