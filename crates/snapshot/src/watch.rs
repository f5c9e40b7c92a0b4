//! How a caller follows long work and ends it.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// Reports are this far apart at least, in bytes; a slower pace is the reporter's own affair.
const STEP: u64 = 1 << 20;

/// What the work is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Reading the source, and packing it unless that comes next.
    Reading,
    /// Packing what was read row by row.
    Packing,
    /// Making the artefact durable and visible.
    Publishing,
    /// Reading the artefact back from the shelf.
    Unpacking,
    /// Checking the database that was unpacked.
    Checking,
}

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Bytes of the plain database that this phase is through with; of the artefact when it is not decrypted.
    pub done_bytes: u64,
    /// Bytes of the plain database, or of the artefact; 0 while nobody knows how many.
    pub total_bytes: u64,
}

/// A caller's hand on long work: it is told of progress, and can end it.
#[derive(Clone)]
pub struct Watch {
    /// Cancelled: the work ends with [`Error::Cancelled`] and leaves nothing behind.
    pub cancel: CancellationToken,
    /// Called on a working thread, at most once a MiB and at the edges of each phase; must return at once.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

impl Watch {
    /// Nobody looks, and nobody cancels.
    pub fn unobserved() -> Self {
        Self { cancel: CancellationToken::new(), progress: Arc::new(|_| ()) }
    }

    /// The same watch under a token that ends with this one, or earlier.
    pub(crate) fn child(&self) -> Self {
        Self { cancel: self.cancel.child_token(), progress: Arc::clone(&self.progress) }
    }

    /// # Errors
    /// [`Error::Cancelled`] once the token is.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.cancel.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Starts a phase over `total_bytes`.
    pub(crate) fn enter(&self, phase: Phase, total_bytes: u64) -> Meter {
        let meter = Meter { watch: self.clone(), at: Progress { phase, done_bytes: 0, total_bytes }, reported: 0 };
        (self.progress)(meter.at);
        meter
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("cancel", &self.cancel).finish_non_exhaustive()
    }
}

/// Counts the bytes of one phase and passes them on.
pub(crate) struct Meter {
    watch: Watch,
    at: Progress,
    reported: u64,
}

impl Meter {
    /// Counts `bytes` more.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the caller ended the work.
    pub(crate) fn advance(&mut self, bytes: usize) -> Result<(), Error> {
        self.watch.check()?;
        self.at.done_bytes += bytes as u64;
        if self.at.done_bytes - self.reported >= STEP || self.at.done_bytes == self.at.total_bytes {
            self.reported = self.at.done_bytes;
            (self.watch.progress)(self.at);
        }
        Ok(())
    }

    /// Ends the phase: everything is done.
    pub(crate) fn finish(mut self) {
        if self.reported < self.at.total_bytes {
            self.at.done_bytes = self.at.total_bytes;
            (self.watch.progress)(self.at);
        }
    }
}
