//! The audit log of a database: append-only, in the same transaction as the change, each line carrying the hash of the one before.

mod concerned;
mod event;

use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::{Error, Result},
    ids::AuditId,
    paging::search_pattern,
    seam::Tx,
};

pub use self::{
    concerned::{Concerned, since_concerned},
    event::{Actor, ActorKind, Event, Outcome, creation, difference},
};

/// One line of the log, as stored.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct Entry {
    /// 1, 2, 3 … without a gap.
    pub seq: i64,
    /// The line's id.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who: what kind.
    pub actor_kind: ActorKind,
    /// Who: the id.
    pub actor_id: Option<String>,
    /// Who: the name.
    pub actor_name: String,
    /// `noun.verb`.
    pub action: String,
    /// What kind of object.
    pub object_kind: String,
    /// Which one.
    pub object_id: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<String>,
    /// What became different, as JSON.
    pub changes: String,
    /// The client's address.
    pub address: Option<String>,
    /// The trace.
    pub trace_id: Option<String>,
    /// The hash of the line before; 64 zeros for the first.
    pub previous_hash: String,
    /// The SHA-256 of this line, in hex.
    #[serde(skip)]
    pub hash: String,
}

impl Entry {
    /// SHA-256 over the line as JSON, `previous_hash` included.
    fn digest(&self) -> Result<String> {
        let line = serde_json::to_vec(self)
            .map_err(|error| Error::Corrupt { what: "an audit entry", reason: error.to_string() })?;
        Ok(hex::encode(Sha256::digest(line)))
    }
}

const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

macro_rules! columns {
    () => {
        "seq, id, at, actor_kind, actor_id, actor_name, action, object_kind, object_id, outcome, reason, changes, address, \
         trace_id, previous_hash, hash"
    };
}
use columns;

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM audit_log ", $rest)
    };
}

/// Appends a line. Writers of a database take turns, so the chain has one order.
pub async fn record(tx: &mut Tx, id: AuditId, at: Timestamp, actor: &Actor, event: Event) -> Result<()> {
    record_all(tx, at, actor, std::iter::once((id, event))).await
}

/// Appends many lines of one actor, in order.
pub async fn record_all(
    tx: &mut Tx,
    at: Timestamp,
    actor: &Actor,
    events: impl Iterator<Item = (AuditId, Event)>,
) -> Result<()> {
    let last =
        tx.query("SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1").fetch_optional::<(i64, String)>().await?;
    let (mut seq, mut hash) = last.unwrap_or((0, GENESIS.to_owned()));
    for (id, event) in events {
        seq += 1;
        let mut entry = Entry {
            seq,
            id,
            at,
            actor_kind: actor.kind,
            actor_id: actor.id.clone(),
            actor_name: actor.name.clone(),
            action: event.action.to_owned(),
            object_kind: event.object_kind.to_owned(),
            object_id: event.object_id,
            outcome: event.outcome,
            reason: event.reason,
            changes: event.changes.to_string(),
            address: actor.address.clone(),
            trace_id: actor.trace_id.clone(),
            previous_hash: hash,
            hash: String::new(),
        };
        entry.hash = entry.digest()?;
        hash = entry.hash.clone();
        insert(tx, entry).await?;
    }
    Ok(())
}

async fn insert(tx: &mut Tx, entry: Entry) -> Result<()> {
    tx.query(
        "INSERT INTO audit_log (seq, id, at, actor_kind, actor_id, actor_name, action, object_kind, object_id, outcome,
             reason, changes, address, trace_id, previous_hash, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(entry.seq)
    .bind(entry.id)
    .bind(entry.at)
    .bind(entry.actor_kind)
    .bind(entry.actor_id)
    .bind(entry.actor_name)
    .bind(entry.action)
    .bind(entry.object_kind)
    .bind(entry.object_id)
    .bind(entry.outcome)
    .bind(entry.reason)
    .bind(entry.changes)
    .bind(entry.address)
    .bind(entry.trace_id)
    .bind(entry.previous_hash)
    .bind(entry.hash)
    .execute()
    .await?;
    Ok(())
}

/// What to list; an absent part does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only lines about this object.
    pub object_id: Option<String>,
    /// Only this action.
    pub action: Option<String>,
    /// Only lines of this actor.
    pub actor_id: Option<String>,
    /// Only lines of actors with this name.
    pub actor_name: Option<String>,
    /// Only about objects of this kind.
    pub object_kind: Option<String>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Only at or after this instant…
    pub since: Option<Timestamp>,
    /// …and before this one.
    pub until: Option<Timestamp>,
    /// What was typed into the search: actor, action, object, reason, what became different.
    pub q: Option<String>,
    /// Only lines older than this one.
    pub before: Option<i64>,
}

