//! The connection that writers take turns at, and the batch that is open on it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use sqlx::{Connection as _, Executor, SqliteConnection};
use tokio::sync::watch;

use super::Outcome;
use crate::{
    error::{Error, Result},
    migrations::Kind,
    seam::Tx,
    sqlite::{self, Missing},
    write_lock,
};

/// One for each file.
pub(super) struct Slot {
    path: PathBuf,
    /// Whether the file has a write lock to look at.
    lockable: bool,
    pub(super) tx: Option<Tx>,
    pub(super) batch: Option<Batch>,
    pub(super) rested: Instant,
    closed: bool,
}

/// Those who share a COMMIT.
pub(super) struct Batch {
    pub(super) begun: Instant,
    pub(super) members: usize,
    /// Nobody looked at the write lock: nobody else may join.
    pub(super) past_lock: bool,
    pub(super) outcome: watch::Sender<Outcome>,
}

impl Slot {
    pub(super) fn new(path: &Path, kind: Kind, connection: SqliteConnection) -> Self {
        Self {
            path: path.to_owned(),
            lockable: kind == Kind::Tenant,
            tx: Some(Tx::SqliteWriter(connection, false)),
            batch: None,
            rested: Instant::now(),
            closed: false,
        }
    }

    /// For good.
    pub(super) async fn close(&mut self) -> Result<()> {
        self.closed = true;
        if let Some(Tx::SqliteWriter(connection, _)) = self.tx.take() {
            connection.close().await?;
        }
        Ok(())
    }

    /// Commits the open batch, and tells its members.
    pub(super) async fn commit(&mut self) {
        if self.batch.is_none() {
            return;
        }
        match self.run("COMMIT").await {
            Err(error) => drop(self.fail(error)),
            Ok(()) => {
                if let Some(batch) = self.batch.take() {
                    batch.outcome.send_replace(Some(Ok(())));
                }
            }
        }
    }

    /// Makes sure that there is a connection.
    pub(super) async fn open(&mut self) -> Result<()> {
        if self.closed {
            return Err(Error::Locked("closed"));
        }
        if self.tx.is_none() {
            self.tx = Some(Tx::SqliteWriter(sqlite::connect(&self.path, Missing::Refuse).await?, false));
        }
        Ok(())
    }

    /// Ends the transaction that was just begun when the database takes no writes. Looked at inside the transaction, the
    /// lock cannot come in between; once a batch, since whoever sets it meanwhile does so in a savepoint of this batch.
    pub(super) async fn refuse_locked(&mut self) -> Result<()> {
        let Some(tx) = self.tx.as_mut().filter(|_| self.lockable) else { return Ok(()) };
        let refusal = match write_lock::is_held(tx).await {
            Ok(false) => return Ok(()),
            Ok(true) => Error::Locked(write_lock::RESTORED),
            Err(error) => error,
        };
        if self.run("ROLLBACK").await.is_err() {
            self.tx = None;
        }
        Err(refusal)
    }

    pub(super) async fn run(&mut self, sql: &'static str) -> Result<()> {
        let Some(Tx::SqliteWriter(connection, _)) = &mut self.tx else { return Err(Error::Panicked) };
        connection.execute(sql).await?;
        Ok(())
    }

    /// Gives up the batch and the connection: SQLite has rolled back, or cannot say what it did (a full disk does both).
    pub(super) fn fail(&mut self, error: Error) -> Arc<Error> {
        let full = matches!(self.tx.take(), Some(Tx::SqliteWriter(_, true)));
        let error = if full { Error::DiskFull } else { error };
        tracing::error!(%error, path = %self.path.display(), "store.batch_failed");
        let error = Arc::new(error);
        if let Some(batch) = self.batch.take() {
            batch.outcome.send_replace(Some(Err(error.clone())));
        }
        error
    }

    pub(super) fn lost(&self) -> Error {
        Error::DatabaseUnusable { path: self.path.clone(), reason: "its transaction was rolled back".into() }
    }
}
