//! Dead-man pings: a URL that is called as long as all is well. The service behind it raises the alarm when calls stop.

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, Method, header};
use url::Url;

use crate::delivery::{Delivered, DeliveryError};
use crate::outbound::Outbound;
use crate::webhook::judge;

/// How the URL is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ping {
    /// `GET`, which every such service takes.
    Get,
    /// `POST` with some plain text, for services that keep it.
    Post(String),
}

/// Calls the URL once, at `now`. A ping that failed is not repeated: the next one is due soon enough.
///
/// # Errors
/// Whatever is not an answer with a status of 200 to 299.
pub async fn send(outbound: &Outbound, url: &Url, ping: Ping, now: DateTime<Utc>) -> Result<Delivered, DeliveryError> {
    let mut headers = HeaderMap::new();
    let (method, body) = match ping {
        Ping::Get => (Method::GET, bytes::Bytes::new()),
        Ping::Post(text) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            (Method::POST, text.into())
        }
    };
    judge(outbound.send(method, url, headers, body).await?, now)
}
