//! Whether the shelf is the one that the central database remembers, and how another one in its place becomes the shelf.

use chiliview_snapshot::Shelf;
use chiliview_store::{ShelfId, shelves};

use crate::{
    central::Central,
    exam::{Cannot, Exam, Finding},
};

const NAME: &str = "shelf";

/// What is remembered, and what lies there.
pub(crate) struct Identity {
    address: String,
    wanted: ShelfId,
    found: Option<ShelfId>,
}

/// Where what lies there is not the shelf. Where nothing is remembered, anything is.
pub(crate) async fn differs(exam: &Exam<'_>, central: &Central, shelf: &Shelf) -> Option<Identity> {
    let address = shelf.address();
    // A database of an older version has no such table: it remembers nothing.
    let known = central.read(exam, async |tx| shelves::find(tx, &address).await).await.ok().flatten();
    let wanted = known.filter(|known| known.marked_at.is_some())?.id;
    let found = shelf.id().await.ok().flatten();
    (found != Some(wanted)).then_some(Identity { address, wanted, found })
}

/// Says so. Of its snapshots nothing can be said then, least of all that they are missing. It is mended only where listed
/// snapshots do lie there: an empty directory is one where nothing is mounted.
pub(crate) async fn tell(exam: &mut Exam<'_>, shelf: &Shelf, identity: Identity, holds_ours: bool) {
    let Identity { address, wanted, found } = identity;
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
) -> Result<String, Cannot> {
    let Some(id) = found else {
        shelf.name(wanted).await?;
        return Ok("it holds snapshots of these backups, and was given that id".to_owned());
    };
    let (store, now) = (exam.store().await?, exam.context.clock.now());
    store.central().write(async |tx| shelves::adopt(tx, address, id, now).await).await?;
    Ok("it holds snapshots of these backups, and is the shelf from now on".to_owned())
}
