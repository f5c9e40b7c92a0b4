//! Live changes as server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>). They are read
//! from the rows themselves, so a worker in another process is seen as well, and a client that reconnects with
//! `Last-Event-ID` misses nothing.

mod look;

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    time::Duration,
};

use chiliview_store::{
    TenantId, Timestamp,
    backups::{self, Backup},
    restores::{self, Restore},
    sessions,
};
use futures::{Stream, stream};
use http::header;
use poem::{IntoResponse, Request, Response};
use poem_openapi::{
    ApiResponse, OpenApi,
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry},
};
use tokio::sync::{Mutex, broadcast};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{app::App, backups::sees, caller::Caller, edge::ShutdownSignal, problem::Problem};

const HEARTBEAT: Duration = Duration::from_secs(10);
const BEHIND: usize = 1024;
const ROWS_A_LOOK: i64 = 500;
const EVENT_STREAM: &str = "text/event-stream";

/// A row that changed.
#[derive(Clone)]
enum Change {
    Backup(Box<Backup>),
    Restore(Box<Restore>),
}

impl Change {
    fn position(&self) -> (Timestamp, Uuid) {
        match self {
            Self::Backup(row) => (row.updated_at, row.id.uuid()),
            Self::Restore(row) => (row.updated_at, row.id.uuid()),
        }
    }

    fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Backup(row) => row.tenant_id,
            Self::Restore(row) => Some(row.tenant_id),
        }
    }

    /// The event's name, and its data.
    fn told(self) -> (&'static str, serde_json::Result<String>) {
        match self {
            Self::Backup(row) => ("backup", serde_json::to_string(&crate::backups::show(*row))),
            Self::Restore(row) => ("restore", serde_json::to_string(&crate::restores::show(*row))),
        }
    }
}

/// Looks for changes while anybody listens, once for all of them.
#[derive(Default)]
pub(crate) struct Hub(Mutex<Weak<Listening>>);

struct Listening {
    changes: broadcast::Sender<Change>,
    stop: CancellationToken,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Hub {
    async fn listen(&self, app: &App) -> (Arc<Listening>, broadcast::Receiver<Change>) {
        let mut current = self.0.lock().await;
        if let Some(listening) = current.upgrade() {
            let receiver = listening.changes.subscribe();
            return (listening, receiver);
        }
        let (changes, receiver) = broadcast::channel(BEHIND);
        let listening = Arc::new(Listening { changes: changes.clone(), stop: CancellationToken::new() });
        *current = Arc::downgrade(&listening);
        tokio::spawn(look::look(app.clone(), changes, app.now(), listening.stop.clone()));
        (listening, receiver)
    }
}

/// All kinds of rows, in the order of their changes.
async fn since(app: &App, seen: Position) -> Result<Vec<Change>, chiliview_store::Error> {
    let (at, id) = (seen.at, seen.id);
    let (backups, restores) = app
        .central()
        .read(async |tx| {
            let backups = backups::changed_since(tx, at, id.map(Into::into), ROWS_A_LOOK).await?;
            let restores = restores::changed_since(tx, at, id.map(Into::into), ROWS_A_LOOK).await?;
            Ok::<_, chiliview_store::Error>((backups, restores))
        })
        .await?;
    let backups = backups.into_iter().map(|row| Change::Backup(Box::new(row)));
    let mut all: Vec<_> = backups.chain(restores.into_iter().map(|row| Change::Restore(Box::new(row)))).collect();
    all.sort_by_key(Change::position);
    all.truncate(usize::try_from(ROWS_A_LOOK).unwrap_or(usize::MAX));
    Ok(all)
}

/// Behind which change a client is: `<microseconds>-<id>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    at: Timestamp,
    id: Option<Uuid>,
}

impl Position {
    fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('-')?;
        Some(Self { at: Timestamp::from_micros(at.parse().ok()?), id: Some(id.parse().ok()?) })
    }
}

/// The resource.
pub struct Events {
    app: App,
}

