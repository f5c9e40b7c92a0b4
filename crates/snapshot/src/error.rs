//! What can go wrong with a snapshot. The words complete "failed to …".

use std::io;
use std::path::{Path, PathBuf};

use chiliview_store::{ShelfId, reason::Cause};
use chrono::{DateTime, Utc};

use crate::adopt::Refusal;
use crate::certificate::CertificateError;
use crate::damage::Damage;
use crate::key::ArtefactKey;
use crate::manifest::ManifestError;
use crate::shelf::Trouble;

/// Why a snapshot could not be made, read or proven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller ended the work. Nothing of it is left.
    #[error("finish: it was cancelled")]
    Cancelled,
    /// The snapshot is not what it should be.
    #[error("trust the snapshot: {0}")]
    Damaged(#[from] Damage),
    /// The uploaded file is nothing that may become a tenant's database.
    #[error("accept the uploaded file: {0}")]
    Refused(#[from] Refusal),
    /// The snapshot is encrypted, and no key at hand opens it. It says nothing about the snapshot itself, whose stored
    /// bytes are those that were published.
    #[error("decrypt the snapshot: {}", closed(recipients, tried))]
    NoIdentity {
        /// For whom it was encrypted; not known of an uploaded file.
        recipients: Vec<String>,
        /// The recipients of the identities that were tried.
        tried: Vec<String>,
    },
    /// The disk, or the quota on it, is full.
    #[error("find room for {}", path.display())]
    NoSpace {
        /// What was being written, or the directory that has no room.
        path: PathBuf,
        /// What the system answered; absent when the room was counted beforehand.
        #[source]
        source: Option<io::Error>,
    },
    /// The system refused to read or write a file.
    #[error("{action} {}", path.display())]
    Io {
        /// The verb: "read", "rename", …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The shelf's server does not answer as it should. It says nothing about what lies there.
    #[error("{action} {object}: {trouble}{detail}")]
    Shelf {
        /// The verb: "read", "publish", …
        action: &'static str,
        /// What was asked for, as a URL.
        object: String,
        /// What it comes to.
        trouble: Trouble,
        /// The server's own words in parentheses, or nothing.
        detail: String,
    },
    /// The shelf does not have it, and cannot: it was begun later. It says nothing about the snapshot.
    #[error(
        "find {key} on the shelf: this shelf was begun at {begun}, after the backup was made; it lies on the one that was \
         configured then: name that one again, or copy its files here"
    )]
    Elsewhere {
        /// What was looked for.
        key: ArtefactKey,
        /// When the shelf was begun.
        begun: DateTime<Utc>,
    },
    /// Another shelf lies in the place of the one that is remembered, or none. It says nothing about any snapshot.
    #[error(
        "use the shelf at {place}: it is not the one that this installation's backups lie on, whose id is {wanted} ({}): is the \
         volume mounted? `chiliview doctor` says what to do",
        lying(found.as_ref())
    )]
    AnotherShelf {
        /// Where.
        place: String,
        /// The id that is remembered.
        wanted: ShelfId,
        /// The one that was found.
        found: Option<ShelfId>,
    },
    /// What was just written to the shelf is not there.
    #[error("find the marker on the shelf at {0}, which was just written")]
    Unmarked(String),
    /// SQLite refused.
    #[error("{action}")]
    Database {
        /// What was asked of it.
        action: &'static str,
        /// What it answered.
        #[source]
        source: sqlx::Error,
    },
    /// The store could not read the source, or the unpacked database.
    #[error(transparent)]
    Store(chiliview_store::Error),
    /// The source did not give as many bytes as its header promised.
    #[error("read the whole database: {expected} bytes were promised, {found} came")]
    Torn {
        /// Page count × page size.
        expected: u64,
        /// What was read.
        found: u64,
    },
    /// The shelf has no such snapshot.
    #[error("find {0} on the shelf")]
    NotFound(ArtefactKey),
    /// A complete snapshot already lies under that name, or is just being published; nothing overwrites one.
    #[error("publish {0}: it is on the shelf already")]
    AlreadyPublished(ArtefactKey),
    /// The manifest of the new snapshot cannot be written.
    #[error("write the manifest")]
    Manifest(#[from] ManifestError),
    /// A certificate cannot be issued or believed.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl Error {
    /// The word for it.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Cancelled => Cause::Cancelled,
            Self::Damaged(_) | Self::Manifest(_) | Self::Certificate(_) => Cause::Damaged,
            Self::Refused(_) => Cause::Refused,
            Self::NoIdentity { .. } => Cause::NoKey,
            Self::NoSpace { .. } => Cause::NoSpace,
            Self::Shelf { .. } | Self::Unmarked(_) => Cause::Shelf,
            Self::Elsewhere { .. } => Cause::Elsewhere,
            Self::AnotherShelf { .. } => Cause::AnotherShelf,
            Self::NotFound(_) => Cause::SnapshotMissing,
            Self::Store(error) => error.cause(),
            Self::Io { .. } | Self::Database { .. } | Self::Torn { .. } | Self::AlreadyPublished(_) => Cause::Other,
        }
    }

    /// Names the action and the file, and tells a full disk from other refusals. What a shelf said through a reader or a
    /// writer comes out as it was.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.to_path_buf();
            let source = match source.downcast::<Self>() {
                Ok(own) => return own,
                Err(source) => source,
            };
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Self::NoSpace { path, source: Some(source) }
                }
                _ => Self::Io { action, path, source },
            }
        }
    }

    /// Names what was asked of SQLite.
    pub(crate) fn database(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { action, source }
    }
}

impl From<chiliview_store::Error> for Error {
    fn from(error: chiliview_store::Error) -> Self {
        match error {
            chiliview_store::Error::Stopped => Self::Cancelled,
            chiliview_store::Error::Io { action, path, source } => Self::Io { action, path, source },
            other => Self::Store(other),
        }
    }
}

fn lying(found: Option<&ShelfId>) -> String {
    found.map_or_else(|| "none is there".to_owned(), |id| format!("{id} is there"))
}

/// Which key to look for, and which were no help.
fn closed(recipients: &[String], tried: &[String]) -> String {
    let wanted = if recipients.is_empty() { "keys that it does not name".to_owned() } else { recipients.join(", ") };
    if tried.is_empty() {
        return format!("it was encrypted for {wanted}, and there is no identity at hand");
    }
    format!("it was encrypted for {wanted}, and none of the identities at hand opens it: {}", tried.join(", "))
}

/// What a failpoint answers that was told to fail.
#[cfg(feature = "failpoints")]
pub(crate) fn injected(point: &'static str) -> Error {
    Error::Io { action: point, path: PathBuf::new(), source: io::Error::other("injected by a test") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_refusals() {
        let path = Path::new("/shelf/x");
        let full = Error::io("write", path)(io::Error::from(io::ErrorKind::StorageFull));
        let other = Error::io("write", path)(io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(matches!(full, Error::NoSpace { .. }));
        assert_eq!(other.to_string(), "write /shelf/x");
    }
}
