//! What can go wrong below the surface. Knows no HTTP: `services/api/src/problem.rs` turns these into answers.

use std::{io, path::PathBuf, sync::Arc};

use crate::write_lock;

/// A failure of the store. Its words complete "failed to …" and are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row that must be unique exists already; `what` is `table.column` as the database names it.
    #[error("store a second row where {what} must be unique")]
    Duplicate {
        /// The constraint, or on SQLite `table.column`.
        what: String,
    },
    /// The row has another version than the one that the caller saw.
    #[error("change a row that somebody else has changed meanwhile")]
    VersionMismatch,
    /// Another writer kept the database for longer than the busy time-out.
    #[error("get hold of the database in time: {0}")]
    Busy(#[source] sqlx::Error),
    /// The disk, or the quota on it, is full. Nothing was changed.
    #[error("write to the disk: it is full")]
    DiskFull,
    /// A group commit failed, and with it every write that shared it. Nothing was changed.
    #[error("commit: {0}")]
    Commit(Arc<Error>),
    /// The database takes no writes for the moment. The word completes "it is being …": `restored`, `closed`.
    #[error("write to a database that is being {0}")]
    Locked(&'static str),
    /// The tenant has no database where it should be.
    #[error("find the database {0}")]
    DatabaseMissing(PathBuf),
    /// The database file exists and cannot be used.
    #[error("use the database {path}: {reason}")]
    DatabaseUnusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The set-up is one on which data would be lost.
    #[error("start: {0}")]
    Unsafe(String),
    /// A migration of a database's schema failed; the database is as it was.
    #[error("migrate the schema: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A newer version has taken away from the schema what this one needs.
    #[error(
        "use a database that a newer version has changed: this one does without what migration {0} took away; start the newer version"
    )]
    TooOld(String),
    /// A newer version has migrated the schema, and what we do needs all of it.
    #[error("read {schema}: it has schema {found}, and this version knows those up to {known}")]
    SchemaNewer {
        /// Which.
        schema: String,
        /// Its newest migration.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// A row holds what no row of ours may hold.
    #[error("read {what}: {reason}")]
    Corrupt {
        /// The row or column.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The closure that ran in the transaction panicked; its changes were rolled back.
    #[error("finish a transaction: the code in it panicked")]
    Panicked,
    /// The database server cannot be reached, or hung up. Whether a commit that was under way counts is not known.
    #[error("reach the database: {0}")]
    Unreachable(#[source] sqlx::Error),
    /// Whoever asked for the work wants it no more.
    #[error("finish: it was stopped")]
    Stopped,
    /// The file system refused.
    #[error("{action} {path}: {source}")]
    Io {
        /// A verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else that the database said.
    #[error("run a statement: {0}")]
    Database(#[source] sqlx::Error),
}

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>).
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_FULL: i32 = 13;
/// An extended one's first eight bits are the primary one.
const PRIMARY: i32 = 0xff;
/// An extended one: the index of the WAL, in memory that is a file, could not grow. On a full disk a database that nobody had
/// open yet is met by this one before [`SQLITE_FULL`].
const SQLITE_IOERR_SHMSIZE: i32 = 10 | (19 << 8);

/// PostgreSQL's (<https://www.postgresql.org/docs/15/errcodes-appendix.html>): the server shuts down, crashed, or starts; or it
/// has no connection left.
const HUNG_UP: [&str; 5] = ["57P01", "57P02", "57P03", "57P05", "53300"];
/// A transaction that stood still for too long; a statement that somebody ended, or that took longer than an operator lets it.
const CUT_OFF: [&str; 2] = ["25P03", "57014"];
/// Two transactions that could not both go on; a lock that was waited for long enough.
const COLLIDED: [&str; 3] = ["40001", "40P01", "55P03"];
/// What a Citus cluster says of a node that it lost.
const INTERNAL: &str = "XX000";
const NODE_LOST: &str = "failure on connection";

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => return Self::Busy(error),
            // SQLite speaks of its files in codes of its own: these are a connection's.
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolClosed => {
                return Self::Unreachable(error);
            }
            sqlx::Error::Database(database) => {
                if database.is_unique_violation() {
                    return Self::Duplicate { what: unique_constraint(database.as_ref()) };
                }
                if database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                    match sqlite_code(database.as_ref()) {
                        Some(SQLITE_IOERR_SHMSIZE) => return Self::DiskFull,
                        Some(code) if code & PRIMARY == SQLITE_FULL => return Self::DiskFull,
                        Some(code) if [SQLITE_BUSY, SQLITE_LOCKED].contains(&(code & PRIMARY)) => {
                            return Self::Busy(error);
                        }
                        _ => {}
                    }
                } else {
                    match database.code().as_deref() {
                        Some("53100") => return Self::DiskFull,
                        Some(write_lock::RAISED) => return Self::Locked(write_lock::RESTORED),
                        Some(code) if code.starts_with("08") || HUNG_UP.contains(&code) || CUT_OFF.contains(&code) => {
                            return Self::Unreachable(error);
                        }
                        Some(code) if COLLIDED.contains(&code) => return Self::Busy(error),
                        Some(INTERNAL) if database.message().starts_with(NODE_LOST) => return Self::Unreachable(error),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Self::Database(error)
    }
}

fn sqlite_code(error: &dyn sqlx::error::DatabaseError) -> Option<i32> {
    error.code()?.parse().ok()
}

fn unique_constraint(error: &dyn sqlx::error::DatabaseError) -> String {
    match error.constraint() {
        Some(name) => name.to_owned(),
        None => error.message().trim_start_matches("UNIQUE constraint failed: ").to_owned(),
    }
}

impl Error {
    /// Whether the failed row clashed on `column` of `table` (`tenants`, `slug`).
    #[must_use]
    pub fn is_duplicate_of(&self, table: &str, column: &str) -> bool {
        let Self::Duplicate { what } = self else { return false };
        let key = format!("{table}_{column}_key");
        // A node of a Citus cluster puts its shard's number behind, and tells the name only within the message.
        let words = what.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
        let mut shards = words.filter_map(|word| word.strip_prefix(&key)).map(|rest| rest.trim_start_matches('_'));
        shards.any(|shard| shard.chars().all(|char| char.is_ascii_digit())) || what == &format!("{table}.{column}")
    }

    /// Wraps what the file system said.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io { action, path, source },
        }
    }
}

/// An error and its causes in one line, each said once.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !line.ends_with(&words) {
            line = format!("{line}: {words}");
        }
        cause = error.source();
    }
    line
}

/// The store's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clash_has_the_same_name_on_either_engine_and_on_a_shard() {
        let clash = |what: &str| Error::Duplicate { what: what.to_owned() }.is_duplicate_of("users", "username_key");
        let told = "duplicate key value violates unique constraint \"users_username_key_key_102009\"";
        for what in ["users.username_key", "users_username_key_key", "users_username_key_key_102009", told] {
            assert!(clash(what), "{what}");
        }
        for what in ["users.username", "users_username_key", "users_username_key_key_a", "users_email_key_key_102009"] {
            assert!(!clash(what), "{what}");
        }
    }
}
