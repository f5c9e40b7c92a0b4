//! The doctor's round over the whole installation, as a job. What only a process that is alone may mend is named and left.

use std::sync::Arc;

use chiliview_doctor::{Credentials, Mode, Repair, Report, examine_apart};
use chiliview_snapshot::Location;
use chiliview_store::{
    DoctorRunId, Error,
    audit::{self, Event},
    doctor_runs::{self, DoctorOutcome},
};
use futures::{FutureExt as _, future::BoxFuture};
use secrecy::SecretString;
use serde_json::json;
use tracing::Instrument as _;

use crate::{
    context::Context,
    queue::{Attempt, Outcome},
    reasons,
};

/// Where the installation is that the doctor looks at.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The databases.
    pub settings: chiliview_store::Settings,
    /// Where the shelf is.
    pub shelf: Location,
}

/// A password is shown on a terminal, and kept by nobody: a job has nobody to show it to.
struct Nobody;

impl Credentials for Nobody {
    fn make(&self) -> BoxFuture<'_, Result<(SecretString, String), Repair>> {
        async { Err(Repair::NeedsTerminal) }.boxed()
    }
}

/// Does the job.
pub(crate) async fn run(context: &Context, id: DoctorRunId, attempt: &Attempt) -> Outcome {
    match examine(context, id, attempt).await {
        Ok(()) => Outcome::Done,
        Err(error) => Outcome::Retry { after: None, reason: reasons::of(&error) },
    }
}

/// The last attempt failed: the run says so.
pub(crate) async fn give_up(context: &Context, id: DoctorRunId, reason: &str) -> anyhow::Result<()> {
    let now = context.now();
    let ended = context.store.central().write(async |tx| {
        if doctor_runs::failed(tx, id, reason, now).await? {
            let event = Event::done("doctor.run_failed", "doctor_run", id).ending(audit::Outcome::Failed, reason);
            context.audit(tx, event).await?;
        }
        Ok::<_, Error>(())
    });
    Ok(ended.await?)
}

async fn examine(context: &Context, id: DoctorRunId, attempt: &Attempt) -> anyhow::Result<()> {
    let Some(installation) = context.config.installation.clone() else {
        anyhow::bail!("find the installation: this worker was not told where it is");
    };
    let (central, now) = (context.store.central(), context.now());
    let begun = central.write(async |tx| {
        let number = doctor_runs::start(tx, id, now).await?;
        Ok::<_, Error>((number, doctor_runs::find(tx, id).await?))
    });
    let (Some(number), Some(run)) = begun.await? else { return Ok(()) };
    let doctor = chiliview_doctor::Context {
        settings: installation.settings,
        shelf: installation.shelf,
        clock: context.store.clock().clone(),
        ids: context.store.ids(),
        credentials: Arc::new(Nobody),
    };
    let mode = if run.repair == 0 { Mode::Look } else { Mode::Repair };
    let span = tracing::info_span!("doctor.examine", repair = mode == Mode::Repair);
    let report = examine_apart(doctor, mode).instrument(span).await?;
    conclude(context, id, attempt, number, &report).await
}

async fn conclude(
    context: &Context,
    id: DoctorRunId,
    attempt: &Attempt,
    number: i64,
    report: &Report,
) -> anyhow::Result<()> {
    let outcome = outcome(report);
    let checks = report.checks.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
    let now = context.now();
    let done = context.write_for(attempt, async |tx| {
        if doctor_runs::done(tx, id, number, outcome, checks, now).await? {
            let changes = json!({ "outcome": [null, outcome] });
            context.audit(tx, Event::done("doctor.examined", "doctor_run", id).changing(changes)).await?;
        }
        Ok::<_, Error>(())
    });
    done.await?;
    Ok(())
}

fn outcome(report: &Report) -> DoctorOutcome {
    match report.summary {
        summary if summary.problems > 0 => DoctorOutcome::Problems,
        summary if summary.repaired > 0 => DoctorOutcome::Repaired,
        _ => DoctorOutcome::Ok,
    }
}
