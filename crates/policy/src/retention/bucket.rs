//! Hours, days, weeks, months and years of a local clock.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Timelike, Utc};

use super::{Policy, Reason};
use crate::schedule::Zone;

/// The lengths of time that points are sorted into.
#[derive(Clone, Copy)]
pub(super) enum Span {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// One hour, day, week, month or year.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Bucket {
    /// With the offset, since an hour that comes twice is two.
    Hour(NaiveDate, u32, FixedOffset),
    Day(NaiveDate),
    /// The ISO week and its year, which differs from the date's around New Year.
    Week(i32, u32),
    Month(i32, u32),
    Year(i32),
}

impl Span {
    pub(super) const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];

    /// How many buckets `policy` keeps a point of.
    pub(super) fn kept(self, policy: &Policy) -> usize {
        let count = match self {
            Self::Hour => policy.hourly,
            Self::Day => policy.daily,
            Self::Week => policy.weekly,
            Self::Month => policy.monthly,
            Self::Year => policy.yearly,
        };
        count.min(Policy::MOST) as usize
    }

    /// The bucket of `at` on the clock of `zone`.
    pub(super) fn bucket(self, zone: Zone, at: DateTime<Utc>) -> Bucket {
        let (local, offset): (NaiveDateTime, FixedOffset) = zone.local(at);
        match self {
            Self::Hour => Bucket::Hour(local.date(), local.hour(), offset),
            Self::Day => Bucket::Day(local.date()),
            Self::Week => Bucket::Week(local.iso_week().year(), local.iso_week().week()),
            Self::Month => Bucket::Month(local.year(), local.month()),
            Self::Year => Bucket::Year(local.year()),
        }
    }
}

impl From<Bucket> for Reason {
    fn from(bucket: Bucket) -> Self {
        match bucket {
            Bucket::Hour(day, hour, offset) => Self::Hourly(format!("{day}T{hour:02}{offset}")),
            Bucket::Day(day) => Self::Daily(day.to_string()),
            Bucket::Week(year, week) => Self::Weekly(format!("{year:04}-W{week:02}")),
            Bucket::Month(year, month) => Self::Monthly(format!("{year:04}-{month:02}")),
            Bucket::Year(year) => Self::Yearly(format!("{year:04}")),
        }
    }
}
