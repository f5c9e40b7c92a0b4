//! Live changes as server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>). They are read
//! from the rows and from the audit logs themselves, so what another process did is seen as well, and a client that
//! reconnects with `Last-Event-ID` misses nothing: at the worst it hears of something twice.

mod change;
mod follower;
mod hub;
mod position;
mod watch;

use http::header;
use poem::{IntoResponse, Request, Response};
use poem_openapi::{
    ApiResponse, OpenApi,
    param::Query,
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry},
};

pub(crate) use self::hub::Hub;
use self::{follower::Follower, position::Position};
use crate::{app::App, caller::Listener, edge::ShutdownSignal, problem::Problem};

const EVENT_STREAM: &str = "text/event-stream";

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
    /// Server-sent events, for each change that the caller may see. `backup`, `restore`, `doctor` and `fleet_migration` (both for
    /// admins) carry the object as its `GET` answers it, a round of the doctor without its checks. `changed` tells of every line of the audit log:
    /// `{action, object_kind, object_id?, outcome, at, actor_name, tenant_id?, tenant?}`; with `tenant`, and for that tenant's
    /// manager always, of those in the tenant's own log too. After a `reset` everything that is shown is to be read again. The
    /// stream ends with the session or key, and when its person may do something else than before. Following is no use of a
    /// session: it ends although a stream is open.
    #[oai(path = "/events", method = "get", operation_id = "follow_events")]
    async fn follow(
        &self,
        listener: Listener,
        request: &Request,
        /// Whose audit log is followed beside the platform's; by id or slug.
        tenant: Query<Option<String>>,
    ) -> Result<EventStream, Problem> {
        let Listener(caller) = listener;
        caller.require_manager_read()?;
        let app = &self.app;
        let tenant = match (&tenant.0, caller.own_tenant()) {
            (Some(reference), _) => Some(app.living_tenant(&caller, reference).await?.0),
            (None, own) => own.cloned(),
        };
        let seen = request.header("last-event-id").and_then(Position::parse);
        let shutdown = request.data::<ShutdownSignal>().map(|signal| signal.0.clone()).unwrap_or_default();
        let follower = Follower::start(app, caller, tenant, seen, shutdown).await?;
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
