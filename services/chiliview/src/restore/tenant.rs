//! A tenant's restore by hand: planned and ordered as over HTTP, done by a worker, followed to its end.

use chiliview_api::{
    app::App,
    fields,
    restores::{self as api, By, Draft, RestorePlan, RestoreRequest},
};
use chiliview_store::{
    RestoreId, Store,
    audit::Actor,
    backups::{self, Backup, BackupStatus, Filter, Origin},
    paging::{Direction, Page},
    queue::Wake,
    restores::{self, Restore, RestoreStatus},
    tenants::Tenant,
};
use clap::Args;
use serde_json::json;

use super::{
    nobody_to_ask,
    screen::{ask, somebody_is_there},
};
use crate::{
    backup,
    cli::Call,
    exit::{Exit, Failure},
    follow, log, open, output, serve,
};

const BY: &str = "command line";
const LOOKED_AT: i64 = 100;

/// Flags that go with a tenant only.
#[derive(Args)]
pub(super) struct Choices {
    /// Make a new tenant of it, with this slug, and leave TENANT as it is
    #[arg(long = "as", value_name = "SLUG", requires = "tenant")]
    slug: Option<String>,
    /// The new tenant's name; its slug without
    #[arg(long, value_name = "NAME", requires = "slug", value_parser = name)]
    name: Option<String>,
    /// Replace the present database even if it cannot be backed up, and without trying
    #[arg(long, requires = "tenant", conflicts_with = "slug")]
    without_safety_backup: bool,
    /// Come back as soon as the restore is queued
    #[arg(long, requires = "tenant")]
    no_wait: bool,
}

fn name(text: &str) -> Result<String, String> {
    if text.chars().count() > 200 {
        return Err("it has more than 200 characters".to_owned());
    }
    fields::line(text, &()).map(|()| text.to_owned()).map_err(|error| error.message().to_owned())
}

/// Opens the installation and does it.
pub(super) async fn run(call: Call, tenant: &str, options: super::Options) -> Result<Exit, Failure> {
    let guard = log::command(&call.settings)?;
    let store = open::existing(&call.settings).await?;
    let done = restore(&call, &store, tenant, options).await;
    store.close().await;
    guard.shutdown();
    done
}

async fn restore(call: &Call, store: &Store, tenant: &str, options: super::Options) -> Result<Exit, Failure> {
    let shelf = open::shelf(&call.settings, store).await?;
    let app = App::new(store.clone(), shelf, serve::policy(&call.settings), Wake::new());
    let backup = source(store, tenant, &options).await?;
    let request = match options.tenant.slug {
        Some(slug) => RestoreRequest::new_tenant(slug, options.tenant.name),
        None => RestoreRequest::same(options.tenant.without_safety_backup),
    };
    let draft = Draft::plan(&app, request, backup).await.map_err(|problem| refused(tenant, &problem))?;
    if !call.json {
        show(draft.as_plan())?;
    }
    if options.dry_run {
        return tell_plan(draft.as_plan(), call.json);
    }
    draft.require_room().map_err(|problem| refused(tenant, &problem))?;
    confirm(draft.as_plan(), options.yes, call.json)?;
    let id = commit(&app, &draft).await.map_err(|problem| refused(tenant, &problem))?;
    if !options.tenant.no_wait {
        follow_to_the_end(store, id, call.json).await?;
    }
    conclude(find(store, id).await?, call.json)
}

/// The backup that was named, which must be the tenant's, or the newest that proves to hold it.
async fn source(store: &Store, tenant: &str, options: &super::Options) -> Result<Backup, Failure> {
    let Some(id) = options.backup else { return newest(store, tenant).await };
    let found = store.central().read(async |tx| backups::find(tx, id).await).await?;
    // Its tenant may be gone for good: what the backup says of it is what there is.
    let is_meant = |row: &Backup| {
        let id = row.tenant_id.map(|id| id.to_string());
        [row.tenant_slug.as_deref(), id.as_deref()].contains(&Some(tenant))
    };
    match found {
        Some(row) if is_meant(&row) => Ok(row),
        Some(_) => Err(Failure::failed(format!("restore {tenant}: the backup {id} is not of it"))),
        None => Err(Failure::failed(format!("find a backup {id}"))),
    }
}

/// What an earlier restore saved before it replaced it is not meant, or a second restore would undo the first.
async fn newest(store: &Store, tenant: &str) -> Result<Backup, Failure> {
    let Tenant { id, slug, .. } = backup::tenant(store, tenant).await?;
    let filter = Filter { tenant: Some(id), status: Some(BackupStatus::Verified), ..Filter::default() };
    let page = Page { after: None, limit: LOOKED_AT, direction: Direction::Descending };
    let rows = store.central().read(async |tx| backups::list(tx, &filter, &page).await).await?;
    let newest = rows.into_iter().find(|row| row.origin != Origin::Safety);
    newest.ok_or_else(|| Failure::failed(format!("find a verified backup of {slug}; one can be named with --backup")))
}

