//! What an installation decides about keeping backups, beside the policies.

use std::time::Duration;

use chiliview_store::Timestamp;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The decisions.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// How long a restore's safety backup is kept; longer when the restore can still be undone then.
    pub safety: Duration,
    /// How long a policy that was changed removes nothing.
    pub grace: Duration,
    /// The hour of the day, UTC, after which the pruning begins.
    pub hour: u32,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { safety: DAY * 7, grace: DAY, hour: 4 }
    }
}

impl Keeping {
    /// The day whose pruning is the last that should have begun.
    #[must_use]
    pub fn day(&self, now: Timestamp) -> i64 {
        now.minus(HOUR * self.hour).micros().div_euclid(micros(DAY))
    }

    /// The first pruning after `at`.
    #[must_use]
    pub fn pruning_after(&self, at: Timestamp) -> Timestamp {
        let midnight = (self.day(at) + 1).saturating_mul(micros(DAY));
        Timestamp::from_micros(midnight).plus(HOUR * self.hour)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pruning_day_begins_at_its_hour() {
        let keeping = Keeping::default();
        let at = |text: &str| serde_json::from_value::<Timestamp>(text.into()).unwrap();
        assert_eq!(keeping.pruning_after(at("2026-11-24T03:59:59Z")), at("2026-11-24T04:00:00Z"));
        assert_eq!(keeping.pruning_after(at("2026-11-24T04:00:00Z")), at("2026-11-25T04:00:00Z"));
        assert_eq!(keeping.day(at("2026-11-24T03:59:59Z")) + 1, keeping.day(at("2026-11-24T04:00:00Z")));
    }
}
