//! Shelves: which one lies at which address. What is remembered here is compared with the marker on the shelf itself, so that
//! an empty directory, where a volume is not mounted, is not taken for it.

use sqlx::FromRow;

use crate::{clock::Timestamp, error::Result, ids::ShelfId, seam::Tx};

/// A row of `shelves`.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Shelf {
    pub address: String,
    pub id: ShelfId,
    pub marked_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// What is remembered of the shelf at an address.
pub async fn find(tx: &mut Tx, address: &str) -> Result<Option<Shelf>> {
    tx.query("SELECT address, id, marked_at, created_at FROM shelves WHERE address = $1")
        .bind(address.to_owned())
        .fetch_optional()
        .await
}

/// Proposes an id for a shelf that has none; the one that stands, which another process may have proposed.
pub async fn propose(tx: &mut Tx, address: &str, id: ShelfId, at: Timestamp) -> Result<ShelfId> {
    tx.query("INSERT INTO shelves (address, id, created_at) VALUES ($1, $2, $3) ON CONFLICT (address) DO NOTHING")
        .bind(address.to_owned())
        .bind(id)
        .bind(at)
        .execute()
        .await?;
    standing(tx, address).await
}

/// The shelf at the address was seen to have this id. One that was seen before stands; the one that stands.
pub async fn seen(tx: &mut Tx, address: &str, id: ShelfId, at: Timestamp) -> Result<ShelfId> {
    tx.query(
        "INSERT INTO shelves (address, id, marked_at, created_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (address) DO UPDATE SET id = excluded.id, marked_at = excluded.marked_at
         WHERE shelves.marked_at IS NULL",
    )
    .bind(address.to_owned())
    .bind(id)
    .bind(at)
    .execute()
    .await?;
    standing(tx, address).await
}

async fn standing(tx: &mut Tx, address: &str) -> Result<ShelfId> {
    let standing = tx.query("SELECT id FROM shelves WHERE address = $1").bind(address.to_owned());
    let (id,) = standing.fetch_one::<(ShelfId,)>().await?;
    Ok(id)
}

/// From now on the shelf at the address is this one, whichever it was.
pub async fn adopt(tx: &mut Tx, address: &str, id: ShelfId, at: Timestamp) -> Result<()> {
    forget(tx, address).await?;
    seen(tx, address, id, at).await?;
    Ok(())
}

/// Whatever lies at the address next is taken for the shelf.
pub async fn forget(tx: &mut Tx, address: &str) -> Result<bool> {
    Ok(tx.query("DELETE FROM shelves WHERE address = $1").bind(address.to_owned()).execute().await? > 0)
}
