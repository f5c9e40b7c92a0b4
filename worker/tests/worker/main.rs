//! The worker's promises: every job runs to an end that is written down, and every backup is proven or says why not.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "../../../crates/store/tests/support/engines.rs"]
mod engines;

mod backups;
mod crashes;
mod failures;
mod proofs;
mod queue;
mod schedules;
mod shop;
mod trace;
mod workshop;
