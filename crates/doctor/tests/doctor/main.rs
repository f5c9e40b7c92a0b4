//! The doctor's stories: an installation is made, damaged, examined, repaired and examined again.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

mod admins;
mod databases;
mod directories;
mod installation;
mod jobs;
mod looking;
mod restores;
mod shelf;
