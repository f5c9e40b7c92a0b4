//! The audit logs over HTTP: the platform's for admins, a tenant's for admins and its manager. Reading only.

use std::collections::BTreeMap;

use chiliview_store::{
    Database,
    audit::{self as rows, ActorKind as StoredKind, Entry, Filter, Verification},
};
use chrono::{DateTime, Utc};
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    app::App,
    caller::Caller,
    json::Json,
    paging::{self, List},
    problem::{FieldError, Problem},
    users::guards,
    words::{ActorKind, Order, Outcome},
};

/// The resource.
pub struct Audit {
    app: App,
}

/// One line of an audit log.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct AuditEntry {
    /// 1, 2, 3 … without a gap.
    pub seq: i64,
    /// The line's id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: what kind.
    pub actor_kind: ActorKind,
    /// Who: the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<String>,
    /// Who: the name.
    pub actor_name: String,
    /// `noun.verb`.
    pub action: String,
    /// What kind of object.
    pub object_kind: String,
    /// Which one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What became different: `{"field": [before, after]}`.
    pub changes: BTreeMap<String, Value>,
    /// The client's address; an admin's is not shown to a tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The trace of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The SHA-256 of the line, the one before included, in hexadecimal.
    pub hash: String,
}

/// What a walk along an audit log found.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct AuditVerification {
    /// Whether every line is as it was written, and none is missing between.
    pub intact: bool,
    /// How many lines are.
    pub entries: i64,
    /// The first line that is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<i64>,
}

#[OpenApi]
impl Audit {
    /// The platform's audit log, newest first
    #[oai(path = "/audit", method = "get", operation_id = "list_audit")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn list(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        /// Only lines about this object.
        object_id: Query<Option<String>>,
        /// Only this action.
        action: Query<Option<String>>,
        /// Only lines of this actor.
        actor_id: Query<Option<String>>,
        /// Only lines of actors with this name.
        actor: Query<Option<String>>,
        /// Only about objects of this kind: `tenant`, `backup`, `session` …
        object_kind: Query<Option<String>>,
        outcome: Query<Option<Outcome>>,
        /// Only at or after this instant…
        since: Query<Option<DateTime<Utc>>>,
        /// …and before this one.
        until: Query<Option<DateTime<Utc>>>,
        /// Words in actor, action, object, reason, or what became different.
        q: Query<Option<String>>,
        /// Only lines older than the one with this number.
        before: Query<Option<i64>>,
    ) -> Result<Json<List<AuditEntry>>, Problem> {
        caller.require_admin()?;
        let filter = filter(Filter {
            object_id: object_id.0,
            action: action.0,
            actor_id: actor_id.0,
            actor_name: actor.0,
            object_kind: object_kind.0,
            outcome: outcome.0.map(Into::into),
            since: since.0.map(Into::into),
            until: until.0.map(Into::into),
            q: q.0,
            before: before.0,
        })?;
        page(&caller, self.app.central(), filter, limit.0, after.0).await
    }

    /// Check that nobody changed the platform's audit log
    #[oai(path = "/audit/verify", method = "get", operation_id = "verify_audit")]
    async fn verify(&self, caller: Caller) -> Result<Json<AuditVerification>, Problem> {
        caller.require_admin()?;
        walk(self.app.central()).await
    }

    /// A tenant's audit log, newest first
    #[oai(path = "/tenants/:tenant/audit", method = "get", operation_id = "list_tenant_audit")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn list_of_tenant(
        &self,
        caller: Caller,
        tenant: Path<String>,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        /// Only lines about this object.
        object_id: Query<Option<String>>,
        /// Only this action.
        action: Query<Option<String>>,
        /// Only lines of this actor.
        actor_id: Query<Option<String>>,
        /// Only lines of actors with this name.
        actor: Query<Option<String>>,
        /// Only about objects of this kind: `tenant`, `backup`, `session` …
        object_kind: Query<Option<String>>,
        outcome: Query<Option<Outcome>>,
        /// Only at or after this instant…
        since: Query<Option<DateTime<Utc>>>,
        /// …and before this one.
        until: Query<Option<DateTime<Utc>>>,
        /// Words in actor, action, object, reason, or what became different.
        q: Query<Option<String>>,
        /// Only lines older than the one with this number.
        before: Query<Option<i64>>,
    ) -> Result<Json<List<AuditEntry>>, Problem> {
        let (_, database) = guards::readable(&self.app, &caller, &tenant.0).await?;
        let filter = filter(Filter {
            object_id: object_id.0,
            action: action.0,
            actor_id: actor_id.0,
            actor_name: actor.0,
            object_kind: object_kind.0,
            outcome: outcome.0.map(Into::into),
            since: since.0.map(Into::into),
            until: until.0.map(Into::into),
            q: q.0,
            before: before.0,
        })?;
        page(&caller, &database, filter, limit.0, after.0).await
    }

    /// Check that nobody changed a tenant's audit log
    #[oai(path = "/tenants/:tenant/audit/verify", method = "get", operation_id = "verify_tenant_audit")]
    async fn verify_of_tenant(&self, caller: Caller, tenant: Path<String>) -> Result<Json<AuditVerification>, Problem> {
        let (_, database) = guards::readable(&self.app, &caller, &tenant.0).await?;
        walk(&database).await
    }
}

