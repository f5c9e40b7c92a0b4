//! What a client sends and sees of retention.

use chiliview_agenda::{Fate, Holdings, Keeping, Why};
use chiliview_policy::retention::{Policy, Reason};
use chiliview_store::{ScheduleId, TenantId, Timestamp, tenant_retention::TenantRetention, tenants::Tenant};
use chrono::{DateTime, Utc};
use garde::Validate;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    etag::Tagged,
    problem::{FieldError, Problem},
    words::{BackupOrigin, BackupStatus},
};

/// How many backups to keep by each rule; a rule that is not named keeps none. Whatever it says, the newest verified one
/// stays, and pinned ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
#[oai(skip_serializing_if_is_none)]
pub struct RetentionPolicy {
    /// The newest ones, however close together.
    #[garde(skip)]
    #[serde(default)]
    #[oai(default)]
    pub keep_last: u32,
    /// The newest of each of the last hours that have one.
    #[garde(skip)]
    #[serde(default)]
    #[oai(default)]
    pub hourly: u32,
    /// The newest of each of the last days that have one.
    #[garde(skip)]
    #[serde(default)]
    #[oai(default)]
    pub daily: u32,
    /// The newest of each of the last ISO weeks that have one.
    #[garde(skip)]
    #[serde(default)]
    #[oai(default)]
    pub weekly: u32,
    /// The newest of each of the last months that have one.
    #[garde(skip)]
    #[serde(default)]
    #[oai(default)]
    pub monthly: u32,
    /// The newest of each of the last years that have one.
    #[garde(skip)]
    #[serde(default)]
    #[oai(default)]
    pub yearly: u32,
    /// What is older goes, whatever the other rules say.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<u32>,
}

/// As it is stored, if it holds; `at` is where it was in the request.
pub(crate) fn stored(policy: Option<RetentionPolicy>, at: &str) -> Result<Option<Value>, Vec<FieldError>> {
    let Some(given) = policy else { return Ok(None) };
    let policy = Policy {
        keep_last: given.keep_last,
        hourly: given.hourly,
        daily: given.daily,
        weekly: given.weekly,
        monthly: given.monthly,
        yearly: given.yearly,
        max_age_days: given.max_age_days,
    };
    let wrong = |invalid: chiliview_policy::retention::Invalid| {
        FieldError::new(format!("{at}{}", invalid.pointer), invalid.code, invalid.detail)
    };
    policy.validate().map_err(|all| all.into_iter().map(wrong).collect::<Vec<_>>())?;
    Ok(serde_json::to_value(policy).ok())
}

/// A tenant's own retention.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct TenantRetentionInfo {
    /// The policy; absent while the schedules' hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<RetentionPolicy>,
    /// When it was last set or removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
    /// It removes nothing before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applies_from: Option<DateTime<Utc>>,
}

pub(super) fn own(row: TenantRetention, keeping: &Keeping) -> Result<Tagged<TenantRetentionInfo>, Problem> {
    let policy = row.retention.map(|json| serde_json::from_value(json.0)).transpose().map_err(Problem::internal)?;
    let changed_at = row.retention_changed_at;
    let body = TenantRetentionInfo {
        policy,
        changed_at: changed_at.map(Timestamp::to_datetime),
        applies_from: changed_at.map(|at| at.plus(keeping.grace).to_datetime()),
    };
    Ok(Tagged { version: row.version, body })
}

/// What somebody wants to know.
#[derive(Clone, Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct RetentionQuestion {
    /// Whose backups, by id or slug; the central database's when absent.
    #[garde(inner(length(chars, min = 1, max = 63)))]
    pub(super) tenant: Option<String>,
    /// Which schedule's policy the one below is to be.
    #[garde(skip)]
    pub(super) schedule: Option<Uuid>,
    /// A policy to try; what holds when absent.
    #[garde(skip)]
    pub(super) policy: Option<RetentionPolicy>,
}

/// What becomes of a database's backups.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RetentionPreview {
    /// The tenant's id; absent for the central database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// The tenant's slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The policies that were looked at, the tenant's own first.
    pub rules: Vec<RetentionRule>,
    /// When backups are next moved to the trash.
    pub next_pruning: DateTime<Utc>,
    /// The newest first.
    pub items: Vec<RetentionItem>,
    /// How many of them go within two months.
    pub leaving: u64,
    /// How many bytes of the shelf these are.
    pub leaving_bytes: u64,
}

/// A policy, and whose it is.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RetentionRule {
    /// The schedule's; the tenant's own when absent, which goes before all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<Uuid>,
    /// What it keeps.
    pub policy: RetentionPolicy,
    /// On whose clock days and months are counted.
    pub time_zone: String,
    /// It removes nothing before.
    pub applies_from: DateTime<Utc>,
}

