//! The store's promises, on every engine at hand: one story per table, and what transactions, files and processes do.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "../support/engines.rs"]
mod engines;
#[path = "../support/proxy.rs"]
#[expect(dead_code, reason = "the product's own stories use the rest")]
mod proxy;

mod admins;
mod api_keys;
mod audit;
mod backups;
mod citus;
mod common;
mod disk;
mod doctor_runs;
mod encrypted;
mod files;
mod fleet;
mod idempotency;
mod keys;
mod late;
mod login_networks;
mod notices;
mod overview;
mod paging;
mod poolers;
mod postgres;
mod processes;
mod queue;
mod readiness;
mod recovery;
mod relocation;
mod restores;
mod schedules;
mod second_factors;
mod sessions;
mod shelves;
mod silence;
mod spans;
mod sqlite;
mod statements;
mod swap;
mod tenant_settings;
mod tenants;
mod throttle;
mod transactions;
mod transfer;
mod upgrade;
mod uploads;
mod users;
mod write_lock;
