//! Whether the central database takes a commit right now.

use crate::{clock::Timestamp, error::Result, seam::Tx};

/// Writes the probe's row.
pub async fn probe(tx: &mut Tx, at: Timestamp) -> Result<()> {
    tx.query(
        "INSERT INTO readiness (id, checked_at) VALUES (1, $1)
         ON CONFLICT (id) DO UPDATE SET checked_at = excluded.checked_at",
    )
    .bind(at)
    .execute()
    .await?;
    Ok(())
}
