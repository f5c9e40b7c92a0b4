//! How many bytes of bodies are held in memory at once. Who sends when it is full waits a moment, and is refused then.

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    Limits,
    peers::{Part, Shared},
};
use crate::problem::Problem;

const RETRY_SECONDS: u64 = 5;

/// One for whose requests are known and one for all others: strangers never take it from people at work, and no stranger all of
/// it from the others.
#[derive(Debug, Clone)]
pub(super) struct Rooms {
    known: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    of_strangers: Shared,
    patience: Duration,
}

/// What one body takes, as long as this is there.
#[derive(Debug)]
pub(super) struct Held {
    room: Arc<Semaphore>,
    patience: Duration,
    part: Option<Part>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Rooms {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            known: Arc::new(Semaphore::new(limits.bodies_bytes)),
            strangers: Arc::new(Semaphore::new(limits.strangers_bodies_bytes)),
            of_strangers: Shared::new(limits.strangers_bodies_bytes / 4, &limits.proxies),
            patience: limits.body_room_wait,
        }
    }

    /// Nothing yet.
    pub(super) fn for_known(&self) -> Held {
        Held { room: Arc::clone(&self.known), patience: self.patience, part: None, taken: None }
    }

    /// Nothing yet.
    pub(super) fn for_stranger(&self, address: Option<IpAddr>) -> Held {
        let part = address.map(|address| self.of_strangers.part_of(address));
        Held { room: Arc::clone(&self.strangers), patience: self.patience, part, taken: None }
    }
}

impl Held {
    /// Takes `bytes` more.
    pub(super) async fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        if self.part.as_mut().is_some_and(|part| !part.grow(bytes)) {
            return Err(full());
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let more = timeout(self.patience, Arc::clone(&self.room).acquire_many_owned(bytes)).await;
        let Ok(Ok(more)) = more else { return Err(full()) };
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}

fn full() -> Problem {
    tracing::warn!("edge.bodies_full");
    Problem::unavailable(RETRY_SECONDS).detail("too much is being received at once; nothing was changed")
}
