//! The fleet's way to a newer schema: begun once by whichever worker first knows that schema, then from tenant to tenant,
//! a few at once. A database that cannot be migrated is reported and left behind; the others are served meanwhile, and a
//! migration that was cut off goes on where it was.

use chiliview_notify::{Fact, Kind as Told, Notice};
use chiliview_store::{
    Error, FleetMigrationId, TenantId, Timestamp, Tx,
    audit::{self, Event},
    fleet_migrations::{self, FleetMigration, FleetMigrationStatus},
    migrations::{Kind, newest},
    queue::{self, NewJob},
    tenant_schemas,
};
use futures::{StreamExt as _, stream};

use crate::{
    context::Context,
    queue::{Attempt, Outcome, Work},
    reasons::later,
    tell::{self, About},
};

/// Tenants in one step. After each the progress is written down.
const PAGE: i64 = 20;
/// Databases that are migrated at once.
const AT_ONCE: usize = 4;
/// Of so many tenants each failure is told by itself; the rest are told of together at the end.
const TOLD: i64 = 10;

/// Begins the migration to this version's schema, unless it was ever begun; whether there is a new job.
pub(crate) async fn begin(context: &Context) -> Result<bool, Error> {
    let to = newest(Kind::Tenant);
    let central = context.store.central();
    if central.read(async |tx| fleet_migrations::is_known(tx, to).await).await? {
        return Ok(false);
    }
    let now = context.now();
    central
        .write(async |tx| {
            // Another process may have been quicker.
            if fleet_migrations::is_known(tx, to).await? {
                return Ok(false);
            }
            let id: FleetMigrationId = context.store.ids().next();
            fleet_migrations::insert(tx, id, to, now).await?;
            context.audit(tx, Event::done("fleet_migration.start", "fleet_migration", id)).await?;
            queue::enqueue(tx, &NewJob::new(context.store.ids().next(), Work::MigrateFleet { migration: id })).await
        })
        .await
}

/// Does the job.
pub(crate) async fn migrate(context: &Context, id: FleetMigrationId, attempt: &Attempt) -> Outcome {
    loop {
        match page(context, id, attempt).await {
            Ok(true) => {}
            Ok(false) => return Outcome::Done,
            Err(error) => return later(&error),
        }
    }
}

/// The last attempt failed: it says so, and somebody may begin another.
pub(crate) async fn give_up(context: &Context, id: FleetMigrationId, reason: &str) -> anyhow::Result<()> {
    let central = context.store.central();
    central.write(async |tx| end(context, tx, id, FleetMigrationStatus::Failed, Some(reason)).await).await?;
    Ok(())
}

/// The next tenants; whether there may be others.
async fn page(context: &Context, id: FleetMigrationId, attempt: &Attempt) -> Result<bool, Error> {
    // It only reads, but what tells whether the job is still ours locks its row.
    let next = context.write_for(attempt, async |tx| {
        let under_way = |row: &FleetMigration| row.finished_at.is_none();
        let Some(row) = fleet_migrations::find(tx, id).await?.filter(under_way) else { return Ok(None) };
        let tenants = tenant_schemas::behind(tx, row.to_version, row.reached, PAGE).await?;
        Ok::<_, Error>(Some((row, tenants)))
    });
    let Some((row, tenants)) = next.await?.flatten() else { return Ok(false) };
    if tenants.is_empty() {
        context.write_for(attempt, async |tx| conclude(context, tx, &row).await).await?;
        return Ok(false);
    }
    let last = tenants.last().map(|(id, _)| *id);
    let migrated = stream::iter(tenants).map(|tenant| migrate_one(context, tenant)).buffered(AT_ONCE);
    let migrated: Vec<_> = migrated.collect().await;
    fail::fail_point!("worker.fleet_page", |_| Err(Error::DiskFull));
    let reached = context.write_for(attempt, async |tx| {
        for one in &migrated {
            note(context, tx, &row, one).await?;
        }
        fleet_migrations::reach(tx, id, last, context.now()).await
    });
    Ok(reached.await? == Some(true))
}

