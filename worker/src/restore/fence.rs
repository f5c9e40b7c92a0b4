//! What an attempt at a restore writes into a tenant's database, such as its lock: only while the job is its own. One who was
//! frozen and overtaken neither takes a lock away that the next one counts on, nor leaves one that nobody takes away.

use chiliview_store::{Database, Error, Tx};

use crate::{context::Context, queue::Attempt};

/// Nothing: the job is not this attempt's any more, and nothing was written.
pub(super) async fn write<T>(
    context: &Context,
    attempt: &Attempt,
    database: &Database,
    work: impl AsyncFnOnce(&mut Tx) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let central = context.store.central();
    database
        .write_past_lock(async |tx| {
            // Whoever is given the job after this look writes into the same database, and so only when this has ended.
            let held = match central {
                Database::Sqlite(_) => central.read(async |tx| attempt.holds(tx).await).await?,
                Database::Postgres(_) => attempt.holds(tx).await?,
            };
            if held { work(tx).await.map(Some) } else { Ok(None) }
        })
        .await
}
