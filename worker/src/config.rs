//! What an installation decides about its jobs.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The decisions.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long what retention removes lies in the trash.
    pub trash: Duration,
    /// What is not said by any policy.
    pub keeping: chiliview_agenda::Keeping,
}

impl Default for Config {
    fn default() -> Self {
        Self { trash: DAY * 30, keeping: chiliview_agenda::Keeping::default() }
    }
}
