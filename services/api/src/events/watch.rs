//! Hears from the database that something was committed, by whichever process.

use std::time::Duration;

use chiliview_store::queue::Changes;
use tokio::time::Instant;

use crate::app::App;

/// On SQLite the database is asked for changes so often; on PostgreSQL it tells.
const ASK_EVERY: Duration = Duration::from_millis(25);
/// Where nobody can be told of changes (behind a pooler of transactions), it is tried again so often.
const WATCH_AGAIN: Duration = Duration::from_secs(30);

/// Waits for what any process commits.
#[derive(Default)]
pub(super) struct Watch {
    changes: Option<Changes>,
    again: Option<Instant>,
}

impl Watch {
    /// Never ends while nobody can tell.
    pub(super) async fn changed(&mut self, app: &App) {
        if self.changes.is_none() && self.again.is_none_or(|again| Instant::now() >= again) {
            self.again = Some(Instant::now() + WATCH_AGAIN);
            match Changes::watch_everything(app.central(), ASK_EVERY).await {
                Ok(changes) => self.changes = Some(changes),
                Err(error) => tracing::warn!(%error, "events.watch_failed"),
            }
        }
        let Some(changes) = &mut self.changes else { return std::future::pending().await };
        if let Err(error) = changes.next().await {
            tracing::warn!(%error, "events.watch_ended");
            self.changes = None;
        }
    }
}
