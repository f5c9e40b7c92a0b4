//! What the rows of schedules and backups mean: when a schedule is due, what fires it, and what is to go of a database's
//! backups. Between `store` and `policy`; the worker acts on it, the API and the command line show it.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test may stop at once"))]

mod fire;
mod holdings;
mod keeping;
mod order;
mod quota;
mod timing;

pub use fire::{Firing, fire};
pub use holdings::{Fate, Holdings, Rule, Why};
pub use keeping::Keeping;
pub use order::order;
pub use quota::over_quota;
pub use timing::{Unreadable, next_after, timing};
