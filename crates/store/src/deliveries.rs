//! Deliveries: a notice on its way to one channel, and how each try went.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::Result,
    ids::{ChannelId, DeliveryId, Ids, NoticeId, words},
    paging::{Direction, Page},
    queue::{self, NewJob, Work},
    seam::Tx,
};

/// How often one is tried at most.
pub const ATTEMPTS: u32 = 10;

words! {
    /// Where a delivery stands.
    DeliveryStatus {
        /// It waits for its first try, or for the next.
        Queued = "queued",
        /// The receiver took it.
        Delivered = "delivered",
        /// It will not be tried again.
        Failed = "failed",
    }
}

/// A row of `deliveries`.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Delivery {
    pub id: DeliveryId,
    pub channel_id: ChannelId,
    pub notice_id: NoticeId,
    /// The notice's kind.
    pub kind: String,
    pub status: DeliveryStatus,
    pub attempts: i64,
    pub answer: Option<i64>,
    pub excerpt: Option<String>,
    pub error: Option<String>,
    pub next_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, channel_id, notice_id, n.kind, status, attempts, answer, excerpt, error, next_at, \
             finished_at, created_at, updated_at FROM deliveries AS d JOIN notices AS n ON n.id = d.notice_id ",
            $rest
        )
    };
}

/// Adds a delivery, queued.
pub async fn insert(tx: &mut Tx, id: DeliveryId, channel: ChannelId, notice: NoticeId, at: Timestamp) -> Result<()> {
    tx.query(
        "INSERT INTO deliveries (id, channel_id, notice_id, status, attempts, next_at, created_at, updated_at)
         VALUES ($1, $2, $3, 'queued', 0, $4, $4, $4)",
    )
    .bind(id)
    .bind(channel)
    .bind(notice)
    .bind(at)
    .execute()
    .await?;
    Ok(())
}

/// Enqueues the job that makes the tries.
pub async fn enqueue(tx: &mut Tx, ids: Ids, id: DeliveryId) -> Result<()> {
    let job = NewJob { max_attempts: ATTEMPTS, ..NewJob::new(ids.next(), Work::Deliver { delivery: id }) };
    queue::enqueue(tx, &job).await?;
    Ok(())
}

/// By id.
pub async fn find(tx: &mut Tx, id: DeliveryId) -> Result<Option<Delivery>> {
    tx.query(select!("WHERE d.id = $1")).bind(id).fetch_optional().await
}

/// A page of a channel's, by when they began.
pub async fn list(tx: &mut Tx, channel: ChannelId, page: &Page) -> Result<Vec<Delivery>> {
    let sql = match page.direction {
        Direction::Ascending => select!("WHERE channel_id = $1 AND d.id > $2 ORDER BY d.id LIMIT $3"),
        Direction::Descending => select!("WHERE channel_id = $1 AND d.id < $2 ORDER BY d.id DESC LIMIT $3"),
    };
    tx.query(sql).bind(channel).bind(page.start().1).bind(page.limit).fetch_all().await
}

/// How a try went.
#[derive(Clone, Debug)]
pub struct Try {
    /// Where that leaves the delivery.
    pub status: DeliveryStatus,
    /// The receiver's status, if there was an answer.
    pub answer: Option<u16>,
    /// The beginning of the answer.
    pub excerpt: Option<String>,
    /// Why it did not arrive.
    pub error: Option<String>,
    /// When it is tried again.
    pub next_at: Option<Timestamp>,
}

/// Notes a try. False when the delivery has ended.
pub async fn tried(tx: &mut Tx, id: DeliveryId, tried: &Try, at: Timestamp) -> Result<bool> {
    let over = (tried.status != DeliveryStatus::Queued).then_some(at);
    let changed = tx
        .query(
            "UPDATE deliveries SET status = $2, attempts = attempts + 1, answer = $3, excerpt = $4, error = $5,
                 next_at = $6, finished_at = $7, updated_at = $8
             WHERE id = $1 AND status = 'queued'",
        )
        .bind(id)
        .bind(tried.status)
        .bind(tried.answer.map(i64::from))
        .bind(tried.excerpt.clone())
        .bind(tried.error.clone())
        .bind(tried.next_at)
        .bind(over)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// It will not be tried again. What the last try said stays, where there is something. False when the delivery has ended.
pub async fn give_up(tx: &mut Tx, id: DeliveryId, reason: &str, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE deliveries SET status = 'failed', error = COALESCE(error, $2), next_at = NULL, finished_at = $3,
                 updated_at = $3
             WHERE id = $1 AND status = 'queued'",
        )
        .bind(id)
        .bind(reason.to_owned())
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Puts one that has ended back to the start. False when it has not ended.
pub async fn again(tx: &mut Tx, id: DeliveryId, at: Timestamp) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE deliveries SET status = 'queued', attempts = 0, error = NULL, next_at = $2, finished_at = NULL,
                 updated_at = $2
             WHERE id = $1 AND status <> 'queued'",
        )
        .bind(id)
        .bind(at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// How many there are of each status.
pub async fn counts(tx: &mut Tx) -> Result<Vec<(DeliveryStatus, i64)>> {
    tx.query("SELECT status, count(*) FROM deliveries GROUP BY status ORDER BY status").fetch_all().await
}

/// Forgets those that ended before `before`.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.query("DELETE FROM deliveries WHERE finished_at < $1").bind(before).execute().await
}