/// One tenant, and how it went.
struct Migrated {
    tenant: TenantId,
    slug: String,
    error: Option<String>,
}

async fn migrate_one(context: &Context, (tenant, slug): (TenantId, String)) -> Migrated {
    fail::fail_point!("worker.fleet_tenant");
    let mut outcome = context.store.migrate_tenant_database(tenant).await;
    if outcome.is_err() {
        // Another process may have begun the same migration at the same instant: one of the two is refused.
        outcome = context.store.migrate_tenant_database(tenant).await;
    }
    Migrated { tenant, slug, error: outcome.err().map(|error| format!("failed to {error}")) }
}

/// Writes down how it went, and tells of a failure.
async fn note(context: &Context, tx: &mut Tx, row: &FleetMigration, one: &Migrated) -> Result<(), Error> {
    let now = context.now();
    let Some(error) = &one.error else {
        return tenant_schemas::reached(tx, one.tenant, row.to_version, now).await;
    };
    // Purged meanwhile: nobody misses it.
    if chiliview_store::tenants::find(tx, one.tenant).await?.is_none() {
        return Ok(());
    }
    tracing::error!(tenant = %one.tenant, migration = %row.id, error, "fleet_migration.tenant_failed");
    tenant_schemas::failed(tx, one.tenant, error, now).await?;
    let event = Event::done("fleet_migration.tenant_failed", "tenant", one.tenant);
    context.audit(tx, event.ending(audit::Outcome::Failed, error)).await?;
    if tenant_schemas::counts(tx).await?.1 > TOLD {
        return Ok(());
    }
    let notice = notice(row, now).subject(&one.slug).cause(error);
    let about = About {
        subject: format!("tenant:{}", one.tenant),
        tenant: Some(one.tenant),
        page: format!("tenants/{}", one.tenant),
    };
    tell::raise(context, tx, about, notice).await
}

fn notice(row: &FleetMigration, now: Timestamp) -> Notice {
    Notice::new(Told::FleetMigrationFailed, now.to_datetime()).fact(Fact::Schema, &row.to_version.to_string())
}

/// All were visited.
async fn conclude(context: &Context, tx: &mut Tx, row: &FleetMigration) -> Result<(), Error> {
    let now = context.now();
    fleet_migrations::reach(tx, row.id, None, now).await?;
    let (total, failed) = tenant_schemas::counts(tx).await?;
    let words = format!("{failed} of {total} tenants' databases could not be migrated");
    let (status, error) = match failed {
        0 => (FleetMigrationStatus::Done, None),
        all if all >= total => (FleetMigrationStatus::Failed, Some(&*words)),
        _ => (FleetMigrationStatus::Partial, Some(&*words)),
    };
    end(context, tx, row.id, status, error).await?;
    if failed > TOLD {
        let about = About {
            subject: format!("fleet_migration:{}", row.id),
            tenant: None,
            page: format!("fleet-migrations/{}", row.id),
        };
        let notice = notice(row, now).fact(Fact::Tenants, &failed.to_string()).cause(&words);
        tell::raise(context, tx, about, notice).await?;
    }
    Ok(())
}

async fn end(
    context: &Context,
    tx: &mut Tx,
    id: FleetMigrationId,
    status: FleetMigrationStatus,
    error: Option<&str>,
) -> Result<(), Error> {
    if !fleet_migrations::end(tx, id, status, error.map(str::to_owned), context.now()).await? {
        return Ok(());
    }
    tracing::info!(migration = %id, %status, error, "fleet_migration.ended");
    let event = match error {
        None => Event::done("fleet_migration.done", "fleet_migration", id),
        Some(error) => {
            Event::done("fleet_migration.failed", "fleet_migration", id).ending(audit::Outcome::Failed, error)
        }
    };
    context.audit(tx, event).await
}
