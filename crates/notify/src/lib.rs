//! Tells people and machines outside: webhooks, e-mail, dead-man pings. No database, no queue, no HTTP server.
//!
//! A [`Notice`] says what happened; it gives its title and text in German and English for an e-mail, and its facts as JSON
//! for a webhook. [`webhook::deliver`] signs and sends one attempt, [`mail::Mailer`] hands one mail to an SMTP server,
//! [`ping::send`] calls the URL of a dead-man switch. [`DeliveryError::next_attempt`] says when to try again.
//!
//! Everything over HTTP goes through one [`Outbound`], which reaches public addresses only ([`Policy`]), follows no
//! redirect, knows no proxy and has bounds in time and size. [`check_url`] is what the API asks before it keeps a URL.
//!
//! ```no_run
//! # async fn example(id: uuid::Uuid, now: chrono::DateTime<chrono::Utc>) -> Result<(), Box<dyn std::error::Error>> {
//! use chiliview_notify::mail::{Mail, Mailer, SmtpSettings};
//! use chiliview_notify::webhook::{self, Message, Webhook};
//! use chiliview_notify::{Fact, Kind, Language, Limits, Notice, Outbound, Policy, Roots, check_url};
//!
//! // Once, at the start.
//! let (roots, policy) = (Roots::system(), Policy::allowing(vec!["10.20.0.0/16".parse()?]));
//! let outbound = Outbound::new(policy.clone(), Limits::default(), &roots)?;
//! let url = "smtps://chili:secret@mail.example.com".into();
//! let mailer = Mailer::new(&SmtpSettings { url, from: "ChiliView <chili@example.com>".into() }, &roots)?;
//!
//! // When something happened.
//! let notice = Notice::new(Kind::BackupFailed, now).subject("acme").fact(Fact::Phase, "copying").cause("find room");
//!
//! // One attempt to tell a machine, and what to keep when it failed.
//! let webhook = Webhook { url: check_url("https://hooks.example.com/x", &policy)?, secret: "whsec_…".parse()?, previous: None };
//! match webhook::deliver(&outbound, &webhook, &Message::of(id, &notice), now).await {
//!     Ok(delivered) => println!("{} {}", delivered.status, delivered.excerpt),
//!     Err(error) => println!("{}; again in {:?}", error.words(), error.next_attempt(1, 12345)),
//! }
//!
//! // One attempt to tell a person.
//! let (subject, body) = (notice.title(Language::German), notice.text(Language::German));
//! mailer.send(&Mail { id, at: now, to: "ops@example.com".parse()?, subject, body }).await?;
//! # Ok(())
//! # }
//! ```
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
