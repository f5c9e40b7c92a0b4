//! What a channel may be.

use chiliview_notify::{self as notify, Kind, check_url, mail::Address};
use chiliview_store::{
    ChannelId, Timestamp,
    channels::{Channel, ChannelKind as Stored, Secrets},
    json_text::JsonText,
};

use super::shapes::{ChannelPatch, NewChannel, NewChannelKind, language, tag};
use crate::{
    json::{Patch, required},
    problem::Problem,
    words::{Language, NoticeKind},
};

/// The row that a request asks for. Only a webhook keeps the secret.
pub(super) fn new_channel(
    input: NewChannel,
    outbound: &notify::Policy,
    secret: String,
    id: ChannelId,
    now: Timestamp,
) -> Result<Channel, Problem> {
    let kind = match input.kind {
        NewChannelKind::Webhook => Stored::Webhook,
        NewChannelKind::Email => Stored::Email,
        NewChannelKind::Ping => Stored::Ping,
    };
    refuse_kinds(kind, input.kinds.is_some())?;
    Ok(Channel {
        id,
        name: input.name,
        kind,
        target: checked(kind, &input.target, outbound)?,
        secret: (kind == Stored::Webhook).then(|| JsonText(Secrets::new(secret))),
        language: tag(input.language.unwrap_or(Language::English)).to_owned(),
        kinds: JsonText(input.kinds.map(names)),
        disabled_at: input.disabled.unwrap_or_default().then_some(now),
        last_at: None,
        last_error: None,
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

pub(super) fn patched(
    before: Channel,
    patch: ChannelPatch,
    outbound: &notify::Policy,
    now: Timestamp,
) -> Result<Channel, Problem> {
    let target = match patch.target {
        Patch::Value(target) => checked(before.kind, &target, outbound)?,
        kept => required("/target", kept, before.target)?,
    };
    refuse_kinds(before.kind, matches!(patch.kinds, Patch::Value(_)))?;
    let disabled = required("/disabled", patch.disabled, before.disabled_at.is_some())?;
    let switched_on = before.disabled_at.is_some() && !disabled;
    let kinds = match patch.kinds {
        Patch::Absent => before.kinds.0,
        Patch::Null => None,
        Patch::Value(kinds) => Some(names(kinds)),
    };
    Ok(Channel {
        name: required("/name", patch.name, before.name)?,
        target,
        language: tag(required("/language", patch.language, language(&before.language))?).to_owned(),
        kinds: JsonText(kinds),
        disabled_at: disabled.then(|| before.disabled_at.unwrap_or(now)),
        last_error: before.last_error.filter(|_| !switched_on),
        updated_at: now,
        ..before
    })
}

/// A ping hears of no notice.
fn refuse_kinds(kind: Stored, given: bool) -> Result<(), Problem> {
    if kind == Stored::Ping && given {
        let detail = "goes with webhooks and e-mail only";
        return Err(Problem::field("/kinds", "not_allowed", detail));
    }
    Ok(())
}

/// A place that may be told something, as it is kept.
fn checked(kind: Stored, target: &str, outbound: &notify::Policy) -> Result<String, Problem> {
    let checked = match kind {
        Stored::Webhook | Stored::Ping => {
            check_url(target, outbound).map(String::from).map_err(|error| (error.code(), error.to_string()))
        }
        Stored::Email => match target.parse::<Address>() {
            Ok(_) => Ok(target.to_owned()),
            Err(_) => Err(("email_invalid", "is no e-mail address".to_owned())),
        },
    };
    checked.map_err(|(code, detail)| Problem::field("/target", code, detail))
}

/// Each once, by name.
fn names(kinds: Vec<NoticeKind>) -> Vec<String> {
    let mut names: Vec<_> = kinds.into_iter().map(|kind| Kind::from(kind).name().to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

/// Of 32 random bytes.
pub(super) fn new_secret() -> String {
    notify::Secret::from_random(rand::random()).expose()
}

pub(super) fn name_taken(error: chiliview_store::Error) -> Problem {
    if error.is_duplicate_of("channels", "name_key") {
        return Problem::taken("/name", "name_taken", "another channel has this name");
    }
    error.into()
}
