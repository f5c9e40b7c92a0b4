//! Who works with a platform in PostgreSQL: every process holds an advisory lock, shared with the others, on a connection of its
//! own; who must be alone takes it for himself. It ends with the connection, hence with the process, however that ends.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::{sync::Mutex, task::AbortHandle};

use crate::{
    error::{Error, Result},
    patience::{ANSWER, STATEMENT, in_time},
    pooler,
};

const SHARED: &str = "SELECT pg_try_advisory_lock_shared(hashtextextended('chiliview presence', 3))";
const ALONE: &str = "SELECT pg_try_advisory_lock(hashtextextended('chiliview presence', 3))";
/// A move and a restore take longer than this; what is tried at a start-up is over sooner.
const PATIENCE: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_secs(2);
const BETWEEN: Duration = Duration::from_millis(50);
/// How often it is looked whether the connection still is one.
const EVERY: Duration = Duration::from_secs(10);

/// Held while a process works with the platform.
#[derive(Debug)]
pub struct Present {
    task: AbortHandle,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Held by the one process that works with the platform.
#[derive(Debug)]
pub struct Alone {
    connection: Mutex<PgConnection>,
}

impl Alone {
    /// To be asked last, before what only one may do is committed: a machine that stood still for a minute may have been taken for
    /// dead, and others are at work by now.
    ///
    /// # Errors
    /// [`Error::Unsafe`] when the server has ended it.
    pub(crate) async fn is_held(&self) -> Result<()> {
        // The lock is there for as long as the session is.
        in_time(ANSWER, self.connection.lock().await.ping()).await.map_err(|error| {
            Error::Unsafe(format!(
                "this process was alone with the platform, and the server has ended that meanwhile ({error}); nothing was changed, try again"
            ))
        })
    }
}

/// Joins the others. A server that restarts ends everybody's presence: it is taken up again as soon as it can be.
pub(crate) async fn join(options: PgConnectOptions) -> Result<Present> {
    pooler::refuse(&options).await?;
    let begun = tokio::time::Instant::now();
    let connection = loop {
        if let Some(connection) = taken(&options, SHARED).await? {
            break connection;
        }
        if begun.elapsed() > PATIENCE {
            let words =
                "the platform in this PostgreSQL database is just being moved or restored; wait until that is over";
            return Err(Error::Unsafe(words.to_owned()));
        }
        tokio::time::sleep(BETWEEN).await;
    };
    Ok(Present { task: tokio::spawn(stay(options, connection)).abort_handle() })
}

async fn stay(options: PgConnectOptions, mut connection: PgConnection) {
    loop {
        tokio::time::sleep(EVERY).await;
        if in_time(ANSWER, connection.ping()).await.is_ok() {
            continue;
        }
        match taken(&options, SHARED).await {
            Ok(Some(another)) => connection = another,
            Ok(None) => tracing::error!("presence.taken: another process works as if it were alone with the platform"),
            Err(error) => tracing::warn!(%error, "presence.lost"),
        }
    }
}

/// The platform for this process alone, or `None` while another works with it. The server needs a moment to notice that one has
/// just ended.
pub async fn alone(options: PgConnectOptions) -> Result<Option<Alone>> {
    pooler::refuse(&options).await?;
    let begun = tokio::time::Instant::now();
    loop {
        if let Some(connection) = taken(&options, ALONE).await? {
            return Ok(Some(Alone { connection: Mutex::new(connection) }));
        }
        if begun.elapsed() > MOMENT {
            return Ok(None);
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

async fn taken(options: &PgConnectOptions, lock: &'static str) -> Result<Option<PgConnection>> {
    let take = async {
        let mut connection = PgConnection::connect_with(options).await?;
        if sqlx::query_scalar::<_, bool>(lock).fetch_one(&mut connection).await? {
            return Ok(Some(connection));
        }
        connection.close().await?;
        Ok(None)
    };
    Ok(in_time(STATEMENT, take).await?)
}
