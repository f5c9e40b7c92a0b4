//! An older central database made to agree with the present: the shelf, the tenants' databases, and that nothing is under way.
//!
//! It is done to the new database before it takes its place, so that nobody ever meets it half done.

mod catalogue;
mod tenants;

use chiliview_snapshot::Shelf;
use chiliview_store::{
    Store, Timestamp,
    audit::{self, Actor, Event},
    recovery,
};

use crate::{
    Failure,
    homes::Homes,
    inventory::{Candidate, Inventory},
    work::Work,
};

/// Who did it, in the audit log and on rows.
pub(crate) const WHO: &str = "restore";

/// Makes the central database in `store` agree with `shelf` and with the tenants' databases.
pub(crate) async fn run(
    work: &mut Work<'_>,
    store: &Store,
    homes: &Homes,
    shelf: &Shelf,
    from: &Candidate,
) -> Result<(), Failure> {
    let inventory = Inventory::of(shelf).await?;
    catalogue::agree(work, store, shelf, &inventory).await?;
    end_all(work, store).await?;
    catalogue::keep_trash(work, store).await?;
    tenants::agree(work, store, homes, shelf, &inventory).await?;
    note(work, store, from).await
}

/// After the catalogue: a backup that was under way and has its snapshot on the shelf is a verified one by now.
async fn end_all(work: &mut Work<'_>, store: &Store) -> Result<(), Failure> {
    let now = work.now();
    let reason = "the central database was restored, and what was under way at that moment went no further";
    let ended = store.central().write(async |tx| recovery::end_all(tx, reason, now).await).await?;
    let message = format!(
        "ended what was under way at that moment: {} backups, {} restores, {} runs of schedules, {} notices, \
         {} migrations of the fleet, {} jobs, {} sessions",
        ended.backups, ended.restores, ended.runs, ended.deliveries, ended.migrations, ended.jobs, ended.sessions
    );
    work.ok("under_way", "central", message);
    Ok(())
}

async fn note(work: &Work<'_>, store: &Store, from: &Candidate) -> Result<(), Failure> {
    let (now, id) = (work.now(), store.ids().next());
    let (backup, taken) = (from.manifest.backup.to_string(), Timestamp::from(from.manifest.taken_at).to_string());
    let changes = serde_json::json!({"backup": [null, backup], "taken_at": [null, taken]});
    let event = Event::done("central.restore", "central", "central").changing(changes);
    let actor = Actor::system(WHO, None);
    store.central().write(async |tx| audit::record(tx, id, now, &actor, event.clone()).await).await?;
    Ok(())
}
