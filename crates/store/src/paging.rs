//! Keyset paging: a page starts behind the last row of the one before, so rows that come and go shift nothing.

use serde::{Deserialize, Serialize};

/// Where a page starts: behind the row with this sort value and id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The row's value in the sorted column.
    pub key: String,
    /// The row's id, which breaks ties.
    pub id: String,
}

/// Which way a list runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Greatest first.
    Descending,
}

/// A page to fetch.
#[derive(Clone, Debug)]
pub struct Page {
    /// Behind which row; none for the first page.
    pub after: Option<Cursor>,
    /// How many rows at the most.
    pub limit: i64,
    /// Which way.
    pub direction: Direction,
}

/// Behind the last possible text, for a descending list's first page.
const LAST: &str = "\u{10FFFF}";

impl Page {
    /// The row that the page starts behind, or one before every other.
    pub(crate) fn start(&self) -> (String, String) {
        match (&self.after, self.direction) {
            (Some(cursor), _) => (cursor.key.clone(), cursor.id.clone()),
            (None, Direction::Ascending) => (String::new(), String::new()),
            (None, Direction::Descending) => (LAST.to_owned(), LAST.to_owned()),
        }
    }

    /// As [`Self::start`], where the sorted column is a number that is not negative: before or behind all others by its
    /// size, not by its text.
    pub(crate) fn start_at_number(&self) -> (String, String) {
        let (_, id) = self.start();
        let key = match (&self.after, self.direction) {
            (Some(cursor), _) => cursor.key.parse::<i64>().unwrap_or(0),
            (None, Direction::Ascending) => -1,
            (None, Direction::Descending) => i64::MAX,
        };
        (key.to_string(), id)
    }
}

/// The text that a search runs over: lower case, one field a line.
#[must_use]
pub fn search_text(fields: &[Option<&str>]) -> String {
    fields.iter().flatten().map(|field| field.to_lowercase()).collect::<Vec<_>>().join("\n")
}

/// The LIKE pattern (escape character `\`) for what somebody typed; `None` matches everything.
#[must_use]
pub fn search_pattern(typed: Option<&str>) -> Option<String> {
    let typed = typed?.trim().to_lowercase();
    if typed.is_empty() {
        return None;
    }
    let escaped = typed.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Some(format!("%{escaped}%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_takes_no_wildcards() {
        assert_eq!(search_pattern(Some(" 100%_Ä ")).as_deref(), Some("%100\\%\\_ä%"));
        assert_eq!(search_pattern(Some("  ")), None);
    }
}
