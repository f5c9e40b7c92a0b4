//! Whether the shelf is the one that the central database remembers, and how another one in its place becomes the shelf.

use chiliview_snapshot::Shelf;
use chiliview_store::{Result, ShelfId, Tx, shelves};

use crate::{
    condition::has_table,
    exam::{Cannot, Exam, Finding},
};

const NAME: &str = "shelf";

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
    let lies = found.map_or_else(|| "none is there".to_owned(), |id| format!("{id} is there"));
    let finding = Finding {
        name: NAME,
        object: address.clone(),
        message: format!(
            "it is not the shelf that the backups lie on, whose id is {wanted}: {lies}; nothing is written there"
        ),
        advice: format!(
            "mount the volume, or bring the shelf back with its `.shelf`; to begin an empty one here deliberately, write \
             {{\"id\": \"{wanted}\"}} into its `.shelf`"
        ),
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
) -> std::result::Result<String, Cannot> {
    let Some(id) = found else {
        shelf.name(wanted).await?;
        return Ok("it holds snapshots of these backups, and was given that id".to_owned());
    };
    let (store, now) = (exam.store().await?, exam.context.clock.now());
    store.central().write(async |tx| shelves::adopt(tx, address, id, now).await).await?;
    Ok("it holds snapshots of these backups, and is the shelf from now on".to_owned())
}
