//! Runs of schedules over HTTP: make one at once, and look at those that were made.

use std::collections::{BTreeMap, HashMap};

use chiliview_agenda::{Firing, fire};
use chiliview_store::{
    RunId, Timestamp, Tx,
    audit::Event,
    schedule_runs::{self as rows, FiredBy as Stored, Run},
};
use chrono::{DateTime, Utc};
use poem_openapi::{
    Object, OpenApi,
    param::{Header, Path, Query},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    caller::Caller,
    json::{Accepted, Json},
    once::{First, Once},
    paging::{self, List},
    problem::Problem,
    schedules::{changeable, found},
    words::{FiredBy, Order, RunStatus},
};

/// The resource.
pub struct ScheduleRuns {
    app: App,
}

/// A run of a schedule.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RunInfo {
    /// Its id.
    pub id: Uuid,
    /// Whose run it is.
    pub schedule_id: Uuid,
    /// When it was due.
    pub due_at: DateTime<Utc>,
    /// What fired it.
    pub fired_by: FiredBy,
    /// Who asked for it.
    pub requested_by: String,
    /// How many earlier times it stands for, at which nothing ran.
    pub missed: i64,
    /// Where it stands.
    pub status: RunStatus,
    /// How many backups, or proofs, it asked for.
    pub total: i64,
    /// How many of its backups have each status.
    pub backups: BTreeMap<String, i64>,
    /// Why it is `partial` or `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When its last backup ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// When it was fired.
    pub created_at: DateTime<Utc>,
}

#[OpenApi]
impl ScheduleRuns {
    /// Run a schedule at once
    ///
    /// Beside its own times, and while it is paused too. Nothing is spread; what people ask for goes first still.
    #[oai(path = "/schedules/:schedule/run", method = "post", operation_id = "run_schedule")]
    async fn run(
        &self,
        caller: Caller,
        schedule: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Accepted<RunInfo>, Problem> {
        let once = Once::new(&caller, key.0, "run_schedule", &schedule.0)?;
        let app = &self.app;
        let now = app.now();
        let first = app
            .central()
            .write(async |tx| {
                let row = changeable(tx, &caller, schedule.0).await?;
                if let Some(first) = once.before(tx).await? {
                    return Ok::<_, Problem>(first);
                }
                let firing = Firing { due_at: now, by: Stored::Person, requested_by: caller.label(), missed: 0 };
                let Some(run) = fire(tx, app.store().ids(), &row, firing, now).await? else {
                    return Err(Problem::conflict("already_fired", "somebody has run it at this very instant"));
                };
                app.audit(tx, &caller, Event::done("schedule.run", "schedule", row.id)).await?;
                let run = rows::find(tx, run).await?.ok_or_else(|| Problem::not_found("run"))?;
                let location = format!("/api/schedules/{}/runs/{}", row.id, run.id);
                let first = First { location, body: show(tx, run).await? };
                once.remember(tx, &first, now).await?;
                Ok(first)
            })
            .await?;
        app.wake_worker();
        Ok(Accepted { location: first.location, body: first.body })
    }

    /// List a schedule's runs, newest first
    #[oai(path = "/schedules/:schedule/runs", method = "get", operation_id = "list_schedule_runs")]
    async fn list(
        &self,
        caller: Caller,
        schedule: Path<Uuid>,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<RunInfo>>, Problem> {
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or(Order::Descending))?;
        let shown = self.app.central().read(async |tx| {
            let row = found(tx, &caller, schedule.0).await?;
            let found = rows::list(tx, row.id, &page).await?;
            show_all(tx, found).await
        });
        let key = |info: &RunInfo| (info.id.to_string(), info.id.to_string());
        Ok(Json(paging::list(shown.await?, &page, key, |info| info)))
    }

    /// Read a run
    #[oai(path = "/schedules/:schedule/runs/:run", method = "get", operation_id = "get_schedule_run")]
    async fn get(&self, caller: Caller, schedule: Path<Uuid>, run: Path<Uuid>) -> Result<Json<RunInfo>, Problem> {
        let shown = self.app.central().read(async |tx| {
            let row = found(tx, &caller, schedule.0).await?;
            let run = rows::find(tx, run.0.into()).await?.filter(|run| run.schedule_id == row.id);
            show(tx, run.ok_or_else(|| Problem::not_found("run"))?).await
        });
        Ok(Json(shown.await?))
    }
}

impl ScheduleRuns {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

async fn show(tx: &mut Tx, run: Run) -> Result<RunInfo, Problem> {
    let tally = rows::tally(tx, run.id).await?;
    let backups = tally.into_iter().map(|(status, count)| (status.to_string(), count)).collect();
    Ok(show_tallied(run, backups))
}

/// Runs as clients see them, in their order.
pub(crate) async fn show_all(tx: &mut Tx, all: Vec<Run>) -> Result<Vec<RunInfo>, Problem> {
    let ids: Vec<RunId> = all.iter().map(|run| run.id).collect();
    let mut tallies: HashMap<RunId, BTreeMap<String, i64>> = HashMap::new();
    for (run, status, count) in rows::tallies(tx, &ids).await? {
        tallies.entry(run).or_default().insert(status.to_string(), count);
    }
    let shown = all.into_iter().map(|run| {
        let backups = tallies.remove(&run.id).unwrap_or_default();
        show_tallied(run, backups)
    });
    Ok(shown.collect())
}

fn show_tallied(run: Run, backups: BTreeMap<String, i64>) -> RunInfo {
    RunInfo {
        id: run.id.uuid(),
        schedule_id: run.schedule_id.uuid(),
        due_at: run.due_at.to_datetime(),
        fired_by: run.fired_by.into(),
        requested_by: run.requested_by,
        missed: run.missed,
        status: run.status.into(),
        total: run.total,
        backups,
        error: run.error,
        started_at: run.started_at.map(Timestamp::to_datetime),
        finished_at: run.finished_at.map(Timestamp::to_datetime),
        created_at: run.created_at.to_datetime(),
    }
}
