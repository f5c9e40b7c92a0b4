//! One tenant's database out of the shelf.

use std::fs;

use chiliview_doctor::condition::Condition;
use chiliview_snapshot::{Shelf, Watch, unpack};
use chiliview_store::{
    Database, Error, Store, TenantId,
    data_dir::{DataDir, create_private, remove_tree, sync_directory},
    migrations::Kind,
    sqlite::{File, Missing},
    write_lock,
};

use crate::{
    Failure,
    inventory::{Candidate, Inventory},
    journal::Journal,
    recorded::recorded,
    staging::fault,
    work::{Work, refusal},
};

/// Restores the newest snapshot that proves, unless that was done already. What nobody has a snapshot of stays missing.
pub(crate) async fn restore(
    work: &mut Work<'_>,
    store: &Store,
    shelf: &Shelf,
    inventory: &Inventory,
    journal: &mut Journal,
    id: TenantId,
) -> Result<(), Failure> {
    let data_dir = store.data_dir().clone();
    if data_dir.tenant_database(id).exists() {
        if let Some(done) = journal.of(id) {
            work.ok("database", id, format!("restored before, from backup {}, taken {}", done.backup, done.taken_at));
            work.databases.push(done.clone());
            return Ok(());
        }
        remove_tree(&data_dir.tenant(id))?;
    }
    let recorded = store.central().read(async |tx| recorded(tx, Some(id)).await).await?;
    let choice = inventory.candidates(shelf, Some(id), &recorded).await?;
    let slug = choice.candidates.first().and_then(|one| crate::inventory::slug(&one.manifest));
    let object = slug.map_or_else(|| id.to_string(), str::to_owned);
    let taken = work.first(shelf, &object, &choice, async |work, one| take(work, &data_dir, shelf, one, id).await);
    if taken.await?.is_some()
        && let Some(done) = work.databases.last()
    {
        journal.add(done)?;
    }
    Ok(())
}

/// Unpacks, migrates, checks whose it is, and only then gives it its name.
async fn take(
    work: &Work<'_>,
    data_dir: &DataDir,
    shelf: &Shelf,
    candidate: &Candidate,
    id: TenantId,
) -> Result<Result<(), String>, Failure> {
    let staging = data_dir.resellers().join(format!(".new-{id}"));
    remove_tree(&staging)?;
    create_private(&staging)?;
    let path = staging.join("reseller.db");
    let (key, manifest, identities) = (&candidate.key, &candidate.manifest, &work.context.identities);
    let unpacked = unpack(shelf, key, manifest, identities, &path, &Watch::unobserved()).await;
    if let Err(reason) = refusal(unpacked)? {
        return Ok(Err(reason.words));
    }
    let file = match File::open(&path, Missing::Refuse, Kind::Tenant, 1).await {
        Err(error @ Error::Migrate(_)) => return Ok(Err(format!("failed to {error}"))),
        opened => opened?,
    };
    let database = Database::Sqlite(file.clone());
    let condition = database.read(async |tx| Condition::of(tx, Kind::Tenant).await).await?;
    if condition.owner == Some(id) {
        // A lock of that moment belongs to work that does not go on here.
        database.write_past_lock(write_lock::unlock).await?;
    }
    file.close().await;
    if let Some(reason) = fault(&condition) {
        return Ok(Err(reason));
    }
    if condition.owner != Some(id) {
        return Ok(Err("the database in it is another tenant's".to_owned()));
    }
    publish(data_dir, &staging, id)?;
    Ok(Ok(()))
}

fn publish(data_dir: &DataDir, staging: &std::path::Path, id: TenantId) -> Result<(), Error> {
    let path = staging.join("reseller.db");
    let opened = fs::File::open(&path).map_err(Error::io("open", &path))?;
    opened.sync_all().map_err(Error::io("sync", &path))?;
    sync_directory(staging)?;
    fs::rename(staging, data_dir.tenant(id)).map_err(Error::io("rename", staging))?;
    sync_directory(&data_dir.resellers())
}
