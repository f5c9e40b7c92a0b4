//! How an attempt ended, and when the next one is due (Standard Webhooks, "Deliverability and reliability").

use std::io;
use std::time::Duration;

use crate::chain;
use crate::url::UrlError;

/// The waits before each attempt. The first is made at once, the last about three days later.
const WAITS: [Duration; 10] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// How often a message is tried at most.
pub const MAX_ATTEMPTS: u32 = 10;

/// The longest wait that a receiver may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// An answer with a status of 200 to 299.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The status.
    pub status: u16,
    /// The beginning of the answer's body: at most 16 KiB were read, characters that no log should hold are replaced.
    pub excerpt: String,
    /// From the look-up to the end of what was read.
    pub took: Duration,
}

/// Why a request was not answered with success. The words complete "failed to …" and hold no secret of ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// It may not be sent there; nothing was sent.
    #[error("send it: the URL {0}")]
    Refused(UrlError),
    /// The name has no address.
    #[error("resolve the host")]
    Resolve(#[source] io::Error),
    /// Nobody took the connection.
    #[error("connect")]
    Connect(#[source] io::Error),
    /// The server could not prove who it is, or speaks no TLS.
    #[error("agree on TLS")]
    Tls(#[source] io::Error),
    /// No answer in time.
    #[error("get an answer in time")]
    Timeout,
    /// The connection broke, or what came is no HTTP.
    #[error("get a whole answer")]
    Exchange(#[source] hyper::Error),
    /// Any status but 200 to 299; a redirect is one of them.
    #[error("get more than status {code}")]
    Status {
        /// The status.
        code: u16,
        /// The beginning of the body, as in [`Delivered`].
        excerpt: String,
        /// What the receiver asks for, at most a day.
        retry_after: Option<Duration>,
    },
}

impl DeliveryError {
    /// Whether another attempt may end otherwise.
    ///
    /// Standard Webhooks treats every status but `410 Gone` as a failure to be tried again: a 404 or 401 is mostly a receiver
    /// that is just being deployed. Where we may not send, time changes nothing.
    #[must_use]
    pub fn is_worth_retrying(&self) -> bool {
        !self.is_gone() && !matches!(self, Self::Refused(_))
    }

    /// Whether the receiver wants nothing more (`410 Gone`): the webhook is to be switched off.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Status { code: 410, .. })
    }

    /// How long to wait before the next attempt after `failures` of them, this one included; none when it was the last.
    ///
    /// The longer of [`backoff`] and what the receiver asked for, and up to a tenth more, by `random`, so that many
    /// messages that failed together do not come back together.
    #[must_use]
    pub fn next_attempt(&self, failures: u32, random: u16) -> Option<Duration> {
        if !self.is_worth_retrying() {
            return None;
        }
        let asked =
            if let Self::Status { retry_after, .. } = self { retry_after.unwrap_or_default() } else { Duration::ZERO };
        Some(spread(backoff(failures)?.max(asked), random))
    }

    /// The status and the beginning of the body, when there was an answer.
    #[must_use]
    pub fn answer(&self) -> Option<(u16, &str)> {
        if let Self::Status { code, excerpt, .. } = self { Some((*code, excerpt)) } else { None }
    }

    /// One line with every cause, for a delivery log.
    #[must_use]
    pub fn words(&self) -> String {
        chain::words(self)
    }
}

/// How long to wait after `failures` failed attempts; nothing before the first, none after the last.
#[must_use]
pub fn backoff(failures: u32) -> Option<Duration> {
    WAITS.get(usize::try_from(failures).ok()?).copied()
}

/// Up to a tenth more.
pub(crate) fn spread(wait: Duration, random: u16) -> Duration {
    wait + (wait / 10).mul_f64(f64::from(random) / f64::from(u16::MAX))
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a time seen from `now`.
pub(crate) fn retry_after(header: Option<&http::HeaderValue>, now: chrono::DateTime<chrono::Utc>) -> Option<Duration> {
    let text = header?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now.into()).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, retry_after: Option<Duration>) -> DeliveryError {
        DeliveryError::Status { code, excerpt: String::new(), retry_after }
    }

    #[test]
    fn a_message_is_tried_ten_times_over_three_days() {
        assert_eq!(backoff(0), Some(Duration::ZERO));
        assert_eq!(backoff(1), Some(Duration::from_secs(5)));
        assert!(backoff(MAX_ATTEMPTS - 1).is_some());
        assert_eq!(backoff(MAX_ATTEMPTS), None);
        assert_eq!(backoff(u32::MAX), None);
        let whole: Duration = (0..MAX_ATTEMPTS).filter_map(backoff).sum();
        assert_eq!(whole, Duration::from_secs(75 * 3600 + 35 * 60 + 5));
    }

    #[test]
    fn only_gone_and_refused_are_not_tried_again() {
        for code in [301, 400, 401, 404, 408, 429, 500, 502, 503] {
            assert!(status(code, None).is_worth_retrying(), "{code}");
        }
        assert!(DeliveryError::Timeout.is_worth_retrying());
        assert!(status(410, None).is_gone());
        assert_eq!(status(410, None).next_attempt(1, 0), None);
        assert_eq!(DeliveryError::Refused(UrlError::NoHost).next_attempt(1, 0), None);
        assert_eq!(status(500, None).next_attempt(MAX_ATTEMPTS, 0), None);
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_wait_but_not_for_a_shorter_one() {
        let minute = Duration::from_mins(1);
        assert_eq!(status(429, Some(minute)).next_attempt(1, 0), Some(minute));
        assert_eq!(status(503, Some(minute)).next_attempt(2, 0), Some(Duration::from_mins(5)));
        assert_eq!(status(500, None).next_attempt(2, u16::MAX), Some(Duration::from_secs(330)));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_more_than_a_day() {
        let now = "2026-01-01T12:00:00Z".parse().unwrap();
        let read = |text: &str| retry_after(Some(&text.parse().unwrap()), now);
        assert_eq!(read("120"), Some(Duration::from_mins(2)));
        assert_eq!(read("Thu, 01 Jan 2026 12:01:00 GMT"), Some(Duration::from_mins(1)));
        assert_eq!(read("Thu, 01 Jan 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("99999999999"), Some(LONGEST_RETRY_AFTER));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-5"), None);
    }
}
