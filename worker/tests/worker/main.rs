//! The worker's promises: every job runs to an end that is written down, and every backup is proven or says why not.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "../../../crates/store/tests/support/engines.rs"]
mod engines;
#[path = "../../../crates/notify/tests/notify/post_office.rs"]
#[expect(dead_code, reason = "the crate's own tests use the rest")]
mod post_office;
#[path = "../../../crates/store/tests/support/postgres_server.rs"]
#[expect(dead_code, reason = "the product's own tests use the rest")]
mod postgres_server;
#[path = "../../../crates/store/tests/support/proxy.rs"]
#[expect(dead_code, reason = "the stories of the store and of the product use the rest")]
mod proxy;
#[path = "../../../crates/notify/tests/notify/receiver.rs"]
#[expect(dead_code, reason = "the crate's own tests use the rest")]
mod receiver;

mod backup_overtaken;
mod backups;
mod clocks;
mod crashes;
mod examine;
mod failures;
mod fleet;
mod imports;
mod lookout;
mod lost_answers;
mod notices;
mod other_shelf;
mod proofs;
mod queue;
mod restore_crashes;
mod restore_odds;
mod restore_overtaken;
mod restores;
mod retention;
mod schedules;
mod sealing;
mod server_crashes;
mod shop;
mod trace;
mod workshop;
