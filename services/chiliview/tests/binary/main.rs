//! The binary as operators run it: real processes, real signals, real files.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

mod commands;
mod doctor;
mod process;
mod restore;
mod restore_tenant;
mod serve;
mod settings;
mod traces;
mod verify;
