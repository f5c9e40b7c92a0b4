//! What a schedule may say, and by whom.

use chiliview_agenda::next_after;
use chiliview_policy::schedule::{Timing, Zone};
use chiliview_store::{
    ScheduleId, TenantId, Timestamp, Tx,
    json_text::JsonText,
    schedules::{self as rows, Schedule, ScheduleAction, ScheduleScope},
};
use chrono::TimeDelta;

use super::shapes::{NewSchedule, SchedulePatch};
use crate::{
    app::find_tenant,
    caller::Caller,
    json::{Patch, required},
    problem::{FieldError, Problem},
    retention, words,
};

/// Of one tenant's own, made by its managers.
const MOST_OF_A_TENANT: i64 = 10;
/// Runs whose distance is looked at.
const LOOKED_AT: usize = 50;

/// Reads an expression and a zone; all that is wrong with them.
pub(super) fn timing_of(cron: &str, zone: Option<&str>) -> Result<Timing, Vec<FieldError>> {
    let words = |error: &dyn std::fmt::Display| format!("failed to {error}");
    let cron = cron.parse().map_err(|error| FieldError::new("/cron", "cron_invalid", words(&error)));
    let zone = zone.map_or(Ok(Zone::UTC), |zone| {
        zone.parse().map_err(|error| FieldError::new("/time_zone", "time_zone_unknown", words(&error)))
    });
    match (cron, zone) {
        (Ok(cron), Ok(zone)) => Ok(Timing { cron, zone }),
        (cron, zone) => Err(cron.err().into_iter().chain(zone.err()).collect()),
    }
}

