//! Time zones by their IANA names, older names among them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use serde::{Deserialize, Serialize};

/// Names less alike than this are not suggested.
const ALIKE: f64 = 0.85;

/// A time zone; in JSON it is its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(Tz);

/// The name is not one of the IANA database. The words complete "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("find the time zone{}", suggestion.map(|name| format!(": is {name} meant?")).unwrap_or_default())]
pub struct ZoneError {
    /// The name that is most like it.
    pub suggestion: Option<&'static str>,
}

/// The instants at which a clock shows one time.
pub(super) enum Shown {
    /// The usual case.
    Once(DateTime<Utc>),
    /// The clock went back; the earlier one first.
    Twice(DateTime<Utc>, DateTime<Utc>),
    /// The clock went forward past it, at this instant.
    Never(DateTime<Utc>),
}

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(Tz::UTC);

    /// No name is longer than this.
    pub const MAX_BYTES: usize = 64;

    /// Its name, as it was given.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What a clock there shows, and how far it is from UTC. Past the years that chrono can count it shows UTC.
    pub fn local(self, instant: DateTime<Utc>) -> (NaiveDateTime, FixedOffset) {
        let offset = self.0.offset_from_utc_datetime(&instant.naive_utc()).fix();
        match instant.naive_utc().checked_add_offset(offset) {
            Some(local) => (local, offset),
            None => (instant.naive_utc(), Utc.fix()),
        }
    }

    /// When a clock there shows `time`. None only past the years that chrono can count.
    pub(super) fn shown(self, time: NaiveDateTime) -> Option<Shown> {
        match self.0.from_local_datetime(&time) {
            MappedLocalTime::Single(at) => Some(Shown::Once(at.to_utc())),
            MappedLocalTime::Ambiguous(first, second) => Some(Shown::Twice(first.to_utc(), second.to_utc())),
            MappedLocalTime::None => self.end_of_gap(time).map(Shown::Never),
        }
    }

    /// The first instant, in whole seconds, at which the clock shows more than `time`, which it never shows. No clock is further
    /// than 16 hours from UTC, nor goes back within a day of going forward, so the search may halve.
    fn end_of_gap(self, time: NaiveDateTime) -> Option<DateTime<Utc>> {
        let day = TimeDelta::hours(16);
        let mut before = time.and_utc().checked_sub_signed(day)?;
        let mut after = time.and_utc().checked_add_signed(day)?;
        while after - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            if self.local(middle).0 > time { after = middle } else { before = middle }
        }
        Some(after)
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    /// # Errors
    /// [`ZoneError`], with the name most like it.
    fn from_str(name: &str) -> Result<Self, ZoneError> {
        if name.len() > Self::MAX_BYTES {
            return Err(ZoneError { suggestion: None });
        }
        name.parse().map(Self).map_err(|_| ZoneError { suggestion: most_like(name) })
    }
}

/// Compares with whole names and with cities alone, since "Berlin" is what people type.
fn most_like(name: &str) -> Option<&'static str> {
    let name = name.trim().replace(' ', "_").to_lowercase();
    let likeness = |zone: &Tz| {
        let known = zone.name().to_lowercase();
        let city = known.rsplit('/').next().unwrap_or_default();
        strsim::jaro_winkler(&name, &known).max(strsim::jaro_winkler(&name, city))
    };
    let scored = TZ_VARIANTS.iter().map(|zone| (likeness(zone), zone.name())).filter(|(score, _)| *score >= ALIKE);
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

impl fmt::Display for Zone {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

impl TryFrom<String> for Zone {
    type Error = ZoneError;

    fn try_from(name: String) -> Result<Self, ZoneError> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}
