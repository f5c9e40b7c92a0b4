//! An error and its causes, on one line.

use std::error::Error;

use crate::scrub;

/// Longer lines are not read; what others say in them may be long.
const LONGEST: usize = 500;

/// The error's words, and those of each cause that says something new.
pub(crate) fn words(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    for text in causes(error).map(ToString::to_string) {
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
    }
    scrub::public_line(&words, LONGEST)
}

/// The causes, nearest first.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(cause(error), |error| cause(*error))
}

/// An `io::Error` that wraps another error says that one's words, but only `get_ref` gives it away.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
