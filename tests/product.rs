//! The product as a whole: `chiliview` as operators start it, with the tools that they have. Begin with [`tour`].
//!
//! The binary is the one beside these tests in the target directory (`make test` and `make tour` build it), or
//! `CHILIVIEW_BIN`.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[expect(dead_code, reason = "the binary opens the store by itself")]
#[path = "../crates/store/tests/support/engines.rs"]
mod engines;
#[path = "../crates/store/tests/support/postgres_server.rs"]
mod postgres_server;
#[path = "../crates/store/tests/support/proxy.rs"]
#[expect(dead_code, reason = "the store's own stories use the rest")]
mod proxy;

mod bucket;
mod canary;
mod carried;
mod clients;
mod contract;
mod descriptors;
mod full;
mod fuzz;
mod history;
mod honest;
mod moto;
mod observed;
mod power;
mod processes;
mod roles;
mod support;
mod tour;
mod trace;
mod uploads;
