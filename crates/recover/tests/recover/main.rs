//! Recovery of the central database and of whole platforms, cut off at every step.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

mod central;
mod cut_off;
mod from_shelf;
mod platform;
