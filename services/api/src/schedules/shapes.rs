//! What a client sends and sees of schedules.

use std::collections::{BTreeMap, HashMap};

use chiliview_agenda::timing;
use chiliview_policy::schedule::{Language as Spoken, Timing};
use chiliview_store::{ScheduleId, TenantId, Timestamp, Tx, schedule_runs::last_of, schedules::Schedule, tenants};
use chrono::{DateTime, Utc};
use garde::Validate;
use poem::Request;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    fields,
    json::Patch,
    problem::Problem,
    retention::RetentionPolicy,
    schedule_runs::{self, RunInfo},
    words::{Language, ScheduleAction, ScheduleScope},
};

/// Runs to come that are shown.
const TO_COME: usize = 5;
/// A day: a run that is spread further would meet the next one.
const MOST_JITTER: i64 = 24 * 3600;

/// A schedule to be made.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct NewSchedule {
    /// No other schedule has it, in whatever case.
    #[garde(custom(fields::line))]
    pub(super) name: String,
    /// `back_up` when absent.
    #[garde(skip)]
    pub(super) action: Option<ScheduleAction>,
    #[garde(skip)]
    pub(super) scope: ScheduleScope,
    /// Which tenant, by id or slug; with scope `tenant`. Its own manager may leave it out.
    #[garde(inner(length(chars, min = 1, max = 63)))]
    pub(super) tenant: Option<String>,
    /// Which tag; with scope `tag`.
    #[garde(inner(custom(fields::tag)))]
    pub(super) tag: Option<String>,
    /// Five fields (minute, hour, day of month, month, day of week), or @daily and its like.
    #[garde(skip)]
    pub(super) cron: String,
    /// IANA; `Etc/UTC` when absent.
    #[garde(skip)]
    pub(super) time_zone: Option<String>,
    /// Over how many seconds the databases are spread; 0 when absent.
    #[garde(inner(range(min = 0, max = MOST_JITTER)))]
    pub(super) jitter_seconds: Option<i64>,
    /// What is kept; everything when absent.
    #[garde(skip)]
    pub(super) retention: Option<RetentionPolicy>,
    /// How many bytes of snapshots are proven again in one run; with action `prove`.
    #[garde(inner(range(min = 1)))]
    pub(super) prove_bytes: Option<i64>,
}

/// What shall become different. A field that is absent stays, `null` clears.
#[derive(Clone, Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct SchedulePatch {
    #[garde(inner(custom(fields::line)))]
    #[serde(default)]
    pub(super) name: Patch<String>,
    #[garde(skip)]
    #[serde(default)]
    pub(super) scope: Patch<ScheduleScope>,
    /// By id or slug.
    #[garde(inner(length(chars, min = 1, max = 63)))]
    #[serde(default)]
    pub(super) tenant: Patch<String>,
    #[garde(inner(custom(fields::tag)))]
    #[serde(default)]
    pub(super) tag: Patch<String>,
    #[garde(skip)]
    #[serde(default)]
    pub(super) cron: Patch<String>,
    #[garde(skip)]
    #[serde(default)]
    pub(super) time_zone: Patch<String>,
    #[garde(inner(range(min = 0, max = MOST_JITTER)))]
    #[serde(default)]
    pub(super) jitter_seconds: Patch<i64>,
    /// All of it; `null` keeps everything.
    #[garde(skip)]
    #[serde(default)]
    pub(super) retention: Patch<RetentionPolicy>,
    #[garde(inner(range(min = 1)))]
    #[serde(default)]
    pub(super) prove_bytes: Patch<i64>,
}

/// When something would run.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct TimingRequest {
    #[garde(skip)]
    pub(super) cron: String,
    /// IANA; `Etc/UTC` when absent.
    #[garde(skip)]
    pub(super) time_zone: Option<String>,
}

/// When it would.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct TimingPreview {
    /// In words, by language: `en`, `de`.
    pub text: BTreeMap<String, String>,
    /// The next five times.
    pub next_runs: Vec<DateTime<Utc>>,
}

/// A schedule.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ScheduleInfo {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it does.
    pub action: ScheduleAction,
    /// Whose databases it is about.
    pub scope: ScheduleScope,
    /// The tenant's id, with scope `tenant`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// The tenant's slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The tag, with scope `tag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The expression.
    pub cron: String,
    /// On whose clock.
    pub time_zone: String,
    /// Both, in words.
    pub text: String,
    /// Over how many seconds the databases are spread.
    pub jitter_seconds: i64,
    /// What is kept of its backups; everything when absent. A tenant's own goes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionPolicy>,
    /// How many bytes of snapshots are proven again in one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prove_bytes: Option<i64>,
    /// Since when it does not fire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<DateTime<Utc>>,
    /// The next five times; none while it is paused. Each database starts up to `jitter_seconds` later.
    pub next_runs: Vec<DateTime<Utc>>,
    /// The last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<RunInfo>,
    /// The number in the ETag.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What was asked for, or what the client says that it reads (RFC 9110, 12.5.4); English otherwise.