/// One backup.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RetentionItem {
    /// The backup.
    pub id: Uuid,
    /// What it holds is as of then.
    pub taken_at: DateTime<Utc>,
    /// Where it stands.
    pub status: BackupStatus,
    /// Why it was made.
    pub origin: BackupOrigin,
    /// The schedule that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<Uuid>,
    /// What it takes on the shelf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// Why it stays as of now; nothing when it goes at the next pruning.
    pub keep: Vec<KeepReason>,
    /// When it moves to the trash, if its schedule's runs succeed until then; absent when that is not within two months.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goes_on: Option<DateTime<Utc>>,
}

/// One reason.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct KeepReason {
    /// `last`, `hourly`, `daily`, `weekly`, `monthly`, `yearly`, `newest_verified`, `pinned`, `referenced_by`, `unproven`,
    /// `by_hand`, `no_policy`, `grace` or `undo`.
    pub reason: String,
    /// The day, week and so on that it stands for; the backup that refers to it; or until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

pub(super) fn previewed(
    holdings: &Holdings,
    tenant: Option<Tenant>,
    keeping: &Keeping,
    now: Timestamp,
) -> RetentionPreview {
    let leaving = holdings.leaving(keeping, now);
    let items: Vec<RetentionItem> = holdings
        .fates(keeping, now)
        .into_iter()
        .map(|fate| {
            let goes_on = leaving.get(&fate.held.id).map(|at| at.to_datetime());
            item(fate, goes_on)
        })
        .collect();
    let bytes = items.iter().filter(|item| item.goes_on.is_some()).filter_map(|item| item.bytes);
    RetentionPreview {
        tenant_id: tenant.as_ref().map(|tenant| tenant.id).map(TenantId::uuid),
        tenant: tenant.map(|tenant| tenant.slug),
        rules: holdings.rules().map(|(schedule, rule)| shown(schedule, rule, keeping)).collect(),
        next_pruning: keeping.pruning_after(now).to_datetime(),
        leaving: leaving.len() as u64,
        leaving_bytes: bytes.filter_map(|bytes| u64::try_from(bytes).ok()).sum(),
        items,
    }
}

fn shown(schedule: Option<ScheduleId>, rule: &chiliview_agenda::Rule, keeping: &Keeping) -> RetentionRule {
    let Policy { keep_last, hourly, daily, weekly, monthly, yearly, max_age_days } = rule.policy;
    RetentionRule {
        schedule_id: schedule.map(ScheduleId::uuid),
        policy: RetentionPolicy { keep_last, hourly, daily, weekly, monthly, yearly, max_age_days },
        time_zone: rule.zone.to_string(),
        applies_from: rule.changed_at.plus(keeping.grace).to_datetime(),
    }
}

fn item(fate: Fate, goes_on: Option<DateTime<Utc>>) -> RetentionItem {
    let Fate { held, keep } = fate;
    RetentionItem {
        id: held.id.uuid(),
        taken_at: held.taken_at.to_datetime(),
        status: held.status.into(),
        origin: held.origin.into(),
        schedule_id: held.schedule_id.map(ScheduleId::uuid),
        bytes: held.stored_bytes,
        keep: keep.into_iter().map(reason).collect(),
        goes_on,
    }
}

fn reason(why: Why) -> KeepReason {
    let (reason, detail) = match why {
        Why::ByHand => ("by_hand", None),
        Why::NoPolicy => ("no_policy", None),
        Why::Grace(until) => ("grace", Some(until.to_string())),
        Why::Undo(until) => ("undo", Some(until.to_string())),
        Why::Policy(Reason::Last(rank)) => ("last", Some(rank.to_string())),
        Why::Policy(Reason::Hourly(hour)) => ("hourly", Some(hour)),
        Why::Policy(Reason::Daily(day)) => ("daily", Some(day)),
        Why::Policy(Reason::Weekly(week)) => ("weekly", Some(week)),
        Why::Policy(Reason::Monthly(month)) => ("monthly", Some(month)),
        Why::Policy(Reason::Yearly(year)) => ("yearly", Some(year)),
        Why::Policy(Reason::NewestVerified) => ("newest_verified", None),
        Why::Policy(Reason::Pinned) => ("pinned", None),
        Why::Policy(Reason::ReferencedBy(id)) => ("referenced_by", Some(id.to_string())),
        Why::Policy(Reason::Unproven) => ("unproven", None),
    };
    KeepReason { reason: reason.to_owned(), detail }
}
