//! What every handler has at hand: the store, the shelf, the bound on password hashing, and how to wake the worker.

use std::{
    num::NonZeroU32,
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::{
    caller::{Caller, Pace},
    events::Hub,
    health::{Readiness, Room},
    installation::Description,
    passwords::Passwords,
    problem::Problem,
};
use chiliview_agenda::Keeping;
use chiliview_snapshot::Shelf;
use chiliview_store::{
    Database, Store, TenantId, Timestamp,
    audit::{Actor, Event},
    queue::Wake,
    tenants::{self, Tenant},
};

/// What an installation decides about sessions, trash and limits.
#[derive(Clone, Debug)]
pub struct Policy {
    /// A session that nobody used for so long is over.
    pub session_idle: Duration,
    /// A session is over after so long, used or not.
    pub session_absolute: Duration,
    /// How long a deleted tenant or backup can be brought back.
    pub trash: Duration,
    /// How long a download link opens what it is for.
    pub link: Duration,
    /// How long an uploaded file may be.
    pub longest_upload: u64,
    /// How often a tenant's people and programs may ask, all together, in each process.
    pub tenant_requests_per_minute: Option<NonZeroU32>,
    /// A backup is late when it was due so long ago and is not there.
    pub late_after: Duration,
    /// How long a restore can be undone.
    pub undo_window: Duration,
    /// Whether cookies are for https only (their names then begin with `__Host-`).
    pub secure_cookies: bool,
    /// Which addresses webhooks may be sent to.
    pub outbound: chiliview_notify::Policy,
    /// What the retention of backups goes by, beside the policies.
    pub keeping: Keeping,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            session_idle: Duration::from_secs(12 * 3600),
            session_absolute: Duration::from_secs(7 * 24 * 3600),
            trash: Duration::from_secs(30 * 24 * 3600),
            link: Duration::from_secs(5 * 60),
            longest_upload: 64 << 30,
            tenant_requests_per_minute: NonZeroU32::new(3000),
            late_after: Duration::from_secs(2 * 3600),
            undo_window: Duration::from_secs(7 * 24 * 3600),
            secure_cookies: false,
            outbound: chiliview_notify::Policy::default(),
            keeping: Keeping::default(),
        }
    }
}

/// Shared by all handlers. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    store: Store,
    shelf: Shelf,
    passwords: Passwords,
    pace: Pace,
    policy: Policy,
    wake: Wake,
    events: Hub,
    readiness: Readiness,
    room: Room,
    description: OnceLock<Description>,
}

impl App {
    /// `wake` is rung after a commit that enqueued a job.
    #[must_use]
    pub fn new(store: Store, shelf: Shelf, policy: Policy, wake: Wake) -> Self {
        Self(Arc::new(Inner {
            store,
            shelf,
            passwords: Passwords::new(),
            pace: Pace::new(policy.tenant_requests_per_minute),
            policy,
            wake,
            events: Hub::default(),
            readiness: Readiness::default(),
            room: Room::default(),
            description: OnceLock::new(),
        }))
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The central database.
    #[must_use]
    pub fn central(&self) -> &Database {
        self.0.store.central()
    }

    /// Where snapshots lie.
    #[must_use]
    pub fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    /// The hashing of passwords.
    #[must_use]
    pub fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// How often tenants asked.
    pub(crate) fn pace(&self) -> &Pace {
        &self.0.pace
    }

    /// The installation's decisions.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// Now, by the store's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.store.clock().now()
    }

    /// Where live changes come from.
    pub(crate) fn events(&self) -> &Hub {
        &self.0.events
    }

    /// The readiness probe.
    pub(crate) fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    /// The room on the shelf, as it was a moment ago.
    pub(crate) fn room(&self) -> &Room {
        &self.0.room
    }

    /// Hands on what the binary knows of itself; the first word counts.
    #[must_use]
    pub fn described(self, description: Description) -> Self {
        let _ = self.0.description.set(description);
        self
    }

    /// What the binary knows of itself.
    pub(crate) fn description(&self) -> &Description {
        self.0.description.get_or_init(Description::default)
    }

    /// Tells the worker in this process that there is work. Call it after the commit.
    pub fn wake_worker(&self) {
        self.0.wake.wake();
    }

    /// The tenant that `reference` (an id or a slug) names, if the caller may see it; everything foreign is a 404.
    pub async fn tenant(&self, caller: &Caller, reference: &str) -> Result<Tenant, Problem> {
        let found = self.central().read(async |tx| find_tenant(tx, reference).await).await?;
        found.filter(|tenant| caller.sees_tenant(tenant.id)).ok_or_else(|| Problem::not_found("tenant"))
    }

    /// To whose objects a list is confined: of the tenant that `reference` names, or of the caller's own. Everybody's are
    /// for those who have none.
    pub(crate) async fn confined(&self, caller: &Caller, reference: Option<&str>) -> Result<Option<TenantId>, Problem> {
        match reference {
            Some(reference) => Ok(Some(self.tenant(caller, reference).await?.id)),
            None => Ok(caller.own_tenant().map(|tenant| tenant.id)),
        }
    }

    /// As [`App::tenant`], with its database; one in the trash has none to offer.
    pub async fn living_tenant(&self, caller: &Caller, reference: &str) -> Result<(Tenant, Database), Problem> {
        let tenant = self.tenant(caller, reference).await?;
        if tenant.deleted_at.is_some() {
            return Err(Problem::conflict("tenant_deleted", "the tenant is in the trash; undelete it first"));
        }
        let database = self.0.store.tenant(tenant.id).await?;
        Ok((tenant, database))
    }

    /// Records an event of `caller` in the database that `tx` writes to.
    pub async fn audit(&self, tx: &mut chiliview_store::Tx, caller: &Caller, event: Event) -> Result<(), Problem> {
        self.audit_as(tx, &caller.actor(), event).await
    }

    /// Records an event of somebody who is no caller: a failed log-in, the platform itself.
    pub async fn audit_as(&self, tx: &mut chiliview_store::Tx, actor: &Actor, event: Event) -> Result<(), Problem> {
        let id = self.0.store.ids().next();
        Ok(chiliview_store::audit::record(tx, id, self.now(), actor, event).await?)
    }
}

/// By id or by slug.
pub(crate) async fn find_tenant(
    tx: &mut chiliview_store::Tx,
    reference: &str,
) -> Result<Option<Tenant>, chiliview_store::Error> {
    // PostgreSQL takes no NUL in a text.
    if reference.contains('\0') {
        return Ok(None);
    }
    match reference.parse::<TenantId>() {
        Ok(id) => tenants::find(tx, id).await,
        Err(_) => tenants::find_by_slug(tx, reference).await,
    }
}