fn refused(tenant: &str, problem: &chiliview_api::problem::Problem) -> Failure {
    let fields = problem.field_errors().iter().map(|error| format!("{} {}", error.pointer, error.detail));
    let fields = fields.collect::<Vec<_>>().join("; ");
    let why = if fields.is_empty() { problem.to_string() } else { fields };
    Failure::failed(format!("restore {tenant}: {why}"))
}

fn show(plan: &RestorePlan) -> Result<(), Failure> {
    let size = |bytes: u64| output::bytes(i64::try_from(bytes).ok());
    output::line(&format!("Restore of {} from backup {}", plan.tenant, plan.backup_id))?;
    output::line(&format!(
        "  comes back  everything committed before {}, {}",
        plan.taken_at,
        output::bytes(Some(plan.bytes))
    ))?;
    match plan.replaces {
        Some(replaced) => {
            output::line(&format!("  replaces    {} with {} users", size(replaced.bytes), replaced.users))?
        }
        None => output::line("  replaces    nothing that can be read")?,
    }
    if plan.migrates {
        output::line(&format!("  migrates    schema {} to {}", plan.schema_from, plan.schema_to))?;
    }
    output::line(&format!("  ends        {} sessions of its users", plan.sessions_ended))?;
    output::line(&format!("  room        {} of {}", size(plan.room_needed), size(plan.room_free)))?;
    if let Some(seconds) = plan.undo_seconds {
        output::line(&format!("  undo        for {} days", seconds / (24 * 3600)))?;
    }
    plan.warnings.iter().try_for_each(|warning| output::line(&format!("  warning     {warning}")))
}

fn tell_plan(plan: &RestorePlan, json: bool) -> Result<Exit, Failure> {
    if json {
        output::json(&json!({ "dry_run": true, "plan": plan }))?;
    } else {
        output::line("a dry run, nothing was changed")?;
    }
    Ok(Exit::Ok)
}

/// What is replaced is confirmed by its slug; a new tenant takes nothing away.
fn confirm(plan: &RestorePlan, yes: bool, json: bool) -> Result<(), Failure> {
    if yes || plan.undo_seconds.is_none() {
        return Ok(());
    }
    if !somebody_is_there(json) {
        return Err(nobody_to_ask(&plan.tenant));
    }
    let typed = ask(&format!("Type {} to replace its database:", plan.tenant))?;
    if typed == plan.tenant {
        Ok(())
    } else {
        Err(Failure::failed("restore: it was not confirmed, nothing was changed"))
    }
}

async fn commit(app: &App, draft: &Draft) -> Result<RestoreId, chiliview_api::problem::Problem> {
    let by = By { actor: Actor::system(BY, None), label: BY.to_owned(), trace_id: None };
    let ordered = app.central().write(async |tx| draft.commit(app, tx, &by).await).await?;
    Ok(ordered.0.id)
}

async fn find(store: &Store, id: RestoreId) -> Result<Restore, Failure> {
    let row = store.central().read(async |tx| restores::find(tx, id).await).await?;
    row.ok_or_else(|| Failure::failed(format!("find the restore {id}")))
}

async fn follow_to_the_end(store: &Store, id: RestoreId, json: bool) -> Result<(), Failure> {
    let bar = follow::bar("{msg:24} [{bar:30}] {bytes}/{total_bytes}", json);
    follow::warn_without_worker(store, &bar).await?;
    loop {
        let row = find(store, id).await?;
        follow::draw(&bar, &row.phase, row.done_bytes, row.total_bytes);
        if row.status.is_terminal() {
            bar.finish_and_clear();
            return Ok(());
        }
        tokio::time::sleep(follow::EVERY).await;
    }
}

fn conclude(row: Restore, json: bool) -> Result<Exit, Failure> {
    let (id, status, tenant) = (row.id, row.status, row.tenant_slug.clone());
    let (undo_until, error) = (row.undo_until, row.error.clone().unwrap_or_default());
    if json {
        output::json(&api::show(row))?;
    } else {
        let undo = undo_until
            .map(|until| format!("; it can be undone until {}", until.to_datetime().format("%Y-%m-%d %H:%MZ")));
        match status {
            RestoreStatus::Done => output::line(&format!("restored {tenant}{}", undo.unwrap_or_default()))?,
            RestoreStatus::Queued | RestoreStatus::Running => output::line(&format!("queued {id}"))?,
            _ => eprintln!("the restore of {tenant} is {status}: {error}; its database is what it was"),
        }
    }
    let ended_well = matches!(status, RestoreStatus::Done | RestoreStatus::Queued | RestoreStatus::Running);
    Ok(if ended_well { Exit::Ok } else { Exit::Failed })
}
