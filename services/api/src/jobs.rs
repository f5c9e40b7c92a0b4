//! Jobs over HTTP: what the worker has done, is doing and will do. For admins only; what people follow are backups.

use chiliview_store::{
    Timestamp,
    queue::{self, Filter, Job, JobId},
};
use chrono::{DateTime, Utc};
use poem_openapi::{Object, OpenApi, param::Query};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    caller::Caller,
    json::Json,
    paging::{self, List},
    problem::Problem,
    words::{JobStatus, Order},
};

/// The resource.
pub struct Jobs {
    app: App,
}

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct JobInfo {
    /// Its id.
    pub id: Uuid,
    /// What it does: `back_up`, `purge_tenant`, …
    pub kind: String,
    /// The row that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    /// Where it stands.
    pub status: JobStatus,
    /// How often it was begun, crashes included.
    pub attempts: u32,
    /// How often it is begun at the most.
    pub max_attempts: u32,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// Before this it does not run.
    pub run_at: DateTime<Utc>,
    /// When the last attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When the last attempt ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// The worker that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The trace that it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

#[OpenApi]
impl Jobs {
    /// List jobs, newest first
    #[oai(path = "/jobs", method = "get", operation_id = "list_jobs")]
    async fn list(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        status: Query<Option<JobStatus>>,
        /// Only of this kind.
        kind: Query<Option<String>>,
        /// Only for this row: a backup, a tenant.
        subject: Query<Option<Uuid>>,
    ) -> Result<Json<List<JobInfo>>, Problem> {
        caller.require_admin()?;
        let page = paging::page(limit.0, after.0.as_deref(), Order::Descending)?;
        let last = page.after.as_ref().map(|cursor| cursor.id.parse::<Uuid>()).transpose();
        let last = last.map_err(|_| paging::invalid_cursor())?;
        let kind = paging::text("kind", kind.0)?;
        let filter =
            Filter { status: status.0.map(Into::into), kind, subject: subject.0, after: last.map(JobId::from) };
        let rows = u32::try_from(page.limit).unwrap_or(u32::MAX);
        let jobs = self.app.central().read(async |tx| queue::list(tx, &filter, rows).await).await?;
        let key = |job: &Job| (job.id.uuid().to_string(), job.id.uuid().to_string());
        Ok(Json(paging::list(jobs, &page, key, show)))
    }
}

impl Jobs {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

fn show(job: Job) -> JobInfo {
    JobInfo {
        trace_id: job.carrier.trace_id().map(str::to_owned),
        id: job.id.uuid(),
        kind: job.kind,
        subject: job.subject,
        status: job.status.into(),
        attempts: job.attempts,
        max_attempts: job.max_attempts,
        created_at: job.created_at.to_datetime(),
        run_at: job.run_at.to_datetime(),
        started_at: job.started_at.map(Timestamp::to_datetime),
        ended_at: job.ended_at.map(Timestamp::to_datetime),
        worker: job.worker,
        error: job.reason,
    }
}
