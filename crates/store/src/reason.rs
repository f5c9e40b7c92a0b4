//! Why work did not come to a good end: a word that programs go by, and a sentence for people.

use crate::{error::Error, ids::words};

words! {
    /// What stood in the way. Rows keep the word; one that a newer version wrote need not be among these.
    Cause {
        /// Somebody called it off.
        Cancelled = "cancelled",
        /// The disk, or a quota of the system, is full.
        NoSpace = "no_space",
        /// The tenant may not have more.
        Quota = "quota",
        /// The shelf does not answer as it should.
        Shelf = "shelf",
        /// Another shelf lies in the place of the one that is remembered.
        AnotherShelf = "another_shelf",
        /// The snapshot lies on the shelf that was configured before.
        Elsewhere = "elsewhere",
        /// The shelf does not have the snapshot.
        SnapshotMissing = "snapshot_missing",
        /// The snapshot is not what it should be.
        Damaged = "damaged",
        /// What was uploaded, or asked for, is not taken.
        Refused = "refused",
        /// No key at hand opens the snapshot.
        NoKey = "no_key",
        /// For whom it is to be encrypted cannot be used.
        Recipients = "recipients",
        /// The database is not where it should be, or cannot be used.
        DatabaseUnusable = "database_unusable",
        /// The database cannot be reached, or was kept by somebody else for too long.
        DatabaseBusy = "database_busy",
        /// The present database could not be backed up before it is replaced.
        NotSaved = "not_saved",
        /// Each attempt ended with its process.
        Crashed = "crashed",
        /// It took longer than it may.
        TooLong = "too_long",
        /// Anything else: the sentence says it.
        Other = "other",
    }
}

/// Why: the word, and the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// For programs, which can say it in any language.
    pub cause: Cause,
    /// For people, in English.
    pub words: String,
}

impl Reason {
    /// A sentence that belongs to a word.
    pub fn new(cause: Cause, words: impl Into<String>) -> Self {
        Self { cause, words: words.into() }
    }
}

impl<W: Into<String>> From<W> for Reason {
    fn from(words: W) -> Self {
        Self::new(Cause::Other, words)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error {
    /// The word for it.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::DiskFull => Cause::NoSpace,
            Self::Commit(error) => error.cause(),
            Self::Stopped => Cause::Cancelled,
            Self::DatabaseMissing(_)
            | Self::DatabaseUnusable { .. }
            | Self::Corrupt { .. }
            | Self::Migrate(_)
            | Self::TooOld(_)
            | Self::SchemaNewer { .. } => Cause::DatabaseUnusable,
            Self::Busy(_) | Self::Locked(_) | Self::Unreachable(_) => Cause::DatabaseBusy,
            Self::Duplicate { .. }
            | Self::VersionMismatch
            | Self::Unsafe(_)
            | Self::Panicked
            | Self::Io { .. }
            | Self::Database(_) => Cause::Other,
        }
    }
}
