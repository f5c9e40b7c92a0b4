//! Snapshots are made, kept, proven, refused, encrypted, and brought back.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

mod adopt;
mod certificate;
mod common;
mod damage;
mod ends;
mod fingerprint;
mod sealed;
mod shelf;
mod tools;
mod write;
