//! The languages that people are written to in.

/// German or English.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// For every tag that begins with `de`.
    German,
    /// For everything else.
    #[default]
    English,
}

impl Language {
    /// The language for a tag (BCP 47): `de-AT` is German, what we do not speak is English.
    #[must_use]
    pub fn of(tag: &str) -> Self {
        let primary = tag.split('-').next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("de") { Self::German } else { Self::English }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn austrians_read_german_and_danes_english() {
        assert_eq!(Language::of("de-AT"), Language::German);
        assert_eq!(Language::of("DE"), Language::German);
        assert_eq!(Language::of("den"), Language::English);
        assert_eq!(Language::of("da"), Language::English);
        assert_eq!(Language::of(""), Language::English);
    }
}
