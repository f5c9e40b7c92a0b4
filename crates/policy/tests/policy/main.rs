//! What schedules and retention promise, for any clock and any policy.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

mod clocks;
mod cron;
mod describe;
mod plan;
mod policy;
mod preview;
mod promises;
mod runs;
mod samples;
