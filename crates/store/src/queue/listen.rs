//! What PostgreSQL tells those who `LISTEN`. It is heard in a task, so that whoever waits for it may stop waiting at any time; and
//! a line on which nothing is heard is tried: one that was cut off in silence never says so.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Executor as _,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::AbortHandle,
    time::timeout,
};

use crate::{
    error::{Error, Result},
    patience::{ANSWER, in_time, silent},
    postgres::Schema,
};

/// How long nothing is heard before the line is tried.
const QUIET: Duration = Duration::from_secs(10);

/// An ear at the server. Dropped, it hears no more.
#[derive(Debug)]
pub struct Listening {
    told: mpsc::Receiver<Result<()>>,
    task: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listening {
    /// The first thing that is told is the beginning, for what was committed before it.
    pub(super) fn begin(schema: &Schema, channel: &'static str) -> Self {
        let options = (*schema.pool().connect_options()).clone();
        // One stands for all that are told before anybody asks.
        let (tell, told) = mpsc::channel(1);
        let hear = async move {
            let Err(error) = hear(options, channel, &tell).await;
            // Nobody may be there any more.
            let _ = tell.send(Err(error)).await;
        };
        Self { told, task: tokio::spawn(hear).abort_handle() }
    }

    pub(super) async fn next(&mut self) -> Result<()> {
        self.told.recv().await.unwrap_or_else(|| Err(silent().into()))
    }
}

/// Until the line is cut: what is told meanwhile nobody hears.
async fn hear(
    options: PgConnectOptions,
    channel: &str,
    tell: &mpsc::Sender<Result<()>>,
) -> Result<std::convert::Infallible> {
    // The pool of the store does not count it: it is never given back.
    let alone = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&alone).await?;
    listener.eager_reconnect(false);
    in_time(ANSWER, listener.listen(channel)).await?;
    let again = format!("LISTEN \"{channel}\"");
    loop {
        if let Err(TrySendError::Closed(_)) = tell.try_send(Ok(())) {
            return Err(Error::Stopped);
        }
        while let Err(_quiet) = heard(&mut listener).await? {
            // Said again, it changes nothing; and whoever looks at the server's sessions sees what this one is there for.
            in_time(ANSWER, listener.execute(AssertSqlSafe(again.clone()))).await?;
        }
    }
}

async fn heard(listener: &mut PgListener) -> Result<Result<(), tokio::time::error::Elapsed>> {
    match timeout(QUIET, listener.try_recv()).await {
        Ok(told) => told?.map(|_| Ok(())).ok_or_else(|| silent().into()),
        Err(quiet) => Ok(Err(quiet)),
    }
}
