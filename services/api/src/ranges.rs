//! Which part of a content a request wants, if any (RFC 9110, 13 and 14), and how it is sent that way.

mod conditions;
mod file;

use http::{HeaderMap, header};

pub use self::{
    conditions::{Validators, Verdict, evaluate, names_strongly},
    file::{Content, serve},
};

/// A run of bytes inside a content, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u64,
    /// How many.
    pub length: u64,
}

/// What a `Range` header comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Everything: no range, one not understood, or more than one (which a server may ignore).
    Whole,
    /// One part.
    Part(Span),
    /// A range that begins past the end.
    Unsatisfiable,
}

/// What the `Range` header selects of `length` bytes.
pub fn select(headers: &HeaderMap, length: u64) -> Selection {
    let mut lines = headers.get_all(header::RANGE).iter();
    match (lines.next().and_then(|line| line.to_str().ok()), lines.next()) {
        (Some(range), None) => parse(range, length).unwrap_or(Selection::Whole),
        _ => Selection::Whole,
    }
}

/// `None` for anything but one well-formed byte range.
fn parse(range: &str, length: u64) -> Option<Selection> {
    let (unit, set) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    let (start, end) = match (first, last) {
        ("", suffix) => match number(suffix)? {
            0 => return Some(Selection::Unsatisfiable),
            suffix => (length.saturating_sub(suffix), length),
        },
        (first, "") => (number(first)?, length),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, length.min(last.saturating_add(1)))
        }
    };
    match end.checked_sub(start) {
        Some(1..) => Some(Selection::Part(Span { start, length: end - start })),
        _ if first.is_empty() => None,
        _ => Some(Selection::Unsatisfiable),
    }
}

/// Digits only; more than fit count as the largest number.
fn number(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn selected(range: &str, length: u64) -> Selection {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_bytes(range.as_bytes()).unwrap());
        select(&headers, length)
    }

    fn part(start: u64, length: u64) -> Selection {
        Selection::Part(Span { start, length })
    }

    #[test]
    fn ranges_select_what_the_rfc_says() {
        let cases = [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-499", part(0, 500)),
            ("bytes=500-", part(500, 500)),
            ("bytes=-500", part(500, 500)),
            ("bytes=-5000", part(0, 1000)),
            ("bytes=999-5000", part(999, 1)),
            ("BYTES=0-", part(0, 1000)),
            ("bytes=0-99999999999999999999999", part(0, 1000)),
            ("bytes=1000-", Selection::Unsatisfiable),
            ("bytes=99999999999999999999999-", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
        ];
        for (range, expected) in cases {
            assert_eq!(selected(range, 1000), expected, "{range}");
        }
    }

    #[test]
    fn what_is_not_one_byte_range_is_ignored() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=2-1",
            "bytes=+1-2",
            "bytes=1-2-3",
            "bytes=a-b",
            "bytes=0-1,5-6",
            "lines=0-1",
            "bytes 0-1",
            "bytes=0-1,",
        ] {
            assert_eq!(selected(range, 1000), Selection::Whole, "{range}");
        }
        assert_eq!(selected("bytes=-5", 0), Selection::Whole);
        assert_eq!(selected("bytes=0-", 0), Selection::Unsatisfiable);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_never_outside(range in "(bytes=)?[0-9,\\-= ]{0,24}|\\PC{0,40}", length: u64) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(range.as_bytes()) {
                headers.insert(header::RANGE, value);
            }
            if let Selection::Part(span) = select(&headers, length) {
                prop_assert!(span.length > 0);
                prop_assert!(span.start.checked_add(span.length).is_some_and(|end| end <= length));
            }
        }

        #[test]
        fn a_range_inside_the_content_selects_exactly_it(start in 0u64..1000, extra in 0u64..1000) {
            let end = start + extra;
            prop_assert_eq!(selected(&format!("bytes={start}-{end}"), 2000), part(start, extra + 1));
        }
    }
}
