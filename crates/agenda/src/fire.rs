//! Firing a schedule: a run, and the job that queues what it covers. By the clock or by somebody.

use chiliview_store::{
    Ids, Result, RunId, Timestamp, Tx,
    queue::{self, NewJob, Work},
    schedule_runs::{self, FiredBy, New},
    schedules::Schedule,
};

/// Why a schedule fires.
#[derive(Clone, Debug)]
pub struct Firing {
    /// The instant that the run is for.
    pub due_at: Timestamp,
    /// What fires it.
    pub by: FiredBy,
    /// Who asked for it.
    pub requested_by: String,
    /// How many earlier ones it stands for.
    pub missed: u32,
}

/// Writes the run and its job; none when this firing has a run already.
///
/// # Errors
/// Whatever the store says.
pub async fn fire(tx: &mut Tx, ids: Ids, schedule: &Schedule, firing: Firing, now: Timestamp) -> Result<Option<RunId>> {
    let id: RunId = ids.next();
    let new = New {
        id,
        schedule: schedule.id,
        due_at: firing.due_at,
        fired_by: firing.by,
        requested_by: firing.requested_by,
        missed: i64::from(firing.missed),
        at: now,
    };
    if !schedule_runs::insert(tx, &new).await? {
        return Ok(None);
    }
    queue::enqueue(tx, &NewJob::new(ids.next(), Work::RunSchedule { run: id })).await?;
    Ok(Some(id))
}
