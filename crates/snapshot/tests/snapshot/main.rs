//! Snapshots are made, kept, proven, refused, encrypted, and brought back: on a shelf that is a directory. The test binary
//! `bucket` tells the same stories of one that is a bucket.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

mod adopt;
mod certificate;
#[expect(dead_code, reason = "other test binaries use the rest")]
mod common;
mod damage;
mod directory;
mod ends;
mod fingerprint;
mod pieces;
mod sealed;
mod shelf;
mod tools;
mod write;

const KIND: common::Kind = common::Kind::Directory;
