//! What a client sends and sees of channels and of what is sent to them.

use chiliview_notify as notify;
use chiliview_store::{Timestamp, admins::AdminRole, channels::Channel, deliveries::Delivery};
use chrono::{DateTime, Utc};
use garde::Validate;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    caller::{Caller, Identity},
    fields,
    json::Patch,
    words::{ChannelKind, DeliveryStatus, Language, NoticeKind},
};

/// Entries of a list of kinds.
const MOST_KINDS: usize = 50;

/// How a new channel tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
pub enum NewChannelKind {
    /// A signed request to a URL.
    #[serde(rename = "webhook")]
    #[oai(rename = "webhook")]
    Webhook,
    /// A mail to an address.
    #[serde(rename = "email")]
    #[oai(rename = "email")]
    Email,
    /// A dead-man ping: a URL that is called every few minutes for as long as no schedule is late.
    #[serde(rename = "ping")]
    #[oai(rename = "ping")]
    Ping,
}

/// A channel to be made.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    /// No other channel has it, in whatever case.
    #[garde(custom(fields::line))]
    pub(super) name: String,
    #[garde(skip)]
    pub(super) kind: NewChannelKind,
    /// A webhook's or ping's URL, or an e-mail address.
    #[garde(skip)]
    pub(super) target: String,
    /// Of mails; `en` when absent.
    #[garde(skip)]
    pub(super) language: Option<Language>,
    /// The kinds of notices that are sent here; all of them when absent. A ping hears of none.
    #[garde(inner(length(min = 1, max = MOST_KINDS)))]
    pub(super) kinds: Option<Vec<NoticeKind>>,
    /// While true, nothing is sent here.
    #[garde(skip)]
    pub(super) disabled: Option<bool>,
}

/// What shall become different. A field that is absent stays, `null` clears.
#[derive(Clone, Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct ChannelPatch {
    #[garde(inner(custom(fields::line)))]
    #[serde(default)]
    pub(super) name: Patch<String>,
    #[garde(skip)]
    #[serde(default)]
    pub(super) target: Patch<String>,
    #[garde(skip)]
    #[serde(default)]
    pub(super) language: Patch<Language>,
    /// All of them; `null` means every kind.
    #[garde(inner(length(min = 1, max = MOST_KINDS)))]
    #[serde(default)]
    pub(super) kinds: Patch<Vec<NoticeKind>>,
    /// While true, nothing is sent here. False forgets why it was switched off.
    #[garde(skip)]
    #[serde(default)]
    pub(super) disabled: Patch<bool>,
}

/// A channel.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ChannelInfo {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// How it tells.
    pub kind: ChannelKind,
    /// Where: a URL, which auditors see up to its host, or an e-mail address.
    pub target: String,
    /// What signs the webhook: in the answer that makes it, and in no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The language of mails.
    pub language: Language,
    /// The kinds of notices that are sent here; all of them when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<String>>,
    /// Whether nothing is sent here.
    pub disabled: bool,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<DateTime<Utc>>,
    /// When something arrived last; of a ping, when it was sent last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<DateTime<Utc>>,
    /// Why the last try did not arrive, or why no ping is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// The number in the ETag.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A notice on its way to a channel.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct DeliveryInfo {
    /// Its id.
    pub id: Uuid,
    /// Where it goes.
    pub channel_id: Uuid,
    /// What is told: the `webhook-id`.
    pub notice_id: Uuid,
    /// The notice's kind.
    pub kind: String,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: i64,
    /// The receiver's status at the last try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<i64>,
    /// The beginning of what the receiver answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// Why the last try did not arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<DateTime<Utc>>,
    /// When it arrived, or was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// When it began.
    pub created_at: DateTime<Utc>,
}

pub(super) fn tag(language: Language) -> &'static str {
    match language {
        Language::English => "en",
        Language::German => "de",
    }
}

pub(super) fn language(tag: &str) -> Language {
    match notify::Language::of(tag) {
        notify::Language::English => Language::English,
        notify::Language::German => Language::German,
    }
}

/// With the secret: for the answer to whoever had it made.
pub(super) fn show_once(caller: &Caller, row: Channel) -> ChannelInfo {
    let secret = row.secret.as_ref().map(|secrets| secrets.0.current().to_owned());
    ChannelInfo { secret, ..show(caller, row) }
}

/// What of a URL comes behind its host may be all that keeps others from using it: who only reads does not see it.
pub(super) fn show(caller: &Caller, row: Channel) -> ChannelInfo {
    let reads_only = !matches!(caller.identity, Identity::Admin { role: AdminRole::Owner | AdminRole::Operator, .. });
    ChannelInfo {
        id: row.id.uuid(),
        target: if reads_only { row.place() } else { row.target },
        name: row.name,
        kind: row.kind.into(),
        secret: None,
        language: language(&row.language),
        kinds: row.kinds.0,
        disabled: row.disabled_at.is_some(),
        disabled_at: row.disabled_at.map(Timestamp::to_datetime),
        last_at: row.last_at.map(Timestamp::to_datetime),
        last_error: row.last_error,
        version: row.version,
        created_at: row.created_at.to_datetime(),
        updated_at: row.updated_at.to_datetime(),
    }
}

pub(super) fn show_delivery(row: Delivery) -> DeliveryInfo {
    DeliveryInfo {
        id: row.id.uuid(),
        channel_id: row.channel_id.uuid(),
        notice_id: row.notice_id.uuid(),
        kind: row.kind,
        status: row.status.into(),
        attempts: row.attempts,
        answer: row.answer,
        excerpt: row.excerpt,
        error: row.error,
        next_at: row.next_at.map(Timestamp::to_datetime),
        finished_at: row.finished_at.map(Timestamp::to_datetime),
        created_at: row.created_at.to_datetime(),
    }
}
