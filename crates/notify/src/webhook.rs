//! Webhooks by the Standard Webhooks specification, <https://www.standardwebhooks.com>: one attempt, signed.
//!
//! The caller keeps what is due: [`DeliveryError::next_attempt`] says when an attempt that failed is made again, with the
//! same [`Message`] and a new time.

use chrono::{DateTime, SecondsFormat, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::delivery::{Delivered, DeliveryError, retry_after};
use crate::notice::Notice;
use crate::outbound::{Answer, Outbound};
use crate::secret::Secret;

/// Where to, and what signs it.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// What [`check_url`](crate::check_url) answered.
    pub url: Url,
    /// The current secret.
    pub secret: Secret,
    /// The one before, while the receiver changes over: both sign.
    pub previous: Option<Secret>,
}

/// What is told. The same for every attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The receiver's key to tell a repetition from news.
    pub id: Uuid,
    /// The event's name.
    pub event: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What belongs to it.
    pub data: Value,
}

impl Message {
    /// A message that tells a notice.
    #[must_use]
    pub fn of(id: Uuid, notice: &Notice) -> Self {
        Self { id, event: notice.kind().name().to_owned(), at: notice.at(), data: notice.json() }
    }

    /// The body: `{"type", "timestamp", "data"}`.
    #[must_use]
    pub fn body(&self) -> String {
        let timestamp = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        json!({"type": self.event, "timestamp": timestamp, "data": self.data}).to_string()
    }
}

/// Makes one attempt, at `now`.
///
/// # Errors
/// Whatever is not an answer with a status of 200 to 299.
pub async fn deliver(
    outbound: &Outbound,
    webhook: &Webhook,
    message: &Message,
    now: DateTime<Utc>,
) -> Result<Delivered, DeliveryError> {
    let body = message.body();
    let headers = headers(webhook, message, now.timestamp(), &body);
    let answer = outbound.send(Method::POST, &webhook.url, headers, body.into()).await?;
    judge(answer, now)
}

fn headers(webhook: &Webhook, message: &Message, timestamp: i64, body: &str) -> HeaderMap {
    let id = message.id.to_string();
    let secrets = std::iter::once(&webhook.secret).chain(&webhook.previous);
    let signatures: Vec<_> = secrets.map(|secret| secret.sign(&id, timestamp, body.as_bytes())).collect();
    let values =
        [("webhook-id", id), ("webhook-timestamp", timestamp.to_string()), ("webhook-signature", signatures.join(" "))];
    let mut headers: HeaderMap = values
        .into_iter()
        // Hexadecimal digits, decimal digits and base64: each is a header's value.
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?)))
        .collect();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}

/// Success, or the error that a status is.
pub(crate) fn judge(answer: Answer, now: DateTime<Utc>) -> Result<Delivered, DeliveryError> {
    let Delivered { status: code, excerpt, .. } = answer.delivered;
    if (200..300).contains(&code) {
        return Ok(Delivered { excerpt, ..answer.delivered });
    }
    let retry_after = retry_after(answer.headers.get(header::RETRY_AFTER), now);
    Err(DeliveryError::Status { code, excerpt, retry_after })
}
