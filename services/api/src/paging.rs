//! Keyset pages as the API speaks of them: `?limit=&after=`, answered by `{items, next}`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chiliview_store::paging::{Cursor, Page};
use poem_openapi::{
    Object,
    types::{ParseFromJSON, ToJSON, Type},
};
use serde::{Deserialize, Serialize};

use crate::{
    problem::{FieldError, Problem},
    words::Order,
};

/// Rows on a page when nothing else is asked for.
const DEFAULT: u32 = 50;
/// Rows on a page at the most.
const MOST: u32 = 500;
/// Of what is searched for, in characters: SQLite refuses very long patterns.
const LONGEST_SEARCH: usize = 200;

/// One page of a list.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct List<T: Type + ParseFromJSON + ToJSON + Send + Sync> {
    /// The rows.
    pub items: Vec<T>,
    /// What `after` has to be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Reads `limit` and `after`. One row more than asked for is fetched: it tells whether there is a next page.
pub fn page(limit: Option<u32>, after: Option<&str>, order: Order) -> Result<Page, Problem> {
    let limit = limit.unwrap_or(DEFAULT);
    if limit == 0 || limit > MOST {
        return Err(Problem::invalid_parameter(FieldError::new(
            "/query/limit",
            "out_of_range",
            format!("must be between 1 and {MOST}"),
        )));
    }
    let after = after.map(decode).transpose()?;
    Ok(Page { after, limit: i64::from(limit) + 1, direction: order.into() })
}

/// Reads `q`.
pub fn search(q: Option<String>) -> Result<Option<String>, Problem> {
    text("q", q)
}

/// Reads a parameter of that name that is free text.
pub fn text(name: &str, value: Option<String>) -> Result<Option<String>, Problem> {
    let fits = |value: &String| value.chars().count() <= LONGEST_SEARCH && !value.contains('\0');
    if value.as_ref().is_none_or(fits) {
        return Ok(value);
    }
    let detail = format!("may have at most {LONGEST_SEARCH} characters, and no NUL");
    Err(Problem::invalid_parameter(FieldError::new(format!("/query/{name}"), "invalid_value", detail)))
}

/// Cuts the rows to the page and names the next one. `key` gives a row's sort value and id.
pub fn list<R, T>(mut rows: Vec<R>, page: &Page, key: impl Fn(&R) -> (String, String), show: impl Fn(R) -> T) -> List<T>
where
    T: Type + ParseFromJSON + ToJSON + Send + Sync,
{
    let limit = usize::try_from(page.limit - 1).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| {
        let (key, id) = key(row);
        encode(&Cursor { key, id })
    });
    List { items: rows.into_iter().map(show).collect(), next }
}

fn encode(cursor: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).unwrap_or_default())
}

fn decode(text: &str) -> Result<Cursor, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let cursor = bytes.and_then(|bytes| serde_json::from_slice::<Cursor>(&bytes).ok());
    // PostgreSQL takes no NUL in a text.
    let cursor = cursor.filter(|cursor| !cursor.key.contains('\0') && !cursor.id.contains('\0'));
    cursor.ok_or_else(invalid_cursor)
}

/// An `after` that no answer of ours gave.
pub(crate) fn invalid_cursor() -> Problem {
    Problem::invalid_parameter(FieldError::new(
        "/query/after",
        "invalid_cursor",
        "must be the `next` of an earlier answer",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_journey_and_nonsense_is_refused() {
        let cursor = Cursor { key: "Müller & Söhne".into(), id: "0190".into() };
        assert_eq!(decode(&encode(&cursor)).unwrap(), cursor);
        assert!(decode("%%%").is_err());
        assert!(decode("bm9wZQ").is_err());
    }
}
