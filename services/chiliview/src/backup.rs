//! `chiliview backup`: asks for backups through the database, as the API does, and follows them to their end.

mod wait;

use chiliview_agenda::order;
use chiliview_store::{
    BackupId, Store, TenantId,
    audit::{self, Actor, Event, Outcome},
    backups::{self, Backup, BackupStatus, Filter, New, Origin},
    paging::{Direction, Page},
    tenants::{self, Tenant},
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    cli::{Call, words},
    exit::{Exit, Failure},
    log, open, output,
};

const PAGE: i64 = 500;

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Back up a tenant, the central database, or everything, and wait until it is proven
    Create(Create),
    /// List backups, newest first
    List(List),
}

/// Flags of `backup create`.
#[derive(Args)]
pub(crate) struct Create {
    #[command(flatten)]
    what: What,
    /// Come back as soon as the backups are queued
    #[arg(long)]
    no_wait: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct What {
    /// One tenant, by slug or id
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// The central database
    #[arg(long)]
    central: bool,
    /// The central database and every tenant that is not in the trash
    #[arg(long)]
    all: bool,
}

/// Flags of `backup list`.
#[derive(Args)]
pub(crate) struct List {
    /// Only this tenant's, by slug or id
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Only with this status
    #[arg(long, value_parser = words(BackupStatus::ALL, BackupStatus::as_str))]
    status: Option<BackupStatus>,
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

/// Opens the installation and does it.
pub(crate) async fn run(call: Call, command: Command) -> Result<Exit, Failure> {
    let guard = log::command(&call.settings)?;
    let store = open::existing(&call.settings).await?;
    let done = match command {
        Command::Create(options) => create(&store, call.json, options).await,
        Command::List(options) => list(&store, call.json, options).await,
    };
    store.close().await;
    guard.shutdown();
    done
}

async fn create(store: &Store, json: bool, options: Create) -> Result<Exit, Failure> {
    let queued = enqueue(store, targets(store, &options.what).await?).await?;
    if !options.no_wait {
        wait::to_the_end(store, &queued, json).await?;
    }
    let rows = wait::read(store, &queued).await?;
    print(&rows, json)?;
    let failed = rows.iter().filter(|row| row.status.is_terminal() && row.status != BackupStatus::Verified).count();
    Ok(match failed {
        0 => Exit::Ok,
        some if some < rows.len() => Exit::Partial,
        _ => Exit::Failed,
    })
}

/// A tenant, or the central database.
type Target = Option<Tenant>;

async fn targets(store: &Store, what: &What) -> Result<Vec<Target>, Failure> {
    if let Some(reference) = &what.tenant {
        return Ok(vec![Some(tenant(store, reference).await?)]);
    }
    if what.all { everything(store).await } else { Ok(vec![None]) }
}

async fn everything(store: &Store) -> Result<Vec<Target>, Failure> {
    let mut targets: Vec<Target> = vec![None];
    let mut after = None;
    loop {
        let page = store.central().read(async |tx| tenants::to_back_up(tx, after, PAGE).await).await?;
        let Some(last) = page.last() else { return Ok(targets) };
        after = Some(last.id);
        targets.extend(page.into_iter().map(Some));
    }
}

/// The tenant that is meant, by slug or id, if it is not in the trash.
pub(crate) async fn tenant(store: &Store, reference: &str) -> Result<Tenant, Failure> {
    let found = store.central().read(async |tx| match reference.parse::<TenantId>() {
        Ok(id) => tenants::find(tx, id).await,
        Err(_) => tenants::find_by_slug(tx, reference).await,
    });
    match found.await? {
        Some(tenant) if tenant.deleted_at.is_none() => Ok(tenant),
        Some(_) => Err(Failure::failed(format!("use the tenant {reference:?}: it is in the trash"))),
        None => Err(Failure::failed(format!("find a tenant {reference:?}"))),
    }
}

/// All rows and jobs, or none.
async fn enqueue(store: &Store, targets: Vec<Target>) -> Result<Vec<BackupId>, Failure> {
    let (ids, now) = (store.ids(), store.clock().now());
    let actor = Actor::system("command line", None);
    let queued = store.central().write(async |tx| {
        let mut queued = Vec::with_capacity(targets.len());
        for tenant in targets {
            let id: BackupId = ids.next();
            let new = New {
                id,
                tenant: tenant.as_ref().map(|tenant| (tenant.id, tenant.slug.clone())),
                origin: Origin::Request,
                run: None,
                requested_by: "command line".to_owned(),
                trace_id: None,
                at: now,
            };
            audit::record(tx, ids.next(), now, &actor, Event::done("backup.create", "backup", id)).await?;
            if let Some(reason) = order(tx, ids, &new, tenant.as_ref(), |job| job).await? {
                let failed = Event::done("backup.failed", "backup", id).ending(Outcome::Failed, reason.words);
                audit::record(tx, ids.next(), now, &actor, failed).await?;
            }
            queued.push(id);
        }
        Ok::<_, chiliview_store::Error>(queued)
    });
    Ok(queued.await?)
}

async fn list(store: &Store, json: bool, options: List) -> Result<Exit, Failure> {
    let tenant = match &options.tenant {
        Some(reference) => Some(tenant(store, reference).await?.id),
        None => None,
    };
    let filter = Filter { tenant, status: options.status, ..Filter::default() };
    let page = Page { after: None, limit: options.limit, direction: Direction::Descending };
    let rows = store.central().read(async |tx| backups::list(tx, &filter, &page).await).await?;
    print(&rows, json)?;
    Ok(Exit::Ok)
}

fn print(rows: &[Backup], json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&json!({"items": rows.iter().map(show).collect::<Vec<_>>()}));
    }
    let cells = rows.iter().map(|row| {
        [
            row.id.to_string(),
            row.tenant_slug.clone().unwrap_or_else(|| "(central)".to_owned()),
            row.status.to_string(),
            output::bytes(row.stored_bytes),
            row.created_at.to_datetime().format("%Y-%m-%d %H:%M:%SZ").to_string(),
            row.error.clone().unwrap_or_default(),
        ]
    });
    output::table(["ID", "TENANT", "STATUS", "SIZE", "ASKED FOR", "ERROR"], &cells.collect::<Vec<_>>())
}

fn show(row: &Backup) -> Value {
    json!({
        "id": row.id, "scope": row.scope, "tenant_id": row.tenant_id, "tenant": row.tenant_slug,
        "status": row.status, "phase": row.phase, "bytes": row.stored_bytes, "plain_bytes": row.plain_bytes,
        "sha256": row.stored_sha256, "error": row.error, "requested_by": row.requested_by,
        "created_at": row.created_at, "verified_at": row.verified_at, "finished_at": row.finished_at,
    })
}
