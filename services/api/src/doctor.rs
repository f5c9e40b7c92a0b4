//! The doctor over HTTP: a round over the whole installation, made by the worker while everything goes on.

mod said;

use chiliview_store::{
    DoctorRunId, Timestamp, Tx,
    audit::Event,
    doctor_runs::{self as rows, DoctorRun, New},
    queue::{self, NewJob, Work},
};
use chrono::{DateTime, Utc};
use garde::Validate;
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub use self::said::{CheckWords, DoctorCheck, DoctorCode, DoctorParam, DoctorSentence};
use crate::{
    app::App,
    auth,
    caller::Caller,
    json::{Accepted, Json},
    paging::{self, List},
    problem::Problem,
    secret::Secret,
    words::{DoctorOutcome, DoctorStatus, Order},
};

/// A repair is not repeated blindly, and a look that a crash broke off is.
const MAX_ATTEMPTS: u32 = 2;

/// The resource.
pub struct Doctor {
    app: App,
}

/// A request for a round.
#[derive(Clone, Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct DoctorRequest {
    /// Mend what can be mended beside a running service. What is changed is copied first, into `repairs/` in the data
    /// directory. Only an owner may, with his password.
    #[serde(default)]
    #[oai(default)]
    repair: bool,
    /// The caller's own, once more; with `repair`.
    #[garde(inner(custom(auth::known_length)))]
    password: Option<Secret>,
}

/// A round of the doctor.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct DoctorRunInfo {
    /// Its id.
    pub id: Uuid,
    /// Where it stands.
    pub status: DoctorStatus,
    /// Whether it mends what it finds.
    pub repair: bool,
    /// What it found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<DoctorOutcome>,
    /// Each check, in the order in which they were made; in lists there are none.
    pub checks: Vec<CheckInfo>,
    /// Why it could not look at everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Who asked for it.
    pub requested_by: String,
    /// The trace that it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// When a worker began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// One check.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct CheckInfo {
    /// Which: a word that never changes.
    pub check: DoctorCheck,
    /// What was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `ok`, `warning`, `problem`, `repaired` or `unrepairable`.
    pub outcome: String,
    /// What was found, and what was done, in English.
    pub detail: String,
    /// What to do about it, in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// `target`, `detail` and `advice` as codes, for other languages; rounds of older versions have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<CheckWords>,
}

/// A line of a report, as it is kept.
#[derive(Deserialize)]
struct Kept {
    name: String,
    object: String,
    status: String,
    message: String,
    advice: Option<String>,
    said: Option<Value>,
}

#[OpenApi]
impl Doctor {
    /// Ask for a round of the doctor
    ///
    /// He looks at everything and changes nothing, unless with `repair`. Follow him by `GET /doctor/{id}` or `GET /events`.
    #[oai(path = "/doctor", method = "post", operation_id = "run_doctor")]
    async fn run(&self, caller: Caller, input: Json<DoctorRequest>) -> Result<Accepted<DoctorRunInfo>, Problem> {
        caller.require_operator()?;
        if input.repair {
            caller.require_owner()?;
            auth::reauthenticate_by(&self.app, &caller, input.password.as_ref(), "/password").await?;
        }
        let app = &self.app;
        let new = New {
            id: app.store().ids().next(),
            repair: input.repair,
            requested_by: caller.label(),
            trace_id: caller.origin.trace_id.clone(),
            at: app.now(),
        };
        let job = NewJob::new(app.store().ids().next(), Work::Examine { run: new.id });
        let job = NewJob { max_attempts: MAX_ATTEMPTS, ..job };
        let changes = serde_json::json!({ "repair": [null, new.repair] });
        let run = app
            .central()
            .write(async |tx| {
                if rows::under_way(tx).await?.is_some() {
                    return Err(Problem::conflict("doctor_under_way", "the doctor is on his round already"));
                }
                rows::insert(tx, &new).await?;
                queue::enqueue(tx, &job).await?;
                app.audit(tx, &caller, Event::done("doctor.run", "doctor_run", new.id).changing(changes)).await?;
                found(tx, new.id).await
            })
            .await?;
        app.wake_worker();
        Ok(Accepted { location: format!("/api/doctor/{}", run.id), body: show(run)? })
    }

    /// List the doctor's rounds, newest first
    #[oai(path = "/doctor", method = "get", operation_id = "list_doctor_runs")]
    async fn list(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<DoctorRunInfo>>, Problem> {
        caller.require_admin()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or(Order::Descending))?;
        let found = self.app.central().read(async |tx| rows::list(tx, &page).await).await?;
        let shown = found.into_iter().map(in_short).collect::<Result<Vec<_>, _>>()?;
        let key = |info: &DoctorRunInfo| (info.id.to_string(), info.id.to_string());
        Ok(Json(paging::list(shown, &page, key, |info| info)))
    }

    /// Read one round of the doctor
    #[oai(path = "/doctor/:run", method = "get", operation_id = "get_doctor_run")]
    async fn get(&self, caller: Caller, run: Path<Uuid>) -> Result<Json<DoctorRunInfo>, Problem> {
        caller.require_admin()?;
        Ok(Json(show(self.app.central().read(async |tx| found(tx, run.0.into()).await).await?)?))
    }
}

impl Doctor {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

async fn found(tx: &mut Tx, id: DoctorRunId) -> Result<DoctorRun, Problem> {
    rows::find(tx, id).await?.ok_or_else(|| Problem::not_found("run of the doctor"))
}

/// Without its checks.
pub(crate) fn in_short(mut run: DoctorRun) -> Result<DoctorRunInfo, Problem> {
    run.checks.0.clear();
    show(run)
}

fn show(run: DoctorRun) -> Result<DoctorRunInfo, Problem> {
    let checks = run.checks.0.into_iter().map(|line| serde_json::from_value(line).map(check));
    Ok(DoctorRunInfo {
        id: run.id.uuid(),
        status: run.status.into(),
        repair: run.repair != 0,
        outcome: run.outcome.map(Into::into),
        checks: checks.collect::<Result<_, _>>().map_err(Problem::internal)?,
        error: run.error,
        requested_by: run.requested_by,
        trace_id: run.trace_id,
        started_at: run.started_at.map(Timestamp::to_datetime),
        finished_at: run.finished_at.map(Timestamp::to_datetime),
        created_at: run.created_at.to_datetime(),
    })
}

fn check(line: Kept) -> CheckInfo {
    let Kept { name, object, status, message, advice, said } = line;
    CheckInfo {
        check: name.into(),
        target: Some(object).filter(|object| !object.is_empty()),
        outcome: status,
        detail: message,
        advice,
        said: said.and_then(said::known),
    }
}
