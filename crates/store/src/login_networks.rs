//! Where each account logged in lately: from there it may, however many guess at it from elsewhere.

use crate::{
    clock::Timestamp,
    error::Result,
    seam::Tx,
    throttle::{Network, Subject},
};

/// Of one account; the ones that it was seen in longest ago are forgotten first.
const MOST: i64 = 32;

/// Notes that `account` logged in from there.
pub async fn remember(tx: &mut Tx, account: &Subject, network: Network, now: Timestamp) -> Result<()> {
    tx.query(
        "INSERT INTO login_networks (account, network, seen_at) VALUES ($1, $2, $3)
         ON CONFLICT (account, network) DO UPDATE SET seen_at = excluded.seen_at",
    )
    .bind(account.to_string())
    .bind(network.to_string())
    .bind(now)
    .execute()
    .await?;
    tx.query(
        "DELETE FROM login_networks WHERE account = $1 AND network NOT IN (
             SELECT network FROM login_networks WHERE account = $1 ORDER BY seen_at DESC, network LIMIT $2)",
    )
    .bind(account.to_string())
    .bind(MOST)
    .execute()
    .await?;
    Ok(())
}

/// Whether `account` logged in from there after `since`.
pub async fn is_known(tx: &mut Tx, account: &Subject, network: Network, since: Timestamp) -> Result<bool> {
    let found = tx
        .query("SELECT 1 FROM login_networks WHERE account = $1 AND network = $2 AND seen_at > $3")
        .bind(account.to_string())
        .bind(network.to_string())
        .bind(since)
        .fetch_optional::<(i32,)>()
        .await?;
    Ok(found.is_some())
}

/// Forgets where nobody logged in after `before`.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.query("DELETE FROM login_networks WHERE seen_at <= $1").bind(before).execute().await
}
