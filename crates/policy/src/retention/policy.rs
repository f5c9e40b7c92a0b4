//! The numbers that people set.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// How many to keep by each rule; a rule that is not named keeps none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The newest ones, however close together.
    #[serde(default)]
    pub keep_last: u32,
    /// The newest of each of the last hours that have one.
    #[serde(default)]
    pub hourly: u32,
    /// The newest of each of the last days that have one.
    #[serde(default)]
    pub daily: u32,
    /// The newest of each of the last ISO weeks that have one.
    #[serde(default)]
    pub weekly: u32,
    /// The newest of each of the last months that have one.
    #[serde(default)]
    pub monthly: u32,
    /// The newest of each of the last years that have one.
    #[serde(default)]
    pub yearly: u32,
    /// What is older goes, whatever the other rules say, but for pinned ones and the newest verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<u32>,
}

/// One field that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Where: a JSON pointer (RFC 6901) into the policy; empty for all of it.
    pub pointer: &'static str,
    /// What is wrong, for programs.
    pub code: &'static str,
    /// What is wrong, for people.
    pub detail: String,
}

impl Policy {
    /// No rule keeps more than this.
    pub const MOST: u32 = 1_000;

    /// No age is longer than this, a hundred years.
    pub const MOST_DAYS: u32 = 36_525;

    /// Whether it can be used.
    ///
    /// # Errors
    /// Every field that does not hold. An age alone is no policy, since it says only what goes.
    pub fn validate(&self) -> Result<(), Vec<Invalid>> {
        let too_large =
            |pointer, most| Invalid { pointer, code: "too_large", detail: format!("may be at most {most}") };
        let counts = self.counts();
        let mut invalid: Vec<_> =
            counts.iter().filter(|(_, n)| *n > Self::MOST).map(|(pointer, _)| too_large(pointer, Self::MOST)).collect();
        match self.max_age_days {
            Some(0) => {
                let detail = "must be at least 1".to_owned();
                invalid.push(Invalid { pointer: "/max_age_days", code: "too_small", detail });
            }
            Some(days) if days > Self::MOST_DAYS => invalid.push(too_large("/max_age_days", Self::MOST_DAYS)),
            _ => {}
        }
        if counts.iter().all(|(_, n)| *n == 0) {
            let detail = "must keep something: set one of keep_last, hourly, daily, weekly, monthly, yearly".to_owned();
            invalid.push(Invalid { pointer: "", code: "keeps_nothing", detail });
        }
        if invalid.is_empty() { Ok(()) } else { Err(invalid) }
    }

    pub(super) fn max_age(&self) -> Option<TimeDelta> {
        self.max_age_days.map(|days| TimeDelta::days(i64::from(days)))
    }

    fn counts(&self) -> [(&'static str, u32); 6] {
        [
            ("/keep_last", self.keep_last),
            ("/hourly", self.hourly),
            ("/daily", self.daily),
            ("/weekly", self.weekly),
            ("/monthly", self.monthly),
            ("/yearly", self.yearly),
        ]
    }
}

impl Default for Policy {
    /// A week of days, a month of weeks, half a year of months.
    fn default() -> Self {
        Self { keep_last: 0, hourly: 0, daily: 7, weekly: 4, monthly: 6, yearly: 0, max_age_days: None }
    }
}
