//! The second factor of admins: a sealed secret for codes by time (RFC 6238), and hashes of codes that work once without it.

use sqlx::FromRow;

use crate::{clock::Timestamp, error::Result, ids::AdminId, seam::Tx};

/// A row of `second_factors`.
#[derive(Clone, FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct SecondFactor {
    pub admin_id: AdminId,
    pub secret: Vec<u8>,
    pub confirmed_at: Option<Timestamp>,
    pub last_step: i64,
    pub created_at: Timestamp,
}

/// Of one admin, confirmed or not.
pub async fn find(tx: &mut Tx, admin: AdminId) -> Result<Option<SecondFactor>> {
    tx.query("SELECT admin_id, secret, confirmed_at, last_step, created_at FROM second_factors WHERE admin_id = $1")
        .bind(admin)
        .fetch_optional()
        .await
}

/// Begins anew with this sealed secret, unless one is confirmed already.
pub async fn begin(tx: &mut Tx, admin: AdminId, secret: &[u8], at: Timestamp) -> Result<bool> {
    let begun = tx
        .query(
            "INSERT INTO second_factors (admin_id, secret, last_step, created_at) VALUES ($1, $2, 0, $3)
             ON CONFLICT (admin_id) DO UPDATE SET secret = excluded.secret, last_step = 0, created_at = excluded.created_at
             WHERE second_factors.confirmed_at IS NULL",
        )
        .bind(admin)
        .bind(secret.to_vec())
        .bind(at);
    Ok(begun.execute().await? == 1)
}

/// From now on log-ins need it. False when it was confirmed already.
pub async fn confirm(tx: &mut Tx, admin: AdminId, at: Timestamp) -> Result<bool> {
    let confirmed = tx
        .query("UPDATE second_factors SET confirmed_at = $2 WHERE admin_id = $1 AND confirmed_at IS NULL")
        .bind(admin)
        .bind(at);
    Ok(confirmed.execute().await? == 1)
}

/// Takes the code of a time step. False when that one or a later one was taken before: a code works once.
pub async fn take_step(tx: &mut Tx, admin: AdminId, step: i64) -> Result<bool> {
    let taken = tx
        .query("UPDATE second_factors SET last_step = $2 WHERE admin_id = $1 AND last_step < $2")
        .bind(admin)
        .bind(step);
    Ok(taken.execute().await? == 1)
}

/// Ends it, its recovery codes too.
pub async fn delete(tx: &mut Tx, admin: AdminId) -> Result<bool> {
    tx.query("DELETE FROM recovery_codes WHERE admin_id = $1").bind(admin).execute().await?;
    Ok(tx.query("DELETE FROM second_factors WHERE admin_id = $1").bind(admin).execute().await? == 1)
}

/// Puts these in the place of all earlier recovery codes.
pub async fn set_recovery_codes(tx: &mut Tx, admin: AdminId, hashes: &[Vec<u8>]) -> Result<()> {
    tx.query("DELETE FROM recovery_codes WHERE admin_id = $1").bind(admin).execute().await?;
    for hash in hashes {
        tx.query("INSERT INTO recovery_codes (admin_id, code_hash) VALUES ($1, $2)")
            .bind(admin)
            .bind(hash.clone())
            .execute()
            .await?;
    }
    Ok(())
}

/// Takes a recovery code. False when there is none with this hash (any more).
pub async fn take_recovery_code(tx: &mut Tx, admin: AdminId, hash: &[u8]) -> Result<bool> {
    let taken =
        tx.query("DELETE FROM recovery_codes WHERE admin_id = $1 AND code_hash = $2").bind(admin).bind(hash.to_vec());
    Ok(taken.execute().await? == 1)
}

/// How many recovery codes are left.
pub async fn recovery_codes_left(tx: &mut Tx, admin: AdminId) -> Result<i64> {
    let counted = tx.query("SELECT count(*) FROM recovery_codes WHERE admin_id = $1").bind(admin);
    Ok(counted.fetch_one::<(i64,)>().await?.0)
}

/// Those of these admins who have a confirmed one.
pub async fn confirmed(tx: &mut Tx) -> Result<Vec<(AdminId,)>> {
    tx.query("SELECT admin_id FROM second_factors WHERE confirmed_at IS NOT NULL ORDER BY admin_id LIMIT 10000")
        .fetch_all()
        .await
}
