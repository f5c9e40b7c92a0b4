//! Looks for changed rows: when the database says that something was committed, by whichever process, and now and then anyway.

use std::{collections::HashMap, time::Duration};

use chiliview_store::{Timestamp, queue::Changes};
use tokio::{sync::broadcast, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Change, Position, since};
use crate::app::App;

/// Changes in the database call for a look; without a call there is one as often as this.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// On SQLite the database is asked for changes so often; on PostgreSQL it tells.
const ASK_EVERY: Duration = Duration::from_millis(25);
/// What is committed in quick succession is looked at together.
const GATHER: Duration = Duration::from_millis(20);
/// Where nobody can be told of changes (behind a pooler of transactions), it is tried again so often.
const WATCH_AGAIN: Duration = Duration::from_secs(30);
/// A change is stamped before it commits, so an earlier stamp can come into sight after a later one. Each look reaches back
/// so far, and what was told already is not told again.
const OVERLAP: Duration = Duration::from_secs(5);

pub(super) async fn look(app: App, changes: broadcast::Sender<Change>, from: Timestamp, stop: CancellationToken) {
    let mut told = HashMap::new();
    let mut newest = from;
    let mut watch = Watch::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = watch.changed(&app) => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let start = Position { at: from.max(newest.minus(OVERLAP)), id: None };
        match since(&app, start).await {
            Ok(rows) => {
                for change in rows {
                    let (at, id) = change.position();
                    newest = newest.max(at);
                    if told.insert(id, at) != Some(at) {
                        // Nobody is there any more: the next look stops.
                        let _ = changes.send(change);
                    }
                }
                told.retain(|_, at| *at >= newest.minus(OVERLAP));
            }
            Err(error) => tracing::warn!(%error, "events.look_failed"),
        }
    }
}

/// Waits for what any process commits.
#[derive(Default)]
struct Watch {
    changes: Option<Changes>,
    again: Option<Instant>,
}

impl Watch {
    /// Never ends while nobody can tell.
    async fn changed(&mut self, app: &App) {
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
