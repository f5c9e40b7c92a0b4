//! Conditional requests (RFC 9110, 13): evaluated in the order of 13.2.2.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, Method, header};

/// What a stored object is recognised by.
#[derive(Debug, Clone)]
pub struct Validators {
    /// A strong entity tag, quotes included.
    pub etag: String,
    /// When it last changed; sub-seconds do not count.
    pub last_modified: Option<SystemTime>,
}

/// What the conditions of a request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on; the `Range` header counts or does not.
    Proceed {
        /// Whether `If-Range` allows a part.
        range: bool,
    },
    /// 304: the client has it.
    NotModified,
    /// 412: the client means another version.
    Failed,
}

/// Holds the conditions of a request against what is stored.
pub fn evaluate(method: &Method, headers: &HeaderMap, stored: &Validators) -> Verdict {
    let is_read = method == Method::GET || method == Method::HEAD;
    if headers.contains_key(header::IF_MATCH) {
        if !names(headers, &header::IF_MATCH, &stored.etag, Comparison::Strong) {
            return Verdict::Failed;
        }
    } else if unchanged_since(headers, &header::IF_UNMODIFIED_SINCE, stored) == Some(false) {
        return Verdict::Failed;
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        if names(headers, &header::IF_NONE_MATCH, &stored.etag, Comparison::Weak) {
            return if is_read { Verdict::NotModified } else { Verdict::Failed };
        }
    } else if is_read && unchanged_since(headers, &header::IF_MODIFIED_SINCE, stored) == Some(true) {
        return Verdict::NotModified;
    }
    Verdict::Proceed { range: method == Method::GET && if_range(headers, stored) }
}

/// Whether a line of `If-Match` is `*` or names `etag` (strong, quotes included).
pub fn names_strongly(line: &str, etag: &str) -> bool {
    line_names(line, etag, Comparison::Strong)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of entity tags is `*` or names `etag`.
fn names(headers: &HeaderMap, name: &HeaderName, etag: &str, comparison: Comparison) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.into_iter().any(|line| line_names(line, etag, comparison))
}

fn line_names(line: &str, etag: &str, comparison: Comparison) -> bool {
    line.trim() == "*" || tags(line).any(|tag| is_same(tag, etag, comparison))
}

fn is_same(tag: &str, etag: &str, comparison: Comparison) -> bool {
    match tag.strip_prefix("W/") {
        Some(weak) => comparison == Comparison::Weak && weak == etag,
        None => tag == etag,
    }
}

/// The entity tags of one header line; an opaque tag may contain commas.
fn tags(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let prefix = if rest.starts_with("W/\"") { 3 } else { 1 };
        if prefix == 1 && !rest.starts_with('"') {
            return None;
        }
        let end = prefix + rest.get(prefix..)?.find('"')? + 1;
        let (tag, after) = rest.split_at(end);
        rest = after;
        Some(tag)
    })
}

/// `None` when the header is not there, not a date, or there is nothing to compare it with: it does not count then.
fn unchanged_since(headers: &HeaderMap, name: &HeaderName, stored: &Validators) -> Option<bool> {
    let since = date(headers, name)?;
    Some(whole_seconds(stored.last_modified?) <= since)
}

/// Whether a part may be sent: without `If-Range`, or when it names exactly what is stored (13.1.5).
fn if_range(headers: &HeaderMap, stored: &Validators) -> bool {
    let Some(value) = headers.get(header::IF_RANGE) else {
        return true;
    };
    if value.to_str().is_ok_and(|tag| is_same(tag.trim(), &stored.etag, Comparison::Strong)) {
        return true;
    }
    let at = date(headers, &header::IF_RANGE);
    at.is_some() && at == stored.last_modified.map(whole_seconds)
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const BEFORE: &str = "Sat, 01 Nov 2025 00:00:00 GMT";
    const SAME: &str = "Sun, 02 Nov 2025 00:00:00 GMT";
    const AFTER: &str = "Mon, 03 Nov 2025 00:00:00 GMT";

    fn verdict(method: &Method, headers: &[(&'static str, &'static str)]) -> Verdict {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let last_modified = httpdate::parse_http_date(SAME).unwrap() + Duration::from_millis(700);
        let stored = Validators { etag: "\"a,b\"".to_owned(), last_modified: Some(last_modified) };
        evaluate(method, &headers.iter().map(pair).collect(), &stored)
    }

    #[test]
    fn conditions_come_out_as_the_rfc_says() {
        let whole = Verdict::Proceed { range: false };
        let any = Verdict::Proceed { range: true };
        let cases: [(&[(&str, &str)], Verdict); 18] = [
            (&[], any),
            (&[("if-match", "*")], any),
            (&[("if-match", "\"x\", \"a,b\"")], any),
            (&[("if-match", "W/\"a,b\"")], Verdict::Failed),
            (&[("if-match", "\"a\", b\"")], Verdict::Failed),
            (&[("if-none-match", "\"x\",W/\"a,b\"")], Verdict::NotModified),
            (&[("if-none-match", "*")], Verdict::NotModified),
            (&[("if-none-match", "\"x\""), ("if-modified-since", AFTER)], any),
            (&[("if-modified-since", SAME)], Verdict::NotModified),
            (&[("if-modified-since", BEFORE)], any),
            (&[("if-modified-since", "yesterday")], any),
            (&[("if-unmodified-since", BEFORE)], Verdict::Failed),
            (&[("if-unmodified-since", SAME)], any),
            (&[("if-match", "\"a,b\""), ("if-unmodified-since", BEFORE)], any),
            (&[("if-range", "\"a,b\"")], any),
            (&[("if-range", "W/\"a,b\"")], whole),
            (&[("if-range", SAME)], any),
            (&[("if-range", AFTER)], whole),
        ];
        for (headers, expected) in cases {
            assert_eq!(verdict(&Method::GET, headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn for_a_change_a_match_of_if_none_match_is_a_refusal() {
        assert_eq!(verdict(&Method::PUT, &[("if-none-match", "*")]), Verdict::Failed);
        assert_eq!(verdict(&Method::HEAD, &[]), Verdict::Proceed { range: false });
    }

    #[test]
    fn a_line_names_a_version_strictly() {
        assert!(names_strongly("\"1\"", "\"1\""));
        assert!(names_strongly("\"0\", \"1\"", "\"1\""));
        assert!(!names_strongly("\"2\"", "\"1\""));
        assert!(!names_strongly("W/\"1\"", "\"1\""));
        assert!(!names_strongly("no quotes", "\"1\""));
    }

    proptest::proptest! {
        #[test]
        fn no_header_makes_it_panic(value in "[ -~]{0,40}") {
            for name in [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_RANGE, header::IF_MODIFIED_SINCE] {
                let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(&value).unwrap())]);
                let stored = Validators { etag: "\"1\"".to_owned(), last_modified: None };
                evaluate(&Method::GET, &headers, &stored);
            }
        }
    }
}
