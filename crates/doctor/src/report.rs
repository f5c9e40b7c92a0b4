//! What the doctor says: a line for each check, and a summary.

use secrecy::SecretString;
use serde::Serialize;

use crate::says::Said;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All is well.
    Ok,
    /// Nothing is broken, but somebody should look.
    Warning,
    /// Something is broken.
    Problem,
    /// Something was broken and is not any more.
    Repaired,
    /// Something is broken, and the doctor cannot mend it.
    Unrepairable,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Which check: a word that never changes.
    pub name: &'static str,
    /// What was looked at.
    pub object: String,
    /// How it ended.
    pub status: Status,
    /// What was found, and what was done.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The same as codes, for whoever says it in another language; none when these are not the doctor's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<Said>,
}

/// How many checks ended how. A check that could not be repaired counts as a problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// All well.
    pub ok: usize,
    /// To be looked at.
    pub warnings: usize,
    /// Broken, still.
    pub problems: usize,
    /// Broken, no more.
    pub repaired: usize,
}

/// Everything that was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Each check, in the order in which they were made.
    pub checks: Vec<Line>,
    /// Their number.
    pub summary: Summary,
    /// Whether a repair was refused because another process works in the data directory.
    pub locked: bool,
    /// The admin that was made because there was none; to be shown once, and kept nowhere.
    #[serde(skip)]
    pub new_admin: Option<NewAdmin>,
}

/// A new admin and his password.
#[derive(Debug)]
pub struct NewAdmin {
    /// What he logs in with.
    pub username: String,
    /// Kept nowhere.
    pub password: SecretString,
}

impl Summary {
    /// Counts.
    #[must_use]
    pub fn of(lines: &[Line]) -> Self {
        let count = |wanted: &[Status]| lines.iter().filter(|line| wanted.contains(&line.status)).count();
        Self {
            ok: count(&[Status::Ok]),
            warnings: count(&[Status::Warning]),
            problems: count(&[Status::Problem, Status::Unrepairable]),
            repaired: count(&[Status::Repaired]),
        }
    }
}
