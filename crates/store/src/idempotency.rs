//! First answers to requests that carried an `Idempotency-Key`, remembered in the transaction that they speak of.

use sqlx::FromRow;

use crate::{clock::Timestamp, error::Result, seam::Tx};

/// A remembered answer.
#[derive(Clone, Debug, FromRow, PartialEq, Eq)]
pub struct Answer {
    /// SHA-256 of method, path and body of the request, in hex: another request with the same key is an error.
    pub request_hash: String,
    /// The `Location` that was sent.
    pub location: Option<String>,
    /// The body that was sent.
    pub body: String,
}

/// The answer that this caller got for this key.
pub async fn find(tx: &mut Tx, caller: &str, key: &str) -> Result<Option<Answer>> {
    tx.query("SELECT request_hash, location, body FROM idempotency WHERE caller = $1 AND key = $2")
        .bind(caller.to_owned())
        .bind(key.to_owned())
        .fetch_optional()
        .await
}

/// Remembers an answer; the status that it is sent with again is the operation's own, and older versions want one. A key that this caller used before is [`crate::Error::Duplicate`].
pub async fn remember(tx: &mut Tx, caller: &str, key: &str, answer: &Answer, at: Timestamp) -> Result<()> {
    tx.query(
        "INSERT INTO idempotency (caller, key, request_hash, status, location, body, created_at)
         VALUES ($1, $2, $3, 200, $4, $5, $6)",
    )
    .bind(caller.to_owned())
    .bind(key.to_owned())
    .bind(answer.request_hash.clone())
    .bind(answer.location.clone())
    .bind(answer.body.clone())
    .bind(at)
    .execute()
    .await?;
    Ok(())
}

/// Forgets what is older than `before`.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.query("DELETE FROM idempotency WHERE created_at < $1").bind(before).execute().await
}