pub(super) fn language(asked: Option<Language>, request: &Request) -> Language {
    asked.unwrap_or_else(|| accepted(request.header("accept-language").unwrap_or_default()))
}

fn accepted(header: &str) -> Language {
    let weighed = header.split(',').filter_map(|part| {
        let (tag, parameter) = part.split_once(';').unwrap_or((part, ""));
        let language = match tag.trim().split('-').next()?.to_ascii_lowercase().as_str() {
            "de" => Language::German,
            "en" => Language::English,
            _ => return None,
        };
        let weight: f32 = parameter.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok())?;
        (weight > 0.0).then_some((weight, language))
    });
    // Of equals, the first.
    let best = weighed.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or(Language::English, |(_, language)| language)
}

fn spoken(language: Language) -> Spoken {
    match language {
        Language::English => Spoken::English,
        Language::German => Spoken::German,
    }
}

pub(super) fn previewed(timing: &Timing, now: Timestamp) -> TimingPreview {
    let words = [("en", Spoken::English), ("de", Spoken::German)];
    TimingPreview {
        text: words.into_iter().map(|(tag, language)| (tag.to_owned(), timing.describe(language))).collect(),
        next_runs: timing.next(TO_COME, now.to_datetime()),
    }
}

/// What schedules show that is in no row of theirs.
pub(super) struct Beside {
    slugs: HashMap<TenantId, String>,
    last_runs: HashMap<Uuid, RunInfo>,
}

impl Beside {
    pub(super) async fn of(tx: &mut Tx, rows: &[Schedule]) -> Result<Self, Problem> {
        let ids: Vec<ScheduleId> = rows.iter().map(|row| row.id).collect();
        let tenants: Vec<TenantId> = rows.iter().filter_map(|row| row.tenant_id).collect();
        let slugs = tenants::slugs(tx, &tenants).await?.into_iter().collect();
        let last_runs = last_of(tx, &ids).await?;
        let last_runs =
            schedule_runs::show_all(tx, last_runs).await?.into_iter().map(|run| (run.schedule_id, run)).collect();
        Ok(Self { slugs, last_runs })
    }
}

pub(super) async fn show(
    tx: &mut Tx,
    row: Schedule,
    language: Language,
    now: Timestamp,
) -> Result<ScheduleInfo, Problem> {
    let beside = Beside::of(tx, std::slice::from_ref(&row)).await?;
    show_beside(row, &beside, language, now)
}

pub(super) fn show_beside(
    row: Schedule,
    beside: &Beside,
    language: Language,
    now: Timestamp,
) -> Result<ScheduleInfo, Problem> {
    let timing = timing(&row).ok();
    let next_runs = timing.as_ref().filter(|_| row.paused_at.is_none());
    let retention = row.retention.map(|json| serde_json::from_value(json.0)).transpose().map_err(Problem::internal)?;
    Ok(ScheduleInfo {
        id: row.id.uuid(),
        name: row.name,
        action: row.action.into(),
        scope: row.scope.into(),
        tenant_id: row.tenant_id.map(TenantId::uuid),
        tenant: row.tenant_id.and_then(|id| beside.slugs.get(&id).cloned()),
        tag: row.tag,
        text: timing.as_ref().map_or_else(|| row.cron.clone(), |timing| timing.describe(spoken(language))),
        next_runs: next_runs.map_or_else(Vec::new, |timing| timing.next(TO_COME, now.to_datetime())),
        cron: row.cron,
        time_zone: row.time_zone,
        jitter_seconds: row.jitter_seconds,
        retention,
        prove_bytes: row.prove_bytes,
        paused_at: row.paused_at.map(Timestamp::to_datetime),
        last_run: beside.last_runs.get(&row.id.uuid()).cloned(),
        version: row.version,
        created_at: row.created_at.to_datetime(),
        updated_at: row.updated_at.to_datetime(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_that_is_liked_best() {
        for (header, language) in [
            ("", Language::English),
            ("fr, *", Language::English),
            ("de-AT, en;q=0.8", Language::German),
            ("en;q=0.3, fr;q=0.9, de;q=0.5", Language::German),
            ("de;q=0", Language::English),
            ("de, en", Language::German),
        ] {
            assert_eq!(accepted(header), language, "{header}");
        }
    }
}
