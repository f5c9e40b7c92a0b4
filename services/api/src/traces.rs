//! Traces as ChiliView keeps them itself: what happened between the request and the last fsync of a backup or a restore.

use std::collections::{BTreeMap, HashSet};

use chiliview_store::spans::{self as rows, Span};
use chrono::{DateTime, Utc};
use poem_openapi::{Object, OpenApi, param::Path};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{app::App, backups, caller::Caller, json::Json, problem::Problem, restores, words::SpanStatus};

/// The resource.
pub struct Traces {
    app: App,
}

/// A trace, or the part of one that is about one thing.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct TraceInfo {
    /// Its id: 32 hexadecimal digits, as in logs and problems.
    pub trace_id: String,
    /// Whether what it is about has ended and every span of it is here. Spans come when they end, a moment later.
    pub complete: bool,
    /// By when they began.
    pub spans: Vec<SpanInfo>,
}

/// One span: something that took its time.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SpanInfo {
    /// Its id: 16 hexadecimal digits.
    pub span_id: String,
    /// The span that it is a part of; that of a request may belong to the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<String>,
    /// `POST /api/backups/{}`, `job back_up`, `snapshot.read`, `store.commit` …
    pub name: String,
    /// `server` for a request, `internal` for everything inside.
    pub kind: String,
    /// The process: `serve-<pid>` or `worker-<pid>`.
    pub service: String,
    /// When it began, to the microsecond, by the clock of its machine.
    pub started_at: DateTime<Utc>,
    /// How long it took, in microseconds.
    pub duration_us: i64,
    /// How it ended.
    pub status: SpanStatus,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What else is known of it.
    pub attributes: BTreeMap<String, String>,
}

#[OpenApi]
impl Traces {
    /// Read a backup's trace
    ///
    /// From the request or the schedule that asked for it to the last fsync. It is kept for 14 days.
    #[oai(path = "/backups/:backup/trace", method = "get", operation_id = "get_backup_trace")]
    async fn of_backup(&self, caller: Caller, backup: Path<Uuid>) -> Result<Json<TraceInfo>, Problem> {
        let row = backups::find(&self.app, &caller, backup.0).await?;
        self.part(row.trace_id, backup.0, row.status.is_terminal()).await
    }

    /// Read a restore's trace
    ///
    /// From the request to the last fsync. It is kept for 14 days.
    #[oai(path = "/restores/:restore/trace", method = "get", operation_id = "get_restore_trace")]
    async fn of_restore(&self, caller: Caller, restore: Path<Uuid>) -> Result<Json<TraceInfo>, Problem> {
        let row = restores::find(&self.app, &caller, restore.0).await?;
        self.part(row.trace_id, restore.0, row.status.is_terminal()).await
    }

    /// Read a whole trace
    ///
    /// What `trace_id` of a problem, a job or a line of the audit log leads to, if it was worth keeping: requests that asked
    /// for work, and the jobs that did it.
    #[oai(path = "/traces/:trace", method = "get", operation_id = "get_trace")]
    async fn whole(&self, caller: Caller, trace: Path<String>) -> Result<Json<TraceInfo>, Problem> {
        caller.require_admin()?;
        let is_trace = trace.0.len() == 32 && trace.0.bytes().all(|byte| byte.is_ascii_hexdigit());
        let known = if is_trace { self.spans(&trace.0.to_ascii_lowercase(), None).await? } else { Vec::new() };
        if known.is_empty() {
            return Err(Problem::not_found("trace"));
        }
        let complete = missing(&known).is_none();
        Ok(Json(show(trace.0.to_ascii_lowercase(), complete, known)))
    }
}

impl Traces {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn part(&self, trace: Option<String>, subject: Uuid, ended: bool) -> Result<Json<TraceInfo>, Problem> {
        let trace = trace.ok_or_else(|| Problem::not_found("trace"))?;
        let spans = self.spans(&trace, Some(subject)).await?;
        let job_is_there = spans.iter().any(|span| span.subject.is_some() && span.attributes.0.contains_key("job.id"));
        let complete = ended && job_is_there && missing(&spans).is_none();
        Ok(Json(show(trace, complete, spans)))
    }

    async fn spans(&self, trace: &str, subject: Option<Uuid>) -> Result<Vec<Span>, Problem> {
        Ok(self.app.central().read(async |tx| rows::of_trace(tx, trace, subject).await).await?)
    }
}

/// A span that another one is a part of, and that is not here (yet). A request's is the client's, and a job's may be another
/// part of the trace.
fn missing(spans: &[Span]) -> Option<&str> {
    let ids: HashSet<_> = spans.iter().map(|span| span.span_id.as_str()).collect();
    let inner = spans.iter().filter(|span| span.kind != "server" && !span.attributes.0.contains_key("job.id"));
    inner.filter_map(|span| span.parent_id.as_deref()).find(|parent| !ids.contains(parent))
}

fn show(trace_id: String, complete: bool, spans: Vec<Span>) -> TraceInfo {
    let spans = spans.into_iter().map(|span| SpanInfo {
        span_id: span.span_id,
        parent_span_id: span.parent_id,
        name: span.name,
        kind: span.kind,
        service: span.service,
        started_at: span.started_at.to_datetime(),
        duration_us: span.micros,
        status: span.status.into(),
        error: span.error,
        attributes: span.attributes.0,
    });
    TraceInfo { trace_id, complete, spans: spans.collect() }
}
