//! `chiliview schedule`: looks at schedules, runs, pauses and resumes them, through the database as the API does.

use chiliview_agenda::{Firing, fire, next_after, timing};
use chiliview_policy::schedule::Language;
use chiliview_store::{
    ScheduleId, Store, Tx,
    audit::{self, Actor, Event},
    paging::{Cursor, Direction, Page},
    schedule_runs::{self, FiredBy, Run},
    schedules::{self, Filter, Schedule, ScheduleSort},
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    cli::Call,
    exit::{Exit, Failure},
    log, open, output,
};

const PAGE: i64 = 500;
const REQUESTED_BY: &str = "command line";

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List schedules: when they run, when next, and how the last run ended
    List,
    /// Run a schedule at once, beside its own times
    Run(Which),
    /// Stop a schedule from firing
    Pause(Which),
    /// Let a paused schedule fire again; what it missed is not made up for
    Resume(Which),
}

/// Which schedule.
#[derive(Args)]
pub(crate) struct Which {
    /// Its id, or its name
    schedule: String,
}

/// Opens the installation and does it.
pub(crate) async fn run(call: Call, command: Command) -> Result<Exit, Failure> {
    let guard = log::command(&call.settings)?;
    let store = open::existing(&call.settings).await?;
    let done = match command {
        Command::List => list(&store, call.json).await,
        Command::Run(which) => run_now(&store, call.json, &which.schedule).await,
        Command::Pause(which) => switch(&store, &which.schedule, true).await,
        Command::Resume(which) => switch(&store, &which.schedule, false).await,
    };
    store.close().await;
    guard.shutdown();
    done
}

async fn all(store: &Store) -> Result<Vec<(Schedule, Option<Run>)>, Failure> {
    let read = store.central().read(async |tx| {
        let mut rows: Vec<(Schedule, Option<Run>)> = Vec::new();
        loop {
            let after = rows.last().map(|(row, _)| Cursor { key: row.id.to_string(), id: row.id.to_string() });
            let page = Page { after, limit: PAGE, direction: Direction::Ascending };
            // The list is ordered by id, which is its key.
            let found = schedules::list(tx, &Filter::default(), ScheduleSort::Created, &page).await?;
            if found.is_empty() {
                return Ok::<_, chiliview_store::Error>(rows);
            }
            for row in found {
                let last = schedule_runs::last(tx, row.id).await?;
                rows.push((row, last));
            }
        }
    });
    Ok(read.await?)
}

/// By id or name; a name that several tenants use must be given as an id.
async fn find(store: &Store, reference: &str) -> Result<ScheduleId, Failure> {
    let name = reference.to_lowercase();
    let rows = all(store).await?.into_iter().map(|(row, _)| row);
    let found: Vec<_> = rows.filter(|row| row.id.to_string() == name || row.name.to_lowercase() == name).collect();
    match found.as_slice() {
        [row] => Ok(row.id),
        [] => Err(Failure::failed(format!("find a schedule {reference:?}"))),
        _ => Err(Failure::failed(format!("tell which schedule {reference:?} is meant: name it by its id"))),
    }
}

async fn list(store: &Store, json: bool) -> Result<Exit, Failure> {
    let rows = all(store).await?;
    if json {
        output::json(&json!({ "items": rows.iter().map(show).collect::<Vec<_>>() }))?;
        return Ok(Exit::Ok);
    }
    let cells = rows.iter().map(|(row, last)| {
        let next = row.next_at.filter(|_| row.paused_at.is_none());
        [
            row.id.to_string(),
            row.name.clone(),
            row.action.to_string(),
            row.tag.clone().or(row.tenant_id.map(|id| id.to_string())).unwrap_or_else(|| row.scope.to_string()),
            text(row),
            next.map_or_else(|| "-".to_owned(), |at| at.to_datetime().format("%Y-%m-%d %H:%M:%SZ").to_string()),
            last.as_ref().map_or_else(|| "-".to_owned(), |run| run.status.to_string()),
        ]
    });
    output::table(["ID", "NAME", "DOES", "COVERS", "WHEN", "NEXT", "LAST RUN"], &cells.collect::<Vec<_>>())?;
    Ok(Exit::Ok)
}

fn text(row: &Schedule) -> String {
    let words =
        timing(row).map_or_else(|error| format!("failed to {error}"), |timing| timing.describe(Language::English));
    if row.paused_at.is_some() { format!("paused; {words}") } else { words }
}

fn show((row, last): &(Schedule, Option<Run>)) -> Value {
    json!({
        "id": row.id, "name": row.name, "action": row.action, "scope": row.scope, "tenant_id": row.tenant_id,
        "tag": row.tag, "cron": row.cron, "time_zone": row.time_zone, "text": text(row), "retention": row.retention,
        "paused_at": row.paused_at, "next_at": row.next_at.filter(|_| row.paused_at.is_none()), "last_run": last,
    })
}

async fn run_now(store: &Store, json: bool, reference: &str) -> Result<Exit, Failure> {
    let id = find(store, reference).await?;
    let now = store.clock().now();
    let fired = store.central().write(async |tx| {
        let Some(row) = schedules::find(tx, id).await? else { return Ok(None) };
        let requested_by = REQUESTED_BY.to_owned();
        let firing = Firing { due_at: now, by: FiredBy::Person, requested_by, missed: 0 };
        let run = fire(tx, store.ids(), &row, firing, now).await?;
        record(store, tx, Event::done("schedule.run", "schedule", id)).await?;
        Ok::<_, chiliview_store::Error>(run)
    });
    let run = fired.await?.ok_or_else(|| Failure::failed("run the schedule: it was deleted or run at this instant"))?;
    if json {
        output::json(&json!({ "run": run }))?;
    } else {
        output::line(&run.to_string())?;
        eprintln!("queued; a worker makes the backups");
    }
    Ok(Exit::Ok)
}

async fn switch(store: &Store, reference: &str, pause: bool) -> Result<Exit, Failure> {
    let id = find(store, reference).await?;
    let now = store.clock().now();
    store
        .central()
        .write(async |tx| {
            let Some(row) = schedules::find(tx, id).await?.filter(|row| row.paused_at.is_some() != pause) else {
                return Ok(());
            };
            let next_at = timing(&row).ok().map(|timing| next_after(&timing, now));
            let after = if pause {
                Schedule { paused_at: Some(now), updated_at: now, ..row }
            } else {
                Schedule { paused_at: None, next_at, updated_at: now, ..row }
            };
            schedules::update(tx, &after).await?;
            let action = if pause { "schedule.pause" } else { "schedule.resume" };
            record(store, tx, Event::done(action, "schedule", id)).await
        })
        .await?;
    Ok(Exit::Ok)
}

async fn record(store: &Store, tx: &mut Tx, event: Event) -> Result<(), chiliview_store::Error> {
    let actor = Actor::system(REQUESTED_BY, None);
    audit::record(tx, store.ids().next(), store.clock().now(), &actor, event).await
}
