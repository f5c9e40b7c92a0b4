//! The ways in which a snapshot can be wrong, in words for the operator who has to act.

use crate::digest::Digest;

/// Why a snapshot is refused. Each check has its own reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The artefact has no manifest beside it.
    #[error("its manifest is missing")]
    ManifestMissing,
    /// The manifest cannot be read.
    #[error("its manifest is unreadable: {0}")]
    ManifestUnreadable(String),
    /// The manifest is not the one that was recorded when the snapshot was made.
    #[error("its manifest is not the one that was recorded: {field} differs")]
    ManifestDiffers {
        /// The first field that differs.
        field: &'static str,
    },
    /// The manifest is about another backup or another tenant.
    #[error("it belongs to another backup or another tenant")]
    Foreign,
    /// There is a manifest, but no artefact.
    #[error("the file is missing")]
    ArtefactMissing,
    /// The file has another length than when it was published.
    #[error("the file has {found} bytes instead of {expected}")]
    StoredSize {
        /// Bytes that were published.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The file's bytes are not those that were published.
    #[error("the file has changed since it was published: SHA-256 {found} instead of {expected}")]
    StoredDigest {
        /// What was published.
        expected: Digest,
        /// What is there.
        found: Digest,
    },
    /// The file does not start as an age file does, though its manifest says that it is one.
    #[error("the file is not encrypted, as its manifest says it is")]
    NotEncrypted,
    /// The header of the age file cannot be read, or was changed.
    #[error("the header of the encrypted file is broken: {0}")]
    Envelope(String),
    /// The encrypted content is not what was encrypted, or not all of it.
    #[error("the encrypted data is broken: {0}")]
    Undecryptable(String),
    /// The file does not start as a zstd frame does.
    #[error("the file is not zstd-compressed")]
    NotZstd,
    /// Decompressing it would take more memory than is granted.
    #[error("the compressed data asks for a larger window than {limit} bytes")]
    WindowTooLarge {
        /// The window that is granted.
        limit: u64,
    },
    /// zstd refuses the data.
    #[error("the compressed data is broken: {0}")]
    Undecodable(String),
    /// The compressed data ends before its frame does.
    #[error("the compressed data ends too early")]
    Truncated,
    /// Something follows the one frame that there may be.
    #[error("there is more in the file than one compressed database")]
    Trailing,
    /// The data is, or would be, larger or smaller than the database that was read.
    #[error("it holds {found} bytes instead of {expected}")]
    PlainSize {
        /// Bytes of the database that was read.
        expected: u64,
        /// Bytes that the frame announces or gave; at least so many when decompression was stopped.
        found: u64,
    },
    /// The database is not the one that was read.
    #[error("the database is not the one that was read: SHA-256 {found} instead of {expected}")]
    PlainDigest {
        /// What was read.
        expected: Digest,
        /// What came out.
        found: Digest,
    },
    /// SQLite cannot open or read it.
    #[error("it cannot be opened as a database: {0}")]
    NotADatabase(String),
    /// The header of the database contradicts the manifest.
    #[error("the database's header says {found} where the manifest says {expected}")]
    Header {
        /// The manifest's word.
        expected: String,
        /// The header's word.
        found: String,
    },
    /// `quick_check` or `integrity_check` found something.
    #[error("{check} found: {finding}")]
    Integrity {
        /// The pragma.
        check: &'static str,
        /// Its first finding.
        finding: String,
    },
    /// Rows refer to rows that do not exist.
    #[error("a row of table {table} refers to a missing row of {parent}")]
    ForeignKey {
        /// The table whose row refers.
        table: String,
        /// The table where nothing is.
        parent: String,
    },
    /// A table is there on one side only.
    #[error("table {0} is missing on one side")]
    Tables(String),
    /// A table has lost or gained rows.
    #[error("table {table} has {found} rows instead of {expected}")]
    Rows {
        /// The table.
        table: String,
        /// Rows that were counted when it was read.
        expected: u64,
        /// Rows that are there.
        found: u64,
    },
    /// A table does not hold the rows that were read.
    #[error("table {0} does not hold the rows that were read")]
    TableDigest(String),
    /// The database was migrated to another version.
    #[error("its schema version is {found} instead of {expected}")]
    SchemaVersion {
        /// What the manifest says.
        expected: i64,
        /// What the database says.
        found: i64,
    },
}
