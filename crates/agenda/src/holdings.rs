//! The backups of one database, the policies that they are under, and what is to go of them.
//!
//! What a schedule made is under that schedule's policy, or all of it under the tenant's own, when it has one. What people
//! asked for or brought stays until somebody deletes it. Whatever the policies say, the newest verified backup stays, and
//! each that one that stays says it is the same as.

mod fate;
mod outlook;

use std::collections::BTreeMap;

use chiliview_policy::{
    retention::{Policy, Reason},
    schedule::{Timing, Zone},
};
use chiliview_store::{
    Result, ScheduleId, TenantId, Timestamp, Tx,
    backups::{self, Held, Origin},
    schedules::{self, Schedule},
    tenant_retention,
    tenants::Tenant,
};
use serde_json::Value;

use crate::timing;

/// A policy over some of a database's backups.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What to keep.
    pub policy: Policy,
    /// On whose clock days and months are counted.
    pub zone: Zone,
    /// When it last became another.
    pub changed_at: Timestamp,
    /// What makes further backups; none while it is paused.
    pub timing: Option<Timing>,
}

/// Why a backup stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The policy says so, or no policy may say otherwise.
    Policy(Reason),
    /// Somebody asked for it or brought it, and somebody has to delete it.
    ByHand,
    /// Nothing says how long it is kept.
    NoPolicy,
    /// The policy was changed, and removes nothing before this instant.
    Grace(Timestamp),
    /// The restore before which it was made can be undone until this instant.
    Undo(Timestamp),
}

/// What becomes of one backup at the next pruning: it goes when there is no reason to keep it.
#[derive(Clone, Debug)]
pub struct Fate {
    /// The backup.
    pub held: Held,
    /// Why it stays.
    pub keep: Vec<Why>,
}

/// One database's.
#[derive(Clone, Debug)]
pub struct Holdings {
    rows: Vec<Held>,
    own: Option<Rule>,
    schedules: BTreeMap<ScheduleId, Rule>,
    zone: Zone,
}

/// Whose word counts for a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Governor {
    /// The tenant's own policy.
    Own,
    /// A schedule's.
    Schedule(ScheduleId),
    /// The window in which a restore can be undone.
    Undo,
    /// People's.
    People,
    /// Nobody's.
    Nobody,
}

impl Holdings {
    /// Reads a tenant's, or the central database's: the newest `limit` backups, and all policies over them.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn read(tx: &mut Tx, tenant: Option<&Tenant>, limit: i64) -> Result<Self> {
        let zone = tenant.and_then(|tenant| tenant.time_zone.parse().ok()).unwrap_or(Zone::UTC);
        let rows = backups::held(tx, tenant.map(|tenant| tenant.id), limit).await?;
        let own = match tenant {
            Some(tenant) => own(tx, tenant.id, zone).await?,
            None => None,
        };
        let mut schedules = BTreeMap::new();
        for id in rows.iter().filter_map(|row| row.schedule_id) {
            if !schedules.contains_key(&id)
                && let Some(rule) = of_schedule(tx, id).await?
            {
                schedules.insert(id, rule);
            }
        }
        Ok(Self { rows, own, schedules, zone })
    }

    /// As if this policy were set at `now`: a schedule's, or the database's own.
    pub fn suppose(&mut self, schedule: Option<&Schedule>, policy: Policy, now: Timestamp) {
        let rule = |zone, timing| Rule { policy, zone, changed_at: now, timing };
        let Some(schedule) = schedule else {
            self.own = Some(rule(self.zone, None));
            return;
        };
        let timing = timing(schedule).ok();
        let zone = timing.as_ref().map_or(self.zone, |timing| timing.zone);
        let timing = timing.filter(|_| schedule.paused_at.is_none());
        self.schedules.insert(schedule.id, rule(zone, timing));
    }

    /// The rules, the tenant's own first.
    pub fn rules(&self) -> impl Iterator<Item = (Option<ScheduleId>, &Rule)> {
        let own = self.own.iter().map(|rule| (None, rule));
        own.chain(self.schedules.iter().map(|(id, rule)| (Some(*id), rule)))
    }

    fn governor(&self, row: &Held) -> Governor {
        match (row.origin, row.schedule_id) {
            (Origin::Safety, _) => Governor::Undo,
            (Origin::Request | Origin::Import | Origin::Recovered, _) => Governor::People,
            (Origin::Schedule, _) if self.own.is_some() => Governor::Own,
            (Origin::Schedule, Some(id)) if self.schedules.contains_key(&id) => Governor::Schedule(id),
            (Origin::Schedule, _) => Governor::Nobody,
        }
    }

    fn rule(&self, governor: Governor) -> Option<&Rule> {
        match governor {
            Governor::Own => self.own.as_ref(),
            Governor::Schedule(id) => self.schedules.get(&id),
            Governor::Undo | Governor::People | Governor::Nobody => None,
        }
    }
}

async fn own(tx: &mut Tx, tenant: TenantId, zone: Zone) -> Result<Option<Rule>> {
    let Some(row) = tenant_retention::find(tx, tenant).await? else { return Ok(None) };
    let Some(json) = row.retention else { return Ok(None) };
    // Were it left out, the schedules' policies would decide, which keep less perhaps.
    let policy = policy(json.0, &tenant).unwrap_or(Policy { keep_last: Policy::MOST, ..Policy::default() });
    let changed_at = row.retention_changed_at.unwrap_or_default();
    Ok(Some(Rule { policy, zone, changed_at, timing: None }))
}

async fn of_schedule(tx: &mut Tx, id: ScheduleId) -> Result<Option<Rule>> {
    let Some(row) = schedules::find(tx, id).await? else { return Ok(None) };
    let timing = match timing(&row) {
        Ok(timing) => timing,
        Err(error) => {
            tracing::error!(schedule = %id, %error, "schedule.unreadable");
            return Ok(None);
        }
    };
    let (zone, changed_at) = (timing.zone, row.retention_changed_at);
    let timing = Some(timing).filter(|_| row.paused_at.is_none());
    let policy = row.retention.and_then(|json| policy(json.0, &id));
    Ok(policy.map(|policy| Rule { policy, zone, changed_at, timing }))
}

/// A policy that cannot be read, or that keeps nothing, is none: nothing goes by it.
fn policy(json: Value, whose: &impl std::fmt::Display) -> Option<Policy> {
    let read = serde_json::from_value::<Policy>(json).map_err(|error| error.to_string());
    let checked = read.and_then(|policy| policy.validate().map(|()| policy).map_err(|_| "it does not hold".to_owned()));
    checked.inspect_err(|error| tracing::error!(%whose, error, "retention.unreadable")).ok()
}
