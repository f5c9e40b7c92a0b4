//! One client's stream: what it missed, then what changes, for as long as it may see it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use chiliview_store::{Error, Timestamp, audit, tenants::Tenant};
use futures::{Stream, StreamExt as _, stream};
use tokio::{
    sync::broadcast,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    change::{Change, Log},
    hub::{self, OVERLAP, Source},
    position::Position,
};
use crate::{
    app::App,
    caller::{self, Caller},
    problem::Problem,
};

const HEARTBEAT: Duration = Duration::from_secs(10);
/// Of one kind. Who missed more reads everything again.
const MOST_MISSED: i64 = 1000;

pub(super) struct Follower {
    app: App,
    caller: Caller,
    sources: Sources,
    position: Position,
    /// When the caller is judged anew, whatever else happens meanwhile.
    pulse: Interval,
    shutdown: CancellationToken,
}

/// Where the follower hears of changes; first of those that the client missed.
struct Sources {
    missed: VecDeque<Told>,
    central: Source,
    tenant: Option<Source>,
}

enum Told {
    Change(Change),
    /// Too much was missed to tell it all.
    Reset,
}

impl Sources {
    /// Nothing more when the client is too slow: it reconnects, and catches up from its last event.
    async fn next(&mut self) -> Option<Told> {
        if let Some(told) = self.missed.pop_front() {
            return Some(told);
        }
        let received = tokio::select! {
            received = self.central.changes.recv() => received,
            received = of_tenant(&mut self.tenant) => received,
        };
        received.ok().map(Told::Change)
    }
}

impl Follower {
    /// Listens first and looks then: nothing falls in between.
    pub(super) async fn start(
        app: &App,
        caller: Caller,
        tenant: Option<Tenant>,
        seen: Option<Position>,
        shutdown: CancellationToken,
    ) -> Result<Self, Problem> {
        let central = app.events().central(app).await?;
        let source = match &tenant {
            Some(tenant) => Some(app.events().tenant(app, tenant).await?),
            None => None,
        };
        let now = present(app, tenant.as_ref()).await?;
        let (missed, position) = match seen {
            Some(seen) => missed(app, tenant.as_ref(), seen, now).await?,
            None => (VecDeque::new(), now),
        };
        let sources = Sources { missed, central, tenant: source };
        let mut pulse = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { app: app.clone(), caller, sources, position, pulse, shutdown })
    }

    /// Begins with a comment, so that the client sees at once that it is connected.
    pub(super) fn stream(self) -> impl Stream<Item = std::io::Result<String>> + Send + 'static {
        let first = stream::once(async { Ok(": connected\nretry: 1000\n\n".to_owned()) });
        first.chain(stream::unfold(self, Self::next).map(Ok))
    }

    async fn next(mut self) -> Option<(String, Self)> {
        loop {
            let told = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return None,
                _ = self.pulse.tick() => {
                    return self.is_allowed().await.then(|| (": still here\n\n".to_owned(), self));
                }
                told = self.sources.next() => told?,
            };
            if matches!(&told, Told::Change(change) if change.is_about(&self.caller)) && !self.is_allowed().await {
                return None;
            }
            if let Some(text) = self.tell(told) {
                return Some((text, self));
            }
        }
    }

    /// Whether the client may hear more. It comes back when it cannot be asked now.
    async fn is_allowed(&self) -> bool {
        caller::is_as_before(&self.app, &self.caller).await.unwrap_or(false)
    }

    fn tell(&mut self, told: Told) -> Option<String> {
        let Told::Change(change) = told else {
            return Some(format!("event: reset\nid: {}\ndata: {{}}\n\n", self.position));
        };
        if !self.advance(&change) || !change.is_for(&self.caller) {
            return None;
        }
        let (event, data) = change.told();
        Some(format!("event: {event}\nid: {}\ndata: {}\n\n", self.position, data?))
    }

    /// Whether the client has not heard of it.
    fn advance(&mut self, change: &Change) -> bool {
        if let Some((at, id)) = change.row() {
            (self.position.at, self.position.id) = (at, id);
            return true;
        }
        let Change::Line(line) = change else { return true };
        let number = line.entry.seq;
        match line.log {
            // A restore brings back a log that ends earlier.
            Log::Tenant => self.position.tenant = number,
            Log::Central if number <= self.position.central => return false,
            Log::Central => self.position.central = number,
        }
        true
    }
}

async fn of_tenant(source: &mut Option<Source>) -> Result<Change, broadcast::error::RecvError> {
    match source {
        Some(source) => source.changes.recv().await,
        None => std::future::pending().await,
    }
}

/// Behind everything that there is.
async fn present(app: &App, tenant: Option<&Tenant>) -> Result<Position, Error> {
    let central = app.central().read(audit::last_seq).await?;
    let of_tenant = match tenant {
        Some(tenant) => app.store().tenant(tenant.id).await?.read(audit::last_seq).await?,
        None => 0,
    };
    Ok(Position { at: app.now(), id: Uuid::nil(), central, tenant: of_tenant })
}

/// What came after `seen`, and from where the client goes on.
async fn missed(
    app: &App,
    tenant: Option<&Tenant>,
    seen: Position,
    now: Position,
) -> Result<(VecDeque<Told>, Position), Error> {
    let rows = hub::rows_since(app, seen.at.minus(OVERLAP), None, MOST_MISSED).await?;
    let mut lines = hub::central_lines(app, seen.central, MOST_MISSED).await?;
    let mut most = rows.len().max(lines.len());
    if let Some(tenant) = tenant {
        let database = app.store().tenant(tenant.id).await?;
        let (of_tenant, _) = hub::tenant_lines(&database, tenant, seen.tenant.min(now.tenant), MOST_MISSED).await?;
        most = most.max(of_tenant.len());
        lines.extend(of_tenant);
    }
    if i64::try_from(most).is_ok_and(|most| most >= MOST_MISSED) {
        return Ok((VecDeque::from([Told::Reset]), now));
    }
    let rows = rows.into_iter().filter(|row| is_news(row, seen));
    let lines = lines.into_iter().map(|line| Change::Line(Arc::new(line)));
    Ok((rows.chain(lines).map(Told::Change).collect(), seen))
}

/// The one that the client heard of last it need not hear of again.
fn is_news(row: &Change, seen: Position) -> bool {
    row.row().is_some_and(|(at, id): (Timestamp, Uuid)| (at, id) != (seen.at, seen.id))
}
