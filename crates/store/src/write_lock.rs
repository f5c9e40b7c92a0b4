//! The write lock of a tenant's database: a row in it, so that every process and every open handle obeys, one that still
//! has a file open that was put aside included. While it is there, each write but its holder's ends in [`Error::Locked`].

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::Result,
    ids::{RestoreId, TenantId},
    seam::Tx,
};

/// What a database that is locked is being.
pub const RESTORED: &str = "restored";

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Somebody whom the lock stops.
    Anybody,
    /// The lock's holder.
    Holder,
}

/// The SQLSTATE that [`REFUSE`] raises; none of PostgreSQL's own begins so.
pub(crate) const RAISED: &str = "CV423";

/// For PostgreSQL, behind the advisory lock and in its round trip. A schema that has no such table yet has no lock.
pub(crate) const REFUSE: &str = "DO $$ BEGIN
    IF to_regclass('write_lock') IS NOT NULL THEN
        IF EXISTS (SELECT 1 FROM write_lock) THEN
            RAISE EXCEPTION 'the database is locked' USING ERRCODE = 'CV423';
        END IF;
    END IF;
END $$";

/// The row.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct WriteLock {
    /// What it is held for, in words.
    pub held_for: String,
    /// The restore that holds it.
    pub holder: String,
    /// Since when.
    pub since: Timestamp,
}

impl WriteLock {
    /// Whether this restore holds it.
    #[must_use]
    pub fn is_held_by(&self, restore: RestoreId) -> bool {
        self.holder == restore.to_string()
    }
}

/// Whether it is held, whoever holds it.
pub(crate) async fn is_held(tx: &mut Tx) -> Result<bool> {
    Ok(tx.query("SELECT 1 FROM write_lock").fetch_optional::<(i32,)>().await?.is_some())
}

/// The lock, if there is one.
pub async fn find(tx: &mut Tx) -> Result<Option<WriteLock>> {
    tx.query("SELECT held_for, holder, since FROM write_lock").fetch_optional().await
}

/// Locks for a restore. One that another left behind, or that came out of a snapshot, is this one's now.
pub async fn set(tx: &mut Tx, restore: RestoreId, tenant: TenantId, at: Timestamp) -> Result<()> {
    tx.query(
        "INSERT INTO write_lock (id, held_for, holder, since) VALUES (1, $1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET held_for = excluded.held_for, holder = excluded.holder, since = excluded.since",
    )
    .bind(format!("the restore of tenant {tenant}"))
    .bind(restore)
    .bind(at)
    .execute()
    .await?;
    Ok(())
}

/// Unlocks, if this restore holds the lock.
pub async fn clear(tx: &mut Tx, restore: RestoreId) -> Result<bool> {
    Ok(tx.query("DELETE FROM write_lock WHERE holder = $1").bind(restore).execute().await? == 1)
}

/// Unlocks, whoever holds the lock: what it was held for is over, or does not go on in this database.
pub async fn unlock(tx: &mut Tx) -> Result<bool> {
    Ok(tx.query("DELETE FROM write_lock").execute().await? > 0)
}
