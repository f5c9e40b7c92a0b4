//! Channels: where notices are sent, and where a dead-man ping is.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::{Error, Result},
    ids::{ChannelId, words},
    json_text::JsonText,
    paging::{Direction, Page},
    seam::{Query, Tx},
};

/// More are not taken: each notice makes a row for each of them.
pub const MOST: i64 = 100;

words! {
    /// How a channel tells.
    ChannelKind {
        /// A signed request to a URL.
        Webhook = "webhook",
        /// A mail to an address.
        Email = "email",
        /// A URL that is called as long as all is well.
        Ping = "ping",
    }
}

/// What signs a webhook, and for a while what signed it before. Never printed; a channel serialises without it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    current: String,
    previous: Option<(String, Timestamp)>,
}

impl Secrets {
    /// The first one.
    #[must_use]
    pub fn new(current: String) -> Self {
        Self { current, previous: None }
    }

    /// A new one; the one before signs too until `until`.
    #[must_use]
    pub fn rotated(self, current: String, until: Timestamp) -> Self {
        Self { current, previous: Some((self.current, until)) }
    }

    /// What signs now.
    #[must_use]
    pub fn current(&self) -> &str {
        &self.current
    }

    /// What signs too, at `now`.
    #[must_use]
    pub fn previous(&self, now: Timestamp) -> Option<&str> {
        self.previous.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret.as_str())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A row of `channels`; it serialises to what the audit log compares.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Channel {
    pub id: ChannelId,
    pub name: String,
    pub kind: ChannelKind,
    /// A URL, whose path may be all that keeps others from using it, or an e-mail address.
    #[serde(serialize_with = "serialize_place")]
    pub target: String,
    #[serde(skip)]
    pub secret: Option<JsonText<Secrets>>,
    /// The language of mails.
    pub language: String,
    /// The kinds of notices that are sent here; all of them when there is no list.
    pub kinds: JsonText<Option<Vec<String>>>,
    pub disabled_at: Option<Timestamp>,
    /// When something arrived last.
    #[serde(skip)]
    pub last_at: Option<Timestamp>,
    /// Why the last try did not arrive, or why no ping is sent.
    #[serde(skip)]
    pub last_error: Option<String>,
    #[serde(skip)]
    pub version: i64,
    #[serde(skip)]
    pub created_at: Timestamp,
    #[serde(skip)]
    pub updated_at: Timestamp,
}

impl Channel {
    /// The target without what a URL may keep secret: everything behind its host.
    #[must_use]
    pub fn place(&self) -> String {
        place(&self.target)
    }

