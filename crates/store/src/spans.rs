//! Finished spans of the traces worth keeping: how a backup went, from the click to the last fsync. So many of a part of a
//! trace at the most, for so long: they are there to be looked at, and nothing depends on them.

use std::collections::{BTreeMap, btree_map::Entry};

use sqlx::FromRow;
use uuid::Uuid;

use crate::{clock::Timestamp, error::Result, ids::words, json_text::JsonText, seam::Tx};

/// Of one request or job, and its attempts: a runaway loop must not fill the database.
const MOST_OF_A_PART: i64 = 500;
/// Of one answer.
const MOST_OF_A_TRACE: i64 = 5000;

words! {
    /// How a span ended.
    SpanStatus {
        /// Somebody said that it went well.
        Ok = "ok",
        /// It failed.
        Error = "error",
        /// Nobody said anything, which is the usual way to succeed.
        Unset = "unset",
    }
}

/// A row of `spans`.
#[derive(Clone, Debug, FromRow, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Span {
    pub trace_id: String,
    pub span_id: String,
    pub parent_id: Option<String>,
    pub subject: Option<String>,
    pub name: String,
    pub kind: String,
    pub service: String,
    pub started_at: Timestamp,
    pub micros: i64,
    pub status: SpanStatus,
    pub error: Option<String>,
    pub attributes: JsonText<BTreeMap<String, String>>,
}

/// Keeps these; one that is there already stays as it is. What is more than a part of a trace may have is left out.
pub async fn keep(tx: &mut Tx, spans: &[Span]) -> Result<()> {
    let mut room: BTreeMap<(&str, Option<&str>), i64> = BTreeMap::new();
    for span in spans {
        let part = (span.trace_id.as_str(), span.subject.as_deref());
        let left = match room.entry(part) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(MOST_OF_A_PART - count(tx, part.0, part.1).await?),
        };
        if *left > 0 {
            *left -= 1;
            insert(tx, span).await?;
        }
    }
    Ok(())
}

async fn count(tx: &mut Tx, trace: &str, subject: Option<&str>) -> Result<i64> {
    let counted = tx
        .query(
            "SELECT count(*) FROM spans
             WHERE trace_id = $1 AND (subject = $2 OR (subject IS NULL AND CAST($2 AS TEXT) IS NULL))",
        )
        .bind(trace.to_owned())
        .bind(subject.map(str::to_owned));
    Ok(counted.fetch_one::<(i64,)>().await?.0)
}

async fn insert(tx: &mut Tx, span: &Span) -> Result<()> {
    tx.query(
        "INSERT INTO spans (trace_id, span_id, parent_id, subject, name, kind, service, started_at, micros, status, error,
             attributes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (trace_id, span_id) DO NOTHING",
    )
    .bind(span.trace_id.clone())
    .bind(span.span_id.clone())
    .bind(span.parent_id.clone())
    .bind(span.subject.clone())
    .bind(span.name.clone())
    .bind(span.kind.clone())
    .bind(span.service.clone())
    .bind(span.started_at)
    .bind(span.micros)
    .bind(span.status)
    .bind(span.error.clone())
    .bind(span.attributes.clone())
    .execute()
    .await?;
    Ok(())
}

/// All of a trace in the order of their starts; with a subject, what is another's is left out.
pub async fn of_trace(tx: &mut Tx, trace: &str, subject: Option<Uuid>) -> Result<Vec<Span>> {
    tx.query(
        "SELECT trace_id, span_id, parent_id, subject, name, kind, service, started_at, micros, status, error, attributes
         FROM spans WHERE trace_id = $1 AND (CAST($2 AS TEXT) IS NULL OR subject IS NULL OR subject = $2)
         ORDER BY started_at, span_id LIMIT $3",
    )
    .bind(trace.to_owned())
    .bind(subject.map(|id| id.to_string()))
    .bind(MOST_OF_A_TRACE)
    .fetch_all()
    .await
}

/// Forgets those that began before `before`.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.query("DELETE FROM spans WHERE started_at < $1").bind(before).execute().await
}
