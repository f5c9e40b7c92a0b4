//! How a command ends: the exit codes that scripts rely on, and the words for people.

use std::{fmt::Display, process::ExitCode};

use chiliview_store::Error as StoreError;

/// What a command's exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All was done.
    Ok = 0,
    /// Nothing was done.
    Failed = 1,
    /// The command line or a setting is wrong.
    Usage = 2,
    /// Some was done.
    Partial = 3,
    /// A running server has the data directory.
    Locked = 11,
    /// The doctor found a problem.
    Found = 13,
    /// The doctor repaired what he found.
    Repaired = 14,
    /// It may work in a moment.
    TryAgain = 75,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do it. The words complete "failed to …".
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) words: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, words: impl Display) -> Self {
        Self { exit, words: words.to_string() }
    }

    /// Exit code 1.
    pub(crate) fn failed(words: impl Display) -> Self {
        Self::new(Exit::Failed, words)
    }

    /// Exit code 2.
    pub(crate) fn usage(words: impl Display) -> Self {
        Self::new(Exit::Usage, words)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::Busy(_) | StoreError::Locked(_) | StoreError::Unreachable(_) => Exit::TryAgain,
            StoreError::Commit(cause) if matches!(**cause, StoreError::Busy(_)) => Exit::TryAgain,
            _ => Exit::Failed,
        };
        Self::new(exit, error)
    }
}

impl From<chiliview_snapshot::Error> for Failure {
    fn from(error: chiliview_snapshot::Error) -> Self {
        Self::failed(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error)
    }
}
