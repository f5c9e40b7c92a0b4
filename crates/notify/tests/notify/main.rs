//! Deliveries to real servers on this machine: HTTP, HTTPS and SMTP.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

mod certificates;
mod guard;
mod mails;
mod odd_servers;
mod pings;
mod post_office;
mod receiver;
mod webhooks;
