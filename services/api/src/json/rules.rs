//! What garde found, as field errors with codes.
//!
//! A custom rule gives its own code by starting its message with it: `garde::Error::new("slug_reserved: this name is ours")`.

use std::{borrow::Cow, fmt::Display};

use garde::{
    Validate,
    i18n::{I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind},
};

use crate::problem::FieldError;

/// Every rule that `value` breaks.
pub(crate) fn broken(value: &impl Validate<Context = ()>) -> Vec<FieldError> {
    let Err(report) = garde::i18n::with_i18n(Coded, || value.validate()) else {
        return Vec::new();
    };
    let field_error = |(path, error): &(garde::Path, garde::Error)| {
        let steps = path.__iter().rev().map(|(_, step)| step.as_str());
        let (code, detail) = coded(error.message());
        FieldError::new(super::parse::pointer(steps.filter(|s| !s.is_empty())), code, detail)
    };
    report.iter().map(field_error).collect()
}

fn coded(message: &str) -> (&str, &str) {
    let is_code = |code: &str| code.bytes().all(|b| b == b'_' || b.is_ascii_lowercase());
    match message.split_once(": ") {
        Some((code, detail)) if is_code(code) => (code, detail),
        _ => ("invalid", message),
    }
}

/// garde's built-in rules in our words, each with its code. Lengths are of whatever unit the rule names.
struct Coded;

impl I18n for Coded {
    fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
        match min {
            1 => "too_short: must not be empty".into(),
            _ => format!("too_short: needs a length of at least {min}").into(),
        }
    }

    fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
        format!("too_long: may have a length of at most {max}").into()
    }

    fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
        format!("too_small: must be at least {min}").into()
    }

    fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
        format!("too_large: may be at most {max}").into()
    }

    fn credit_card_invalid(&self, reason: InvalidCreditCard) -> Cow<'static, str> {
        format!("invalid: {reason}").into()
    }

    fn pattern_no_match(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("pattern: must match {pattern}").into()
    }

    fn contains_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("pattern: must contain \"{pattern}\"").into()
    }

    fn url_invalid(&self, reason: InvalidUrl) -> Cow<'static, str> {
        format!("invalid_url: {reason}").into()
    }

    fn prefix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("pattern: must begin with \"{pattern}\"").into()
    }

    fn suffix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("pattern: must end with \"{pattern}\"").into()
    }

    fn phone_number_invalid(&self, reason: InvalidPhoneNumber) -> Cow<'static, str> {
        format!("invalid_phone: {reason}").into()
    }

    fn ip_invalid(&self, kind: IpKind) -> Cow<'static, str> {
        format!("invalid_address: not a valid {kind} address").into()
    }

    fn matches_field_mismatch(&self, field: &dyn Display) -> Cow<'static, str> {
        format!("mismatch: must be the same as {field}").into()
    }

    fn email_invalid(&self, reason: InvalidEmail) -> Cow<'static, str> {
        format!("invalid_email: {reason}").into()
    }

    fn ascii_invalid(&self) -> Cow<'static, str> {
        "not_ascii: only ASCII characters".into()
    }

    fn alphanumeric_invalid(&self) -> Cow<'static, str> {
        "not_alphanumeric: only letters and digits".into()
    }

    fn required_not_set(&self) -> Cow<'static, str> {
        "required: must be given".into()
    }
}
