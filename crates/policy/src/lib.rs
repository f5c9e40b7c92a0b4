//! When to back up and what to keep: pure functions, no I/O, no clock; imports nothing of ours.

pub mod retention;
pub mod schedule;
