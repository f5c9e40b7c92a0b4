//! Work that fails or stops between its phases, on its way to a bucket.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "../snapshot/common.rs"]
#[expect(dead_code, reason = "other test binaries use the rest")]
mod common;
#[path = "../snapshot/failing.rs"]
mod failing;

const KIND: common::Kind = common::Kind::Bucket;