/// A stream of events.
pub struct EventStream(Response);

#[OpenApi]
impl Events {
    /// Follow live changes
    ///
    /// Server-sent events: `backup`, whose data is a backup as `GET /backups/{id}` answers it, and `restore`, likewise, for
    /// each change of one that the caller may see. The stream ends with the session.
    #[oai(path = "/events", method = "get", operation_id = "follow_events")]
    async fn follow(&self, caller: Caller, request: &Request) -> Result<EventStream, Problem> {
        caller.require_manager_read()?;
        let (listening, receiver) = self.app.events().listen(&self.app).await;
        let missed = match request.header("last-event-id").and_then(Position::parse) {
            Some(seen) => since(&self.app, seen).await?,
            None => Vec::new(),
        };
        let shutdown = request.data::<ShutdownSignal>().map(|signal| signal.0.clone()).unwrap_or_default();
        let follower = Follower {
            app: self.app.clone(),
            caller,
            missed: missed.into(),
            receiver,
            shutdown,
            _listening: listening,
        };
        let response = Response::builder()
            .content_type(EVENT_STREAM)
            .header(header::CACHE_CONTROL, "no-store")
            .header("x-accel-buffering", "no")
            .body(poem::Body::from_bytes_stream(follower.stream()));
        Ok(EventStream(response))
    }
}

impl Events {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

struct Follower {
    app: App,
    caller: Caller,
    missed: VecDeque<Change>,
    receiver: broadcast::Receiver<Change>,
    shutdown: CancellationToken,
    _listening: Arc<Listening>,
}

impl Follower {
    /// Begins with a comment, so that the client sees at once that it is connected.
    fn stream(self) -> impl Stream<Item = std::io::Result<String>> + Send + 'static {
        let first = stream::once(async { Ok(": connected\nretry: 1000\n\n".to_owned()) });
        futures::StreamExt::chain(first, stream::try_unfold(self, Self::next))
    }

    async fn next(mut self) -> std::io::Result<Option<(String, Self)>> {
        loop {
            if let Some(row) = self.missed.pop_front() {
                if let Some(text) = self.tell(row) {
                    return Ok(Some((text, self)));
                }
                continue;
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return Ok(None),
                () = tokio::time::sleep(HEARTBEAT) => {
                    return Ok(self.is_still_allowed().await.then(|| (": still here\n\n".to_owned(), self)));
                }
                received = self.receiver.recv() => match received {
                    Ok(row) => self.missed.push_back(row),
                    // Too slow: the client reconnects, and catches up from its last event.
                    Err(_) => return Ok(None),
                },
            }
        }
    }

    fn tell(&self, change: Change) -> Option<String> {
        if !sees(&self.caller, change.tenant()) {
            return None;
        }
        let (at, id) = change.position();
        let (event, data) = change.told();
        Some(format!("event: {event}\nid: {}-{id}\ndata: {}\n\n", at.micros(), data.ok()?))
    }

    async fn is_still_allowed(&self) -> bool {
        let session = self.caller.session;
        let found = self.app.central().read(async |tx| sessions::find(tx, session).await).await;
        found.is_ok_and(|session| session.is_some())
    }
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for EventStream {
    fn meta() -> MetaResponses {
        let answer = MetaResponse {
            description: "The stream",
            status: Some(200),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: EVENT_STREAM,
                schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
            }],
            headers: vec![],
        };
        MetaResponses { responses: vec![answer] }
    }

    fn register(_registry: &mut Registry) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_and_nonsense_is_none() {
        let id = "018f2f5e-7b1a-7000-8000-000000000000";
        let position = Position::parse(&format!("1795000000123456-{id}")).unwrap();
        assert_eq!(position.at.micros(), 1_795_000_000_123_456);
        assert_eq!(position.id.unwrap().to_string(), id);
        assert_eq!(Position::parse("x"), None);
        assert_eq!(Position::parse("1-2"), None);
    }
}
