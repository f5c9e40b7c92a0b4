//! Tells people and machines outside: webhooks, e-mail, dead-man pings. No database, no queue, no HTTP server.
//!
//! A [`Notice`] says what happened; it gives its title and text in German and English for an e-mail, and its facts as JSON
//! for a webhook. [`webhook::deliver`] signs and sends one attempt, [`mail::Mailer`] hands one mail to an SMTP server,
//! [`ping::send`] calls the URL of a dead-man switch. [`DeliveryError::next_attempt`] says when to try again.
//!
//! Everything over HTTP goes through one [`Outbound`], which reaches public addresses only ([`Policy`]), follows no
//! redirect, knows no proxy and has bounds in time and size. [`check_url`] is what the API asks before it keeps a URL.
//! The caller's clock, ids and random numbers arrive as parameters.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test may stop at once"))]

mod address;
mod chain;
mod connect;
mod delivery;
mod language;
mod lookup;
pub mod mail;
mod notice;
mod outbound;
pub mod ping;
mod roots;
mod scrub;
mod secret;
mod url;
pub mod webhook;

pub use crate::url::{UrlError, check_url};
pub use address::Policy;
pub use delivery::{Delivered, DeliveryError, MAX_ATTEMPTS, backoff};
pub use language::Language;
pub use lookup::{Lookup, SystemLookup};
pub use notice::{Fact, Kind, Notice, Severity, UnknownKind};
pub use outbound::{Limits, Outbound};
pub use roots::{Roots, RootsError};
pub use secret::{Secret, SecretError};
