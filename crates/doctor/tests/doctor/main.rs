//! The doctor's stories: an installation is made, damaged, examined, repaired and examined again.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "../../../store/tests/support/engines.rs"]
#[expect(dead_code, reason = "the store's own tests use the rest")]
mod engines;

mod admins;
mod databases;
mod directories;
mod installation;
mod jobs;
mod looking;
mod restores;
mod schemas;
mod shelf;
