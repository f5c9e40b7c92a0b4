//! What may not leave the house: passwords in URLs, keys, and characters that a log or a database cannot hold.

/// Words that begin with one of these are keys.
const KEYS: [&str; 4] = ["whsec_", "AGE-SECRET-KEY-", "Bearer", "Basic"];
/// What stands in for a secret.
const HIDDEN: &str = "***";

/// The text without control characters other than tab and line feed; each becomes `U+FFFD`. PostgreSQL keeps no NUL.
pub(crate) fn printable(text: &str) -> String {
    let keep = |character: char| !character.is_control() || matches!(character, '\n' | '\t');
    text.chars().filter(|character| *character != '\r').map(|it| if keep(it) { it } else { '\u{fffd}' }).collect()
}

/// At most `longest` characters on one line, no control characters, blanks at the ends cut off.
pub(crate) fn line(text: &str, longest: usize) -> String {
    let flat: String = text.chars().map(|character| if breaks(character) { ' ' } else { character }).collect();
    cut(flat.trim(), longest)
}

/// [`line`], and whatever looks like a secret hidden: the user and query of a URL, and keys.
///
/// A net below the rule that callers pass none; it knows only what secrets of ours look like.
pub(crate) fn public_line(text: &str, longest: usize) -> String {
    let mut after_scheme = false;
    let words = line(text, usize::MAX);
    let words = words.split(' ').map(|word| {
        let hidden = if after_scheme && !word.is_empty() { HIDDEN.to_owned() } else { public_word(word) };
        after_scheme = matches!(word, "Bearer" | "Basic");
        hidden
    });
    cut(&words.collect::<Vec<_>>().join(" "), longest)
}

fn public_word(word: &str) -> String {
    let word = match KEYS.iter().filter_map(|key| word.find(key).map(|at| at + key.len())).min() {
        Some(end) if end < word.len() => format!("{}{HIDDEN}", &word[..end]),
        _ => word.to_owned(),
    };
    let Some((scheme, rest)) = word.split_once("://") else { return word };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority.to_owned(), |(_, host)| format!("{HIDDEN}@{host}"));
    let path = path.split_once('?').map_or(path.to_owned(), |(path, _)| format!("{path}?{HIDDEN}"));
    format!("{scheme}://{host}{path}")
}

/// Line ends of every kind (a mail header knows two, Unicode more), and the marks that turn a line's direction round.
fn breaks(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some(_) => text.chars().take(longest.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        for (text, public) in [
            ("open postgres://chili:pa@ss@db:5432/main: refused", "open postgres://***@db:5432/main: refused"),
            ("https://x.example/a?token=1", "https://x.example/a?***"),
            ("the key AGE-SECRET-KEY-1QQQ does", "the key AGE-SECRET-KEY-*** does"),
            ("secret=whsec_abc", "secret=whsec_***"),
            ("Authorization: Bearer abc def", "Authorization: Bearer *** def"),
            ("no space left on /data/shelf", "no space left on /data/shelf"),
        ] {
            assert_eq!(public_line(text, 200), public);
        }
    }

    #[test]
    fn a_line_is_one_line_and_no_longer_than_it_may_be() {
        assert_eq!(line("a\r\nBcc: b\u{0}\u{2028}c\u{202e}", 50), "a  Bcc: b  c");
        assert_eq!(line(&"ä".repeat(10), 4), "äää…");
        assert_eq!(line("äöüß", 4), "äöüß");
        assert_eq!(printable("a\r\n\tb\u{0}\u{1b}[31m"), "a\n\tb\u{fffd}\u{fffd}[31m");
    }
}
