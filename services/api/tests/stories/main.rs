//! What the API promises, told against the whole application on every engine at hand.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "../support/mod.rs"]
mod support;

mod admins;
mod api_keys;
mod archives;
mod audit;
mod auth;
mod authorisation;
mod backup_recipients;
mod certificates;
mod channels;
mod console;
mod contract;
mod doctor;
mod events;
mod fleet_migrations;
mod health;
mod import;
mod installation;
mod isolation;
mod links;
mod lists;
mod notices;
mod overview;
mod proofs;
mod restores;
mod retention;
mod schedules;
mod sessions;
mod tenants;
mod throttling;
mod totp;
mod traces;
mod turns;
mod uploads;
mod users;
