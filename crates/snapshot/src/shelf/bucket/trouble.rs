//! What a server's refusals come to, in words for whoever has to act. None of them is damage.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use object_store::client::HttpError;

use crate::error::Error;

/// As much of a server's own words is shown.
const WORDS: usize = 200;

/// What kept a shelf's server from doing as it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The keys are not known, or the secret is not theirs, or they have expired.
    Credentials,
    /// The keys are good, and may not do that.
    Denied,
    /// There is no such bucket.
    NoBucket,
    /// There is a bucket, and no shelf of ours below the prefix.
    NoShelf,
    /// The bucket is in another region.
    Region,
    /// The clocks differ by too much for a signature to count.
    Clock,
    /// The object was replaced while it was read.
    Changed,
    /// The server is there and fails, or is overloaded.
    Failing,
    /// Nobody answers, or not in time.
    Unreachable,
    /// Anything else that the server said.
    Refused,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials => "the access key is unknown, its secret is wrong, or it has expired",
            Self::Denied => "the credentials do not permit that",
            Self::NoBucket => "there is no such bucket",
            Self::NoShelf => "nothing of ChiliView's was ever put there; see whether bucket and prefix are right",
            Self::Region => "the bucket is in another region than the one that is configured",
            Self::Clock => "this machine's clock and the server's differ by too much",
            Self::Changed => "it was replaced meanwhile",
            Self::Failing => "the server fails, and goes on failing",
            Self::Unreachable => "the server cannot be reached, or does not answer in time",
            Self::Refused => "the server refuses",
        })
    }
}

/// What an error of the store comes to, for `action` on `object`.
pub(super) fn explain(action: &'static str, object: String, error: &(dyn StdError + 'static)) -> Error {
    let text = chain(error);
    let code = between(&text, "<Code>", "</Code>");
    let message = between(&text, "<Message>", "</Message>");
    if matches!(code, Some("QuotaExceeded" | "XMinioStorageFull" | "InsufficientCapacity")) || text.contains(" 507 ") {
        let source = Some(io::Error::other(shown(message.or(code).unwrap_or("507 Insufficient Storage"))));
        return Error::NoSpace { path: object.into(), source };
    }
    let trouble = code.and_then(known).unwrap_or_else(|| by_kind(error, &text));
    let words = match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => root(error),
    };
    Error::Shelf { action, object, trouble, detail: format!(" ({})", shown(&words)) }
}

/// By the codes that servers use: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
fn known(code: &str) -> Option<Trouble> {
    Some(match code {
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => {
            Trouble::Credentials
        }
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "UnauthorizedAccess" => Trouble::Denied,
        "NoSuchBucket" => Trouble::NoBucket,
        "AuthorizationHeaderMalformed"
        | "PermanentRedirect"
        | "TemporaryRedirect"
        | "IllegalLocationConstraintException" => Trouble::Region,
        "RequestTimeTooSkewed" => Trouble::Clock,
        "PreconditionFailed" => Trouble::Changed,
        "SlowDown" | "InternalError" | "ServiceUnavailable" | "RequestTimeout" | "OperationAborted" => Trouble::Failing,
        _ => return None,
    })
}

fn by_kind(error: &(dyn StdError + 'static), text: &str) -> Trouble {
    if causes(error).any(|cause| cause.is::<HttpError>() || cause.is::<io::Error>()) {
        return Trouble::Unreachable;
    }
    match error.downcast_ref::<object_store::Error>() {
        Some(object_store::Error::Unauthenticated { .. }) => Trouble::Credentials,
        Some(object_store::Error::PermissionDenied { .. }) => Trouble::Denied,
        Some(object_store::Error::Precondition { .. }) => Trouble::Changed,
        _ if text.contains("Received redirect") || text.contains(" 301 ") => Trouble::Region,
        _ if ["500", "502", "503", "504"].iter().any(|status| text.contains(&format!("code: {status} "))) => {
            Trouble::Failing
        }
        _ => Trouble::Refused,
    }
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), next)
}

fn next<'a>(error: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let error: &'a (dyn StdError + 'static) = *error;
    error.source()
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The innermost cause; the outer ones repeat it, with whole URLs and times.
fn root(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(found, _)| found)
}

fn shown(text: &str) -> String {
    text.chars().take(WORDS).map(|char| if char.is_control() { ' ' } else { char }).collect()
}
