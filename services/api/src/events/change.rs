//! What changed: a row, or something that a line of an audit log tells of.

use std::sync::Arc;

use chiliview_store::{
    TenantId, Timestamp,
    audit::{Entry, Outcome},
    backups::Backup,
    doctor_runs::DoctorRun,
    fleet_migrations::FleetMigration,
    restores::Restore,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::{backups::sees, caller::Caller};

/// Something that changed.
#[derive(Clone)]
pub(super) enum Change {
    Backup(Box<Backup>),
    Restore(Box<Restore>),
    Doctor(Box<DoctorRun>),
    Fleet(Box<FleetMigration>),
    Line(Arc<Line>),
}

/// A line of an audit log.
pub(super) struct Line {
    pub(super) entry: Entry,
    pub(super) log: Log,
    /// Whom it concerns, when that is one tenant and known.
    pub(super) tenant: Option<(TenantId, String)>,
}

/// Which log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    Central,
    Tenant,
}

/// What is told of a line. The address, the reason and what became different are in the log, for whom it concerns.
#[derive(Serialize)]
struct Changed<'l> {
    action: &'l str,
    object_kind: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_id: Option<&'l str>,
    outcome: Outcome,
    at: DateTime<Utc>,
    actor_name: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<TenantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'l str>,
}

impl Change {
    /// When the row changed, and which it is; a line has its number instead.
    pub(super) fn row(&self) -> Option<(Timestamp, Uuid)> {
        match self {
            Self::Backup(row) => Some((row.updated_at, row.id.uuid())),
            Self::Restore(row) => Some((row.updated_at, row.id.uuid())),
            Self::Doctor(row) => Some((row.updated_at, row.id.uuid())),
            Self::Fleet(row) => Some((row.updated_at, row.id.uuid())),
            Self::Line(_) => None,
        }
    }

    /// Who follows a tenant's own log may see all of it.
    pub(super) fn is_for(&self, caller: &Caller) -> bool {
        let is_admin = caller.own_tenant().is_none();
        match self {
            Self::Backup(row) => sees(caller, row.tenant_id),
            Self::Restore(row) => sees(caller, Some(row.tenant_id)),
            Self::Doctor(_) | Self::Fleet(_) => is_admin,
            Self::Line(line) => {
                let concerns = line.tenant.as_ref().is_some_and(|(tenant, _)| caller.sees_tenant(*tenant));
                is_admin || line.log == Log::Tenant || concerns
            }
        }
    }

    /// Whether it may change what the caller may do.
    pub(super) fn is_about(&self, caller: &Caller) -> bool {
        let Self::Line(line) = self else { return false };
        let Some(object) = line.entry.object_id.as_deref().and_then(|id| id.parse::<Uuid>().ok()) else { return false };
        match line.entry.object_kind.as_str() {
            "session" | "api_key" => caller.credential.uuid() == object,
            "admin" | "user" => caller.identity.uuid() == object,
            "tenant" => caller.own_tenant().is_some_and(|tenant| tenant.id.uuid() == object),
            _ => false,
        }
    }

    /// The event's name, and its data.
    pub(super) fn told(self) -> (&'static str, Option<String>) {
        match self {
            Self::Backup(row) => ("backup", serde_json::to_string(&crate::backups::show(*row)).ok()),
            Self::Restore(row) => ("restore", serde_json::to_string(&crate::restores::show(*row)).ok()),
            Self::Doctor(row) => {
                let shown = crate::doctor::in_short(*row).ok();
                ("doctor", shown.and_then(|run| serde_json::to_string(&run).ok()))
            }
            Self::Fleet(row) => ("fleet_migration", serde_json::to_string(&crate::fleet_migrations::show(*row)).ok()),
            Self::Line(line) => ("changed", serde_json::to_string(&line.shown()).ok()),
        }
    }
}

impl Line {
    fn shown(&self) -> Changed<'_> {
        let entry = &self.entry;
        Changed {
            action: &entry.action,
            object_kind: &entry.object_kind,
            object_id: entry.object_id.as_deref(),
            outcome: entry.outcome,
            at: entry.at.to_datetime(),
            actor_name: &entry.actor_name,
            tenant_id: self.tenant.as_ref().map(|(id, _)| *id),
            tenant: self.tenant.as_ref().map(|(_, slug)| slug.as_str()),
        }
    }
}
