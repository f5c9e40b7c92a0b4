//! Conditions: what is told once when it begins and once when it is over, however many processes look.

use sqlx::FromRow;

use crate::{clock::Timestamp, error::Result, seam::Tx};

/// A row of `conditions`: it is there for as long as the condition holds.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Condition {
    pub subject: String,
    pub kind: String,
    pub since: Timestamp,
    pub seen_at: Timestamp,
}

/// It holds. True when that is news.
pub async fn begin(tx: &mut Tx, subject: &str, kind: &str, at: Timestamp) -> Result<bool> {
    let began = tx
        .query(
            "INSERT INTO conditions (subject, kind, since, seen_at) VALUES ($1, $2, $3, $3)
             ON CONFLICT (subject) DO NOTHING",
        )
        .bind(subject.to_owned())
        .bind(kind.to_owned())
        .bind(at)
        .execute()
        .await?;
    if began == 0 {
        tx.query("UPDATE conditions SET seen_at = $2 WHERE subject = $1")
            .bind(subject.to_owned())
            .bind(at)
            .execute()
            .await?;
    }
    Ok(began == 1)
}

/// It holds no more: since when it did, when that is news.
pub async fn end(tx: &mut Tx, subject: &str) -> Result<Option<Timestamp>> {
    let ended = tx
        .query("DELETE FROM conditions WHERE subject = $1 RETURNING since")
        .bind(subject.to_owned())
        .fetch_optional::<(Timestamp,)>()
        .await?;
    Ok(ended.map(|(since,)| since))
}

/// All that hold of a kind.
pub async fn of_kind(tx: &mut Tx, kind: &str) -> Result<Vec<Condition>> {
    tx.query("SELECT subject, kind, since, seen_at FROM conditions WHERE kind = $1 ORDER BY subject LIMIT 1000")
        .bind(kind.to_owned())
        .fetch_all()
        .await
}