/// The newest lines first, `limit` at most.
pub async fn list(tx: &mut Tx, filter: &Filter, limit: i64) -> Result<Vec<Entry>> {
    tx.query(select!(
        "WHERE (CAST($1 AS TEXT) IS NULL OR object_id = $1) AND (CAST($2 AS TEXT) IS NULL OR action = $2)
           AND (CAST($3 AS TEXT) IS NULL OR actor_id = $3) AND seq < $4
           AND (CAST($5 AS TEXT) IS NULL OR actor_name = $5) AND (CAST($6 AS TEXT) IS NULL OR object_kind = $6)
           AND (CAST($7 AS TEXT) IS NULL OR outcome = $7) AND (CAST($8 AS BIGINT) IS NULL OR at >= $8)
           AND (CAST($9 AS BIGINT) IS NULL OR at < $9)
           AND (CAST($10 AS TEXT) IS NULL OR lower(actor_name || ' ' || action || ' ' || COALESCE(object_id, '') || ' '
                || COALESCE(reason, '') || ' ' || changes) LIKE $10 ESCAPE '\\')
         ORDER BY seq DESC LIMIT $11"
    ))
    .bind(filter.object_id.clone())
    .bind(filter.action.clone())
    .bind(filter.actor_id.clone())
    .bind(filter.before.unwrap_or(i64::MAX))
    .bind(filter.actor_name.clone())
    .bind(filter.object_kind.clone())
    .bind(filter.outcome)
    .bind(filter.since)
    .bind(filter.until)
    .bind(search_pattern(filter.q.as_deref()))
    .bind(limit)
    .fetch_all()
    .await
}

/// Those behind the line `seq`, oldest first: what live views follow. Lines become visible in the order of their numbers.
pub async fn since(tx: &mut Tx, seq: i64, limit: i64) -> Result<Vec<Entry>> {
    tx.query(select!("WHERE seq > $1 ORDER BY seq LIMIT $2")).bind(seq).bind(limit).fetch_all().await
}

/// The number of the last line; 0 when there is none.
pub async fn last_seq(tx: &mut Tx) -> Result<i64> {
    let (last,) = tx.query("SELECT COALESCE(max(seq), 0) FROM audit_log").fetch_one::<(i64,)>().await?;
    Ok(last)
}

/// What a check of the chain found.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Verification {
    /// How many lines were checked.
    pub entries: i64,
    /// The first line that does not fit the one before, or was changed.
    pub broken_at: Option<i64>,
}

const VERIFY_PAGE: i64 = 1000;

/// Walks the whole chain, a page at a time.
pub async fn verify(tx: &mut Tx) -> Result<Verification> {
    let (mut seq, mut hash) = (0, GENESIS.to_owned());
    loop {
        let page: Vec<Entry> =
            tx.query(select!("WHERE seq > $1 ORDER BY seq LIMIT $2")).bind(seq).bind(VERIFY_PAGE).fetch_all().await?;
        for entry in &page {
            let fits = entry.seq == seq + 1 && entry.previous_hash == hash && entry.digest()? == entry.hash;
            if !fits {
                return Ok(Verification { entries: seq, broken_at: Some(entry.seq) });
            }
            (seq, hash) = (entry.seq, entry.hash.clone());
        }
        if page.is_empty() {
            return Ok(Verification { entries: seq, broken_at: None });
        }
    }
}
