//! Migrations of the fleet over HTTP: how far all tenants' databases are on their way to the newest schema, which were left
//! behind and why, and another try for those. The worker begins the first one by itself.

use chiliview_store::{
    Error, FleetMigrationId, Timestamp,
    audit::Event,
    fleet_migrations::{self as rows, FleetMigration},
    migrations::{Kind, newest},
    queue::{self, NewJob, Work},
    tenant_schemas::{self, TenantSchema},
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
    words::{FleetMigrationStatus, Order},
};

/// The resource.
pub struct FleetMigrations {
    app: App,
}

/// A migration of the fleet.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct FleetMigrationInfo {
    /// Its id.
    pub id: Uuid,
    /// The schema that every tenant's database is brought to.
    pub to_version: i64,
    /// Where it stands. `partial` when some databases were left behind.
    pub status: FleetMigrationStatus,
    /// How many tenants there are.
    pub total: i64,
    /// How many of their databases have the schema.
    pub done: i64,
    /// How many could not be brought to it.
    pub failed: i64,
    /// Why it did not end well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When a worker first began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it last came further.
    pub updated_at: DateTime<Utc>,
}

/// A tenant whose database could not be brought to the newest schema.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct FleetFailure {
    /// The tenant's id.
    pub tenant_id: Uuid,
    /// Its slug.
    pub tenant: String,
    /// The schema that its database was last known to have; 0 when that is not known.
    pub version: i64,
    /// Why.
    pub error: String,
    /// When it was tried last.
    pub checked_at: DateTime<Utc>,
}

#[OpenApi]
impl FleetMigrations {
    /// Try the tenants again that were left behind
    ///
    /// A worker migrates every database that is not known to have the newest schema, one after the other; those that have
    /// it are not touched.
    #[oai(path = "/fleet-migrations", method = "post", operation_id = "start_fleet_migration")]
    async fn start(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Accepted<FleetMigrationInfo>, Problem> {
        caller.require_operator()?;
        let once = Once::new(&caller, key.0, "start_fleet_migration", &())?;
        let app = &self.app;
        let (id, now): (FleetMigrationId, _) = (app.store().ids().next(), app.now());
        let job = NewJob::new(app.store().ids().next(), Work::MigrateFleet { migration: id });
        let first = app
            .central()
            .write(async |tx| {
                if let Some(first) = once.before(tx).await? {
                    return Ok(first);
                }
                rows::insert(tx, id, newest(Kind::Tenant), now).await.map_err(one_at_a_time)?;
                queue::enqueue(tx, &job).await?;
                app.audit(tx, &caller, Event::done("fleet_migration.start", "fleet_migration", id)).await?;
                let row = rows::find(tx, id).await?.ok_or_else(no_such)?;
                let first = First { location: format!("/api/fleet-migrations/{id}"), body: show(row) };
                once.remember(tx, &first, now).await?;
                Ok::<_, Problem>(first)
            })
            .await?;
        app.wake_worker();
        Ok(Accepted { location: first.location, body: first.body })
    }

    /// List migrations of the fleet, newest first
    #[oai(path = "/fleet-migrations", method = "get", operation_id = "list_fleet_migrations")]
    async fn list(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<FleetMigrationInfo>>, Problem> {
        caller.require_admin()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or(Order::Descending))?;
        let found = self.app.central().read(async |tx| rows::list(tx, &page).await).await?;
        Ok(Json(paging::list(found, &page, |row| (row.id.to_string(), row.id.to_string()), show)))
    }

    /// Read a migration of the fleet
    #[oai(path = "/fleet-migrations/:migration", method = "get", operation_id = "get_fleet_migration")]
    async fn get(&self, caller: Caller, migration: Path<Uuid>) -> Result<Json<FleetMigrationInfo>, Problem> {
        caller.require_admin()?;
        let found = self.app.central().read(async |tx| rows::find(tx, migration.0.into()).await).await?;
        found.map(|row| Json(show(row))).ok_or_else(no_such)
    }

    /// List the tenants that were left behind
    #[oai(path = "/fleet-failures", method = "get", operation_id = "list_fleet_failures")]
    async fn failures(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<FleetFailure>>, Problem> {
        caller.require_admin()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or_default())?;
        let found = self.app.central().read(async |tx| tenant_schemas::failures(tx, &page).await).await?;
        let key = |row: &TenantSchema| (row.tenant_id.to_string(), row.tenant_id.to_string());
        Ok(Json(paging::list(found, &page, key, show_failure)))
    }
}

impl FleetMigrations {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

fn no_such() -> Problem {
    Problem::not_found("fleet migration")
}

fn one_at_a_time(error: Error) -> Problem {
    match error {
        Error::Duplicate { .. } => Problem::conflict("migration_under_way", "a migration of the fleet is under way"),
        error => error.into(),
    }
}

pub(crate) fn show(row: FleetMigration) -> FleetMigrationInfo {
    FleetMigrationInfo {
        id: row.id.uuid(),
        to_version: row.to_version,
        status: row.status.into(),
        total: row.total,
        done: row.done,
        failed: row.failed,
        error: row.error,
        started_at: row.started_at.map(Timestamp::to_datetime),
        finished_at: row.finished_at.map(Timestamp::to_datetime),
        created_at: row.created_at.to_datetime(),
        updated_at: row.updated_at.to_datetime(),
    }
}

fn show_failure(row: TenantSchema) -> FleetFailure {
    FleetFailure {
        tenant_id: row.tenant_id.uuid(),
        tenant: row.slug,
        version: row.version,
        error: row.error.unwrap_or_default(),
        checked_at: row.checked_at.to_datetime(),
    }
}
