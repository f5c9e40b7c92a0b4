//! Recovery of the central database and of whole platforms, cut off at every step.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "../../../store/tests/support/engines.rs"]
#[expect(dead_code, reason = "the store's own tests use the rest")]
mod engines;

mod central;
mod cut_off;
mod from_shelf;
mod on_server;
mod platform;
mod relocate;