    /// Whether notices of this kind are sent here.
    #[must_use]
    pub fn hears(&self, kind: &str) -> bool {
        let listed = |kinds: &Vec<String>| kinds.iter().any(|listed| listed == kind);
        self.kind != ChannelKind::Ping && self.kinds.0.as_ref().is_none_or(listed)
    }
}

fn place(target: &str) -> String {
    let Some((scheme, rest)) = target.split_once("://") else { return target.to_owned() };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}/***")
}

fn serialize_place<S: Serializer>(target: &str, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&place(target))
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, kind, target, secret, language, kinds, disabled_at, last_at, last_error, version, \
             created_at, updated_at FROM channels ",
            $rest
        )
    };
}

/// Adds a channel. A name that exists, in whatever case, is [`Error::Duplicate`] of `channels.name_key`.
pub async fn insert(tx: &mut Tx, channel: &Channel) -> Result<()> {
    tx.query(
        "INSERT INTO channels (id, version, name, name_key, target, secret, language, kinds, disabled_at, last_error,
             updated_at, kind, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind_channel(channel)
    .bind(channel.kind)
    .bind(channel.created_at)
    .execute()
    .await?;
    Ok(())
}

/// Writes every column that people can change, if the row still has `channel.version`; the row's version goes up by one.
pub async fn update(tx: &mut Tx, channel: &Channel) -> Result<()> {
    let changed = tx
        .query(
            "UPDATE channels SET name = $3, name_key = $4, target = $5, secret = $6, language = $7, kinds = $8,
                 disabled_at = $9, last_error = $10, updated_at = $11, version = version + 1
             WHERE id = $1 AND version = $2",
        )
        .bind_channel(channel)
        .execute()
        .await?;
    if changed == 0 { Err(Error::VersionMismatch) } else { Ok(()) }
}

impl Query<'_> {
    /// `$1` to `$11` of both statements above.
    fn bind_channel(self, channel: &Channel) -> Self {
        self.bind(channel.id)
            .bind(channel.version)
            .bind(channel.name.clone())
            .bind(channel.name.to_lowercase())
            .bind(channel.target.clone())
            .bind(channel.secret.clone())
            .bind(channel.language.clone())
            .bind(channel.kinds.clone())
            .bind(channel.disabled_at)
            .bind(channel.last_error.clone())
            .bind(channel.updated_at)
    }
}

/// By id.
pub async fn find(tx: &mut Tx, id: ChannelId) -> Result<Option<Channel>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// Removes a channel and what was on its way to it.
pub async fn delete(tx: &mut Tx, id: ChannelId) -> Result<bool> {
    Ok(tx.query("DELETE FROM channels WHERE id = $1").bind(id).execute().await? == 1)
}

/// A page, by when they were made.
pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<Channel>> {
    let sql = match page.direction {
        Direction::Ascending => select!("WHERE id > $1 ORDER BY id LIMIT $2"),
        Direction::Descending => select!("WHERE id < $1 ORDER BY id DESC LIMIT $2"),
    };
    tx.query(sql).bind(page.start().1).bind(page.limit).fetch_all().await
}

/// How many there are.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    let (count,) = tx.query("SELECT count(*) FROM channels").fetch_one().await?;
    Ok(count)
}

/// All that are not disabled.
pub async fn enabled(tx: &mut Tx) -> Result<Vec<Channel>> {
    tx.query(select!("WHERE disabled_at IS NULL ORDER BY id LIMIT $1")).bind(MOST).fetch_all().await
}

/// Notes how the last try went: it arrived, or why not. It is no change of the channel: its version stays.
pub async fn note(tx: &mut Tx, id: ChannelId, error: Option<&str>, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE channels SET last_error = $2,
                 last_at = CASE WHEN CAST($2 AS TEXT) IS NULL THEN $3 ELSE last_at END WHERE id = $1",
        )
        .bind(id)
        .bind(error.map(str::to_owned))
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Switches a channel off, for a reason. False when it is off.
pub async fn disable(tx: &mut Tx, id: ChannelId, reason: &str, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE channels SET disabled_at = $3, last_error = $2, updated_at = $3, version = version + 1
             WHERE id = $1 AND disabled_at IS NULL",
        )
        .bind(id)
        .bind(reason.to_owned())
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Takes the next ping of a channel, if the last one was taken before `before`. Only one of many processes gets it.
pub async fn take_ping(tx: &mut Tx, id: ChannelId, before: Timestamp, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE channels SET last_at = $3
             WHERE id = $1 AND kind = 'ping' AND disabled_at IS NULL AND (last_at IS NULL OR last_at <= $2)",
        )
        .bind(id)
        .bind(before)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ids;

    fn channel(target: &str) -> Channel {
        let at = Timestamp::default();
        Channel {
            id: Ids.next(),
            name: "Operations".into(),
            kind: ChannelKind::Webhook,
            target: target.into(),
            secret: Some(JsonText(Secrets::new("whsec_canary".into()))),
            language: "de".into(),
            kinds: JsonText(None),
            disabled_at: None,
            last_at: None,
            last_error: None,
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn what_is_secret_about_a_channel_is_not_written_down() {
        let channel = channel("https://hooks.example.com:8443/T00/canary?key=canary");
        let written = serde_json::to_string(&channel).unwrap();
        assert!(written.contains("https://hooks.example.com:8443/***"), "{written}");
        assert!(!written.contains("canary") && !format!("{:?}", channel.secret).contains("canary"));
        assert_eq!(Channel { target: "ops@example.com".into(), ..channel }.place(), "ops@example.com");
    }

    #[test]
    fn a_channel_without_a_list_hears_everything_and_a_ping_hears_nothing() {
        let all = channel("https://a.example/");
        assert!(all.hears("backup_failed"));
        let some = Channel { kinds: JsonText(Some(vec!["disk_low".into()])), ..all.clone() };
        assert!(some.hears("disk_low") && !some.hears("backup_failed"));
        assert!(!Channel { kind: ChannelKind::Ping, ..all }.hears("backup_failed"));
    }
}
