//! On PostgreSQL a schema's writers wait for each other by a lock of the server. Those of one process do so here first, before
//! they take a connection: or a few that wait for one tenant would have all of the pool, and nobody could even read.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
    time::Duration,
};

use sqlx::PgPool;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::error::{Error, Result};

/// As long as for a connection of the pool.
const PATIENCE: Duration = Duration::from_secs(30);
/// With more, those of schemas that nobody has a handle on are forgotten.
const MANY: usize = 1024;

static TURNS: LazyLock<Mutex<HashMap<String, Weak<Turn<()>>>>> = LazyLock::new(Mutex::default);

/// The turns of one schema, wherever in the process it is written to.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Turn<()>>);

impl Turns {
    pub(crate) fn of(pool: &PgPool, schema: &str) -> Self {
        let options = pool.connect_options();
        let (host, port, database) = (options.get_host(), options.get_port(), options.get_database());
        let key = format!("{host}:{port}/{}/{schema}", database.unwrap_or_default());
        let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = turns.get(&key).and_then(Weak::upgrade) {
            return Self(known);
        }
        if turns.len() >= MANY {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::new(Turn::new(()));
        turns.insert(key, Arc::downgrade(&turn));
        Self(turn)
    }

    /// Waits for it, in the order of arrival.
    pub(crate) async fn next(&self) -> Result<OwnedMutexGuard<()>> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.0).lock_owned()).await;
        turn.map_err(|_| Error::Busy(sqlx::Error::PoolTimedOut))
    }
}
