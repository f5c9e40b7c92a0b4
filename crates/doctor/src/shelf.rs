//! Whether the shelf is the one that the central database remembers, and how another one in its place becomes the shelf.

use chiliview_snapshot::Shelf;
use chiliview_store::{Result, ShelfId, Tx, shelves};

use crate::{
    checks::Check,
    condition::has_table,
    exam::{Cannot, Exam, Finding},
    says::{Advice, Found, Repair},
};

/// The id of the shelf that is remembered for the address. A database of an older version remembers none.
pub(crate) async fn remembered(tx: &mut Tx, address: &str) -> Result<Option<ShelfId>> {
    if !has_table(tx, "shelves").await? {
        return Ok(None);
    }
    let known = shelves::find(tx, address).await?;
    Ok(known.filter(|known| known.marked_at.is_some()).map(|known| known.id))
}

/// Says so. Of its snapshots nothing can be said then, least of all that they are missing. It is mended only where listed
/// snapshots do lie there: an empty directory is one where nothing is mounted.
pub(crate) async fn tell(
    exam: &mut Exam<'_>,
    shelf: &Shelf,
    wanted: ShelfId,
    found: Option<ShelfId>,
    holds_ours: bool,
) {
    let address = shelf.address();
    let finding = Finding {
        check: Check::Shelf,
        object: address.clone().into(),
        found: found.map_or(Found::UnnamedShelf { wanted }, |found| Found::AnotherShelf { wanted, found }),
        advice: vec![Advice::MountShelf { wanted }],
    };
    if !holds_ours {
        return exam.broken(finding);
    }
    exam.mend(finding, async |exam| adopt(exam, shelf, &address, wanted, found).await).await;
}

/// One with an id keeps it; one without gets the one that is remembered.
async fn adopt(
    exam: &mut Exam<'_>,
    shelf: &Shelf,
    address: &str,
    wanted: ShelfId,
    found: Option<ShelfId>,
) -> std::result::Result<Repair, Cannot> {
    let Some(id) = found else {
        shelf.name(wanted).await?;
        return Ok(Repair::NamedShelf);
    };
    let (store, now) = (exam.store().await?, exam.context.clock.now());
    store.central().write(async |tx| shelves::adopt(tx, address, id, now).await).await?;
    Ok(Repair::AdoptedShelf)
}
