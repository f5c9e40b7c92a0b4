//! How a worker learns at once that there is something to do, and whoever follows changes that there is one: from its own
//! process, or from the database.

use std::{sync::Arc, time::Duration};

use sqlx::SqliteConnection;
use tokio::sync::Notify;

use super::listen::Listening;
use crate::{
    error::Result,
    postgres::CHANGED,
    seam::Database,
    sqlite::{self, Missing},
};

/// What apalis' trigger notifies.
const JOBS: &str = "apalis::job::insert";

/// A bell at the worker's ear, for the code that commits jobs in the same process. Ringing it too often costs a look into
/// the queue; forgetting to costs the worker's interval.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// A bell that nobody hears yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes the worker. One that is busy looks again when it is not.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Waits for the bell; one ring is remembered.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}

/// Waits for changes that other processes commit.
#[derive(Debug)]
pub enum Changes {
    /// `PRAGMA data_version` differs once another connection has committed (<https://www.sqlite.org/pragma.html#pragma_data_version>).
    Sqlite {
        /// Its own, so that no change of its own hides another's.
        connection: SqliteConnection,
        /// The version that was seen last.
        seen: i64,
        /// How often to look.
        every: Duration,
    },
    /// `LISTEN`, on a connection of its own.
    Postgres(Listening),
}

impl Changes {
    /// Begins to watch for new jobs. On SQLite it looks `every` so often; 25 ms are about one hundredth of a core.
    pub async fn watch(central: &Database, every: Duration) -> Result<Self> {
        Self::on(central, every, JOBS).await
    }

    /// …for any commit in the central database.
    pub async fn watch_everything(central: &Database, every: Duration) -> Result<Self> {
        Self::on(central, every, CHANGED).await
    }

    async fn on(central: &Database, every: Duration, channel: &'static str) -> Result<Self> {
        match central {
            Database::Sqlite(file) => {
                let mut connection = sqlite::connect(file.path(), Missing::Refuse).await?;
                let seen = version(&mut connection).await?;
                Ok(Self::Sqlite { connection, seen, every })
            }
            Database::Postgres(schema) => Ok(Self::Postgres(Listening::begin(schema, channel))),
        }
    }

    /// Waits for the next change, or for the beginning of the watch. After an error, watch anew. It may be cancelled.
    pub async fn next(&mut self) -> Result<()> {
        match self {
            Self::Sqlite { connection, seen, every } => loop {
                tokio::time::sleep(*every).await;
                let now = version(connection).await?;
                if now != *seen {
                    *seen = now;
                    return Ok(());
                }
            },
            Self::Postgres(listening) => listening.next().await,
        }
    }
}

async fn version(connection: &mut SqliteConnection) -> Result<i64> {
    Ok(sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await?)
}
