//! The HTTP service: one file per resource, behind one edge. Nothing below this floor knows a status code.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test may stop at once"))]

pub mod admins;
pub mod api_keys;
pub mod app;
pub mod archives;
pub mod audit;
pub mod auth;
pub mod backup_recipients;
pub mod backups;
pub mod caller;
pub mod certificates;
pub mod channels;
pub mod console;
pub mod contract;
mod csv;
mod docs;
pub mod doctor;
pub mod edge;
pub mod etag;
pub mod events;
pub mod fields;
pub mod fleet_migrations;
pub mod health;
pub mod installation;
pub mod jobs;
pub mod json;
pub mod links;
pub mod metrics;
pub mod notices;
pub mod once;
pub mod overview;
pub mod paging;
pub mod passwords;
pub mod problem;
pub mod ranges;
pub mod restores;
pub mod retention;
pub mod schedules;
pub mod secret;
pub mod service;
pub mod tenants;
pub mod traces;
pub mod uploads;
pub mod usage;
pub mod users;
pub mod words;
