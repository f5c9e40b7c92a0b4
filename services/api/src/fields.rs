//! Rules that several resources' fields share. Each message begins with its code.

use std::str::FromStr;

use email_address::EmailAddress;

/// Whether a value holds.
pub type Checked = Result<(), garde::Error>;

/// Of a [`line`], in characters.
pub(crate) const LONGEST_LINE: usize = 200;

/// Slugs that would be mistaken for something of the platform's.
const RESERVED: &[&str] = &[
    "admin",
    "admins",
    "all",
    "api",
    "app",
    "assets",
    "auth",
    "backup",
    "backups",
    "central",
    "chiliview",
    "console",
    "docs",
    "events",
    "export",
    "health",
    "help",
    "import",
    "jobs",
    "livez",
    "login",
    "logout",
    "mail",
    "metrics",
    "new",
    "null",
    "none",
    "problems",
    "readyz",
    "root",
    "schedules",
    "settings",
    "static",
    "status",
    "support",
    "system",
    "tenant",
    "tenants",
    "trash",
    "undefined",
    "users",
    "www",
];

/// 3 to 63 of `a-z`, `0-9` and `-`, no `-` at either end or twice, at least one letter, not reserved, not a UUID.
pub(crate) fn slug(value: &str, _: &()) -> Checked {
    let shape = (3..=63).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !value.starts_with('-')
        && !value.ends_with('-')
        && !value.contains("--")
        && value.bytes().any(|byte| byte.is_ascii_lowercase());
    if !shape || uuid::Uuid::try_parse(value).is_ok() {
        return Err(garde::Error::new(
            "slug_invalid: needs 3 to 63 of a-z, 0-9 and single hyphens inside, with at least one letter",
        ));
    }
    if RESERVED.contains(&value) {
        return Err(garde::Error::new("slug_reserved: is a word that the platform keeps for itself"));
    }
    Ok(())
}

/// 2 to 64 characters; letters, digits and `. _ - @ +`, beginning with a letter or digit.
pub(crate) fn username(value: &str, _: &()) -> Checked {
    let length = value.chars().count();
    let begins = value.chars().next().is_some_and(char::is_alphanumeric);
    let allowed = |character: char| character.is_alphanumeric() || "._-@+".contains(character);
    if !(2..=64).contains(&length) || !begins || !value.chars().all(allowed) {
        return Err(garde::Error::new(
            "username_invalid: needs 2 to 64 letters, digits or . _ - @ +, beginning with a letter or digit",
        ));
    }
    Ok(())
}

/// What is wrong with a username, for those who come in by another way than a request.
#[must_use]
pub fn username_fault(value: &str) -> Option<String> {
    let fault = username(value, &()).err()?.to_string();
    Some(fault.split_once(": ").map_or_else(|| fault.clone(), |(_, words)| words.to_owned()))
}

/// An e-mail address (RFC 5321) of at most 254 characters.
pub(crate) fn email(value: &str, _: &()) -> Checked {
    if value.len() > 254 || EmailAddress::from_str(value).is_err() {
        return Err(garde::Error::new("email_invalid: is no e-mail address"));
    }
    Ok(())
}

/// A person's or company's name, or another single line: not blank, no control characters.
pub fn line(value: &str, _: &()) -> Checked {
    let length = value.chars().count();
    if value.trim().is_empty() || length > LONGEST_LINE {
        return Err(garde::Error::new("line_invalid: needs 1 to 200 characters that are not all blank"));
    }
    if value.chars().any(char::is_control) {
        return Err(garde::Error::new("control_character: may not hold control characters"));
    }
    Ok(())
}

/// Text of several lines: no control characters but tabs and line ends. PostgreSQL keeps no NUL, so neither do we.
pub(crate) fn text(value: &str, _: &()) -> Checked {
    if value.chars().count() > 10_000 {
        return Err(garde::Error::new("too_long: may have at most 10000 characters"));
    }
    if value.chars().any(|character| character.is_control() && !"\t\r\n".contains(character)) {
        return Err(garde::Error::new("control_character: may not hold control characters"));
    }
    Ok(())
}

/// A language tag (BCP 47).
pub(crate) fn language(value: &str, _: &()) -> Checked {
    if value.len() > 35 || oxilangtag::LanguageTag::parse(value).is_err() {
        return Err(garde::Error::new("language_invalid: is no language tag (BCP 47), such as de or en-GB"));
    }
    Ok(())
}

/// A name in the IANA time zone database.
pub(crate) fn time_zone(value: &str, _: &()) -> Checked {
    if value.parse::<chrono_tz::Tz>().is_err() {
        return Err(garde::Error::new("time_zone_unknown: is no IANA time zone, such as Europe/Berlin"));
    }
    Ok(())
}

/// A tag: 1 to 50 characters on one line without a comma.
pub(crate) fn tag(value: &str, context: &()) -> Checked {
    line(value, context)?;
    if value.chars().count() > 50 || value.contains(',') {
        return Err(garde::Error::new("tag_invalid: needs 1 to 50 characters without a comma"));
    }
    Ok(())
}

/// A password that may be used; who chooses it is compared elsewhere.
pub(crate) fn password(value: &crate::secret::Secret, _: &()) -> Checked {
    match crate::passwords::weakness(value.expose(), &[]) {
        None => Ok(()),
        Some((code, detail)) => Err(garde::Error::new(format!("{code}: {detail}"))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slugs() {
        for good in ["abc", "mueller-und-soehne", "a1b", "9lives"] {
            assert!(slug(good, &()).is_ok(), "{good}");
        }
        for bad in ["", "ab", "Abc", "a--b", "-abc", "abc-", "123", "ä-b-c", "../etc", "api", "a b c"] {
            assert!(slug(bad, &()).is_err(), "{bad}");
        }
        assert!(slug("018f2f5e-7b1a-7000-8000-000000000000", &()).is_err());
    }

    proptest! {
        #[test]
        fn an_accepted_slug_is_one_safe_path_segment(text in "\\PC{0,80}") {
            if slug(&text, &()).is_ok() {
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
                prop_assert!(text.len() <= 63);
            }
        }
    }
}