impl Audit {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

/// Refuses what PostgreSQL takes in no text.
fn filter(asked: Filter) -> Result<Filter, Problem> {
    let words = [
        ("object_id", &asked.object_id),
        ("action", &asked.action),
        ("actor_id", &asked.actor_id),
        ("actor", &asked.actor_name),
        ("object_kind", &asked.object_kind),
    ];
    for (name, word) in words {
        if word.as_ref().is_some_and(|word| word.contains('\0')) {
            let error = FieldError::new(format!("/query/{name}"), "invalid_value", "may not hold a NUL");
            return Err(Problem::invalid_parameter(error));
        }
    }
    Ok(Filter { q: paging::search(asked.q)?, ..asked })
}

async fn page(
    caller: &Caller,
    database: &Database,
    filter: Filter,
    limit: Option<u32>,
    after: Option<String>,
) -> Result<Json<List<AuditEntry>>, Problem> {
    let page = paging::page(limit, after.as_deref(), Order::Descending)?;
    // The log is its own order: a cursor is the number of a line.
    let behind = page.after.as_ref().map(|cursor| cursor.key.parse().map_err(|_| paging::invalid_cursor()));
    let before = filter.before.into_iter().chain(behind.transpose()?).min();
    let filter = Filter { before, ..filter };
    let rows = database.read(async |tx| rows::list(tx, &filter, page.limit).await).await?;
    let key = |row: &Entry| (row.seq.to_string(), row.id.to_string());
    Ok(Json(paging::list(rows, &page, key, |row| show(caller, row))))
}

async fn walk(database: &Database) -> Result<Json<AuditVerification>, Problem> {
    let Verification { entries, broken_at } = database.read(async |tx| rows::verify(tx).await).await?;
    Ok(Json(AuditVerification { intact: broken_at.is_none(), entries, broken_at }))
}

fn show(caller: &Caller, entry: Entry) -> AuditEntry {
    let hidden = caller.own_tenant().is_some() && entry.actor_kind == StoredKind::Admin;
    AuditEntry {
        seq: entry.seq,
        id: entry.id.uuid(),
        at: entry.at.to_datetime(),
        actor_kind: entry.actor_kind.into(),
        actor_id: entry.actor_id,
        actor_name: entry.actor_name,
        action: entry.action,
        object_kind: entry.object_kind,
        object_id: entry.object_id,
        outcome: entry.outcome.into(),
        reason: entry.reason,
        changes: serde_json::from_str(&entry.changes).unwrap_or_default(),
        address: entry.address.filter(|_| !hidden),
        trace_id: entry.trace_id,
        hash: entry.hash,
    }
}
