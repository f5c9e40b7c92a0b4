//! Keys that the platform makes for itself, once, and that all its processes share: what one has signed another believes.

use crate::{clock::Timestamp, error::Result, seam::Tx};

/// The key of that name; `fresh` becomes it when there is none yet.
pub async fn find_or_insert(tx: &mut Tx, name: &str, fresh: &[u8], at: Timestamp) -> Result<Vec<u8>> {
    tx.query("INSERT INTO keys (name, secret, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING")
        .bind(name.to_owned())
        .bind(fresh.to_vec())
        .bind(at)
        .execute()
        .await?;
    Ok(find(tx, name).await?.unwrap_or_else(|| fresh.to_vec()))
}

/// The key of that name.
pub async fn find(tx: &mut Tx, name: &str) -> Result<Option<Vec<u8>>> {
    let found = tx.query("SELECT secret FROM keys WHERE name = $1").bind(name.to_owned());
    Ok(found.fetch_optional::<(Vec<u8>,)>().await?.map(|(secret,)| secret))
}
