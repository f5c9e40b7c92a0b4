//! The stories of `snapshot`, of a shelf that is a bucket; and those that only a bucket can tell.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "../snapshot/common.rs"]
mod common;
#[path = "../snapshot/damage.rs"]
mod damage;
#[path = "../snapshot/ends.rs"]
mod ends;
#[path = "../snapshot/sealed.rs"]
mod sealed;
#[path = "../snapshot/shelf.rs"]
mod shelf;
#[path = "../snapshot/pieces.rs"]
mod stories;
#[path = "../snapshot/tools.rs"]
mod tools;
#[path = "../snapshot/write.rs"]
mod write;

mod faults;
mod pieces;
mod refusals;
mod uploads;

const KIND: common::Kind = common::Kind::Bucket;
