//! What pieces take of this process' memory before they are on the shelf. Where it is short, pieces become shorter; who finds
//! none at all waits a moment.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::problem::Problem;

/// Sixteen pieces of the longest kind.
const BYTES: usize = 128 << 20;
/// So much is taken at once.
const UNIT: usize = 256 << 10;
const WAIT: Duration = Duration::from_secs(20);
const RETRY_SECONDS: u64 = 5;

/// The memory for all pieces that arrive at once. Cheap to clone.
#[derive(Clone)]
pub(super) struct Memory {
    room: Arc<Semaphore>,
    patience: Duration,
}

/// What one piece has of it, as long as this is there.
pub(super) struct Held {
    from: Arc<Semaphore>,
    taken: OwnedSemaphorePermit,
}

impl Default for Memory {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(BYTES / UNIT)), patience: WAIT }
    }
}

impl Memory {
    /// The first of a piece.
    pub(super) async fn take(&self) -> Result<Held, Problem> {
        let from = Arc::clone(&self.room);
        match timeout(self.patience, Arc::clone(&from).acquire_owned()).await {
            Ok(Ok(taken)) => Ok(Held { from, taken }),
            _ => {
                tracing::warn!("uploads.memory_full");
                let detail = "too many uploads arrive at once; go on where this one ends";
                Err(Problem::unavailable(RETRY_SECONDS).detail(detail))
            }
        }
    }
}

impl Held {
    /// How many bytes may be kept.
    pub(super) fn bytes(&self) -> usize {
        self.taken.num_permits() * UNIT
    }

    /// Takes more, when there is more; nobody waits who keeps something from others.
    pub(super) fn grow(&mut self) -> bool {
        let more = Arc::clone(&self.from).try_acquire_owned();
        more.map(|more| self.taken.merge(more)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_share_what_there_is_and_who_finds_nothing_is_asked_to_come_again() {
        let memory = Memory { patience: Duration::ZERO, ..Memory::default() };
        let mut greedy = memory.take().await.unwrap();
        while greedy.grow() {}
        assert_eq!(greedy.bytes(), BYTES);
        let refused = memory.take().await.err().unwrap();
        assert_eq!((refused.code(), refused.status_code().as_u16()), ("unavailable", 503));
        drop(greedy);
        let (mut one, other) = (memory.take().await.unwrap(), memory.take().await.unwrap());
        while one.grow() {}
        assert_eq!(one.bytes() + other.bytes(), BYTES);
    }
}