/// The row that a request asks for.
pub(super) async fn new_schedule(
    tx: &mut Tx,
    caller: &Caller,
    input: NewSchedule,
    id: ScheduleId,
    now: Timestamp,
) -> Result<Schedule, Problem> {
    let action = input.action.map_or(ScheduleAction::BackUp, Into::into);
    let tenant = input.tenant.or_else(|| own_reference(caller, input.scope));
    let target = Target { scope: input.scope.into(), tenant, tag: input.tag };
    let (scope, tenant_id, tag) = target.check(tx, caller).await?;
    let timing = timing_of(&input.cron, input.time_zone.as_deref());
    let retention = retention::stored(input.retention, "/retention");
    let (timing, retention) = both(timing, retention)?;
    check_action(caller, action, input.prove_bytes, retention.is_some())?;
    refuse_often(caller, &timing, now)?;
    if let (Some(_), Some(tenant)) = (caller.own_tenant(), tenant_id)
        && rows::count_of_tenant(tx, tenant).await? >= MOST_OF_A_TENANT
    {
        let detail = format!("the tenant has {MOST_OF_A_TENANT} schedules already; delete one first");
        return Err(Problem::conflict("too_many_schedules", detail));
    }
    Ok(Schedule {
        id,
        name: input.name,
        action,
        scope,
        tenant_id,
        tag,
        cron: timing.cron.to_string(),
        time_zone: input.time_zone.unwrap_or_else(|| "Etc/UTC".to_owned()),
        jitter_seconds: input.jitter_seconds.unwrap_or(0),
        retention: retention.map(JsonText),
        retention_changed_at: now,
        prove_bytes: input.prove_bytes,
        paused_at: None,
        next_at: Some(next_after(&timing, now)),
        last_due_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

/// The row after a patch.
pub(super) async fn patched(
    tx: &mut Tx,
    caller: &Caller,
    before: Schedule,
    patch: SchedulePatch,
    now: Timestamp,
) -> Result<Schedule, Problem> {
    let scope: words::ScheduleScope = required("/scope", patch.scope, before.scope.into())?;
    let target = Target {
        scope: scope.into(),
        tenant: patch.tenant.apply(before.tenant_id.map(|id| id.to_string())),
        tag: patch.tag.apply(before.tag.clone()),
    };
    let (scope, tenant_id, tag) = target.check(tx, caller).await?;
    let cron = required("/cron", patch.cron, before.cron.clone())?;
    let time_zone = required("/time_zone", patch.time_zone, before.time_zone.clone())?;
    let stored = before.retention.clone().map(|json| json.0);
    let retention = match patch.retention {
        Patch::Absent => Ok(stored.clone()),
        patch => retention::stored(patch.apply(None), "/retention"),
    };
    let (timing, retention) = both(timing_of(&cron, Some(&time_zone)), retention)?;
    let prove_bytes = patch.prove_bytes.apply(before.prove_bytes);
    check_action(caller, before.action, prove_bytes, retention.is_some())?;
    let moved = timing.cron.to_string() != before.cron || time_zone != before.time_zone;
    if moved {
        refuse_often(caller, &timing, now)?;
    }
    // Days and months are counted on the zone's clock, so another zone is another policy.
    let keeps_otherwise = retention != stored || time_zone != before.time_zone;
    Ok(Schedule {
        name: required("/name", patch.name, before.name)?,
        scope,
        tenant_id,
        tag,
        cron: timing.cron.to_string(),
        time_zone,
        jitter_seconds: patch.jitter_seconds.apply(Some(before.jitter_seconds)).unwrap_or(0),
        retention: retention.map(JsonText),
        retention_changed_at: if keeps_otherwise { now } else { before.retention_changed_at },
        prove_bytes,
        next_at: if moved { Some(next_after(&timing, now)) } else { before.next_at },
        updated_at: now,
        ..before
    })
}

/// Whom a schedule is to cover, as it was said.
struct Target {
    scope: ScheduleScope,
    tenant: Option<String>,
    tag: Option<String>,
}

impl Target {
    /// What of it is stored. A tenant's people cover their own tenant and nothing else.
    async fn check(
        self,
        tx: &mut Tx,
        caller: &Caller,
    ) -> Result<(ScheduleScope, Option<TenantId>, Option<String>), Problem> {
        if self.scope != ScheduleScope::Tenant {
            caller.require_operator()?;
        }
        match (self.scope, self.tenant, self.tag) {
            (ScheduleScope::Tenant, Some(reference), None) => {
                let tenant = find_tenant(tx, &reference).await?.filter(|tenant| caller.sees_tenant(tenant.id));
                let tenant = match (tenant, caller.own_tenant()) {
                    (Some(tenant), _) if tenant.deleted_at.is_none() => tenant,
                    (_, Some(_)) => return Err(Problem::not_found("tenant")),
                    (Some(_), None) => return Err(Problem::field("/tenant", "in_trash", "is in the trash")),
                    (None, None) => return Err(Problem::field("/tenant", "unknown", "names no tenant")),
                };
                Ok((self.scope, Some(tenant.id), None))
            }
            (ScheduleScope::Tenant, None, None) => {
                Err(Problem::field("/tenant", "required", "names the tenant to cover"))
            }
            (ScheduleScope::Tag, None, Some(tag)) => Ok((self.scope, None, Some(tag))),
            (ScheduleScope::Tag, None, None) => {
                Err(Problem::field("/tag", "required", "names the tag of those to cover"))
            }
            (ScheduleScope::All | ScheduleScope::Central, None, None) => Ok((self.scope, None, None)),
            (_, Some(_), _) => Err(Problem::field("/tenant", "not_allowed", "goes with scope \"tenant\" only")),
            (_, None, Some(_)) => Err(Problem::field("/tag", "not_allowed", "goes with scope \"tag\" only")),
        }
    }
}

fn own_reference(caller: &Caller, scope: words::ScheduleScope) -> Option<String> {
    let own = caller.own_tenant().filter(|_| scope == words::ScheduleScope::Tenant)?;
    Some(own.id.to_string())
}

/// What proves has a bound and keeps nothing; what backs up has no bound. Proving is the platform's.
fn check_action(
    caller: &Caller,
    action: ScheduleAction,
    prove_bytes: Option<i64>,
    has_retention: bool,
) -> Result<(), Problem> {
    match action {
        ScheduleAction::Prove if caller.own_tenant().is_some() => {
            Err(Problem::forbidden("only the platform proves by schedule"))
        }
        ScheduleAction::Prove if prove_bytes.is_none() => {
            Err(Problem::field("/prove_bytes", "required", "bounds what is read in one run"))
        }
        ScheduleAction::Prove if has_retention => {
            Err(Problem::field("/retention", "not_allowed", "goes with action \"back_up\" only"))
        }
        ScheduleAction::BackUp if prove_bytes.is_some() => {
            Err(Problem::field("/prove_bytes", "not_allowed", "goes with action \"prove\" only"))
        }
        ScheduleAction::Prove | ScheduleAction::BackUp => Ok(()),
    }
}

/// A tenant slows no other one by what it asks for.
fn refuse_often(caller: &Caller, timing: &Timing, now: Timestamp) -> Result<(), Problem> {
    let runs = timing.next(LOOKED_AT, now.to_datetime());
    let often = runs.windows(2).any(|pair| pair[1] - pair[0] < TimeDelta::hours(1));
    if caller.own_tenant().is_some() && often {
        return Err(Problem::field("/cron", "too_often", "may be due once an hour at the most"));
    }
    Ok(())
}

/// All that is wrong at once.
fn both<A, B>(a: Result<A, Vec<FieldError>>, b: Result<B, Vec<FieldError>>) -> Result<(A, B), Problem> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => {
            let errors = a.err().into_iter().chain(b.err()).flatten();
            Err(Problem::validation(errors.collect()))
        }
    }
}

pub(super) fn name_taken(error: chiliview_store::Error) -> Problem {
    if error.is_duplicate_of("schedules", "name_key") {
        return Problem::taken("/name", "name_taken", "another schedule has this name");
    }
    error.into()
}
