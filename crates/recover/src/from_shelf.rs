//! `restore --from-shelf`: a whole platform out of nothing but its shelf, which is not touched.
//!
//! It is built in `.from-shelf` inside the data directory, and moved out of it when it is whole, the central database last.
//! While that directory is there the service does not start.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use chiliview_snapshot::Shelf;
use chiliview_store::{
    Error, Store, TenantId,
    data_dir::{DataDir, create_private, remove_tree, sync_directory},
    shelves, tenants,
};

use crate::{
    Audience, Context, Failure, Mode,
    homes::Homes,
    inventory::Inventory,
    journal::Journal,
    reconcile,
    relocate::{self, Server},
    report::Report,
    staging, tenant,
    work::Work,
};

const PAGE: i64 = 500;
const DONE: &str = "done";
const JOURNAL: &str = "restored.jsonl";
/// What may lie in a directory that counts as empty, beside the shelf itself: what was begun, locks, what a file system makes.
const NOTHING: [&str; 4] = [".from-shelf", ".running.lock", ".start-up.lock", "lost+found"];

/// Rebuilds the platform in the context's data directory. The newest snapshot of each database that proves is taken.
///
/// # Errors
/// [`Failure`]. What was restored by then is not done again by the next call.
pub async fn rebuild(context: Context, mode: Mode, audience: &mut dyn Audience) -> Result<Report, Failure> {
    let server = match &context.settings.database_url {
        None => None,
        Some(url) => Some(Server::enter(url).await?),
    };
    let data_dir = DataDir::new(&context.settings.data_dir);
    let shelf = context.shelf.existing().await?;
    let new = !data_dir.root().exists();
    create_private(data_dir.root())?;
    let Some(alone) = data_dir.alone()? else { return Err(Failure::InUse(data_dir.root().to_owned())) };
    let building = DataDir::new(data_dir.rebuilding());
    let begun = building.root().exists();
    if let Some(server) = &server {
        relocate::refuse_occupied(server, &building, context.ids).await?;
    }
    if begun && mode == Mode::Try {
        let words = "try what an earlier run has begun to do: go on with it, without --dry-run";
        return Err(Failure::Refused(words.to_owned()));
    }
    let mut work = Work::new(context, mode, building.temp(), audience);
    let outcome = match building.root().join(DONE).exists() {
        true => {
            work.ok("database", data_dir.root().display(), "an earlier run restored everything, and was cut off then");
            Ok(())
        }
        false => build(&mut work, &data_dir, &building, &shelf).await,
    };
    if mode == Mode::Try || (!begun && outcome.is_err() && work.databases.is_empty()) {
        remove_tree(building.root())?;
        drop(alone);
        if new {
            forget(&data_dir)?;
        }
        outcome?;
        return Ok(work.report(None));
    }
    outcome?;
    match &server {
        None => publish(&mut work, &data_dir, &building)?,
        Some(server) => hand_over(&mut work, &data_dir, &building, server).await?,
    }
    Ok(work.report(None))
}

async fn build(work: &mut Work<'_>, data_dir: &DataDir, building: &DataDir, shelf: &Shelf) -> Result<(), Failure> {
    refuse_occupied(data_dir, work.context.shelf.as_directory())?;
    let inventory = Inventory::of(shelf).await?;
    let choice = inventory.candidates(shelf, None, &HashMap::new()).await?;
    if choice.candidates.is_empty() {
        return Err(choice.nothing(shelf));
    }
    create_private(building.root())?;
    sync_directory(data_dir.root())?;
    let directory = building.root().to_owned();
    let opened =
        work.first(shelf, "central", &choice, async |work, one| staging::open(work, shelf, one, &directory).await);
    let Some((candidate, store)) = opened.await? else {
        return Err(Failure::NoSnapshot(format!("none of the {} on {shelf}", choice.candidates.len())));
    };
    let outcome = async {
        tenants(work, &store, building, shelf, &inventory).await?;
        reconcile::run(work, &store, &Homes::Files(building.clone()), shelf, &candidate).await?;
        another_shelf(work);
        remember(work, &store, shelf).await
    };
    let outcome = outcome.await;
    store.close().await;
    outcome
}

/// Those of the central database, then those that only the shelf knows.
async fn tenants(
    work: &mut Work<'_>,
    store: &Store,
    building: &DataDir,
    shelf: &Shelf,
    inventory: &Inventory,
) -> Result<(), Failure> {
    let mut journal = Journal::open(&building.root().join(JOURNAL))?;
    let mut all = known(store).await?;
    let strangers: Vec<_> = inventory.tenants().into_iter().filter(|id| all.binary_search(id).is_err()).collect();
    all.extend(strangers);
    let total = all.len() as u64;
    for (done, id) in all.into_iter().enumerate() {
        work.audience.step("tenants", done as u64, total);
        tenant::restore(work, store, shelf, inventory, &mut journal, id).await?;
        fail::fail_point!("recover.tenant");
    }
    Ok(())
}

async fn known(store: &Store) -> Result<Vec<TenantId>, Error> {
    let mut all: Vec<TenantId> = Vec::new();
    loop {
        let after = all.last().copied();
        let page = store.central().read(async |tx| tenants::ids(tx, after, PAGE).await).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page.into_iter().map(|(id, _)| id));
    }
}

/// Nothing that is there may be mixed up with what was lost.
fn refuse_occupied(data_dir: &DataDir, shelf: Option<&PathBuf>) -> Result<(), Failure> {
    let root = data_dir.root();
    let canonical = |path: &PathBuf| fs::canonicalize(path).map_err(Error::io("open", path));
    let shelf = shelf.map(canonical).transpose()?;
    for entry in fs::read_dir(root).map_err(Error::io("list", root))? {
        let entry = entry.map_err(Error::io("list", root))?;
        let holds_shelf = fs::canonicalize(entry.path()).is_ok_and(|path| Some(&path) == shelf.as_ref());
        let name = entry.file_name().to_string_lossy().into_owned();
        if !holds_shelf && !NOTHING.contains(&name.as_str()) {
            let words = format!(
                "rebuild a platform in {}: it is not empty, there is {name} in it; name an empty directory with --data-dir",
                root.display()
            );
            return Err(Failure::Refused(words));
        }
    }
    Ok(())
}

/// The list of backups speaks of the shelf that the service will look at, and it was made to agree with this one.
fn another_shelf(work: &mut Work<'_>) {
    let (here, next) = (work.context.shelf.clone(), work.context.next_shelf.clone());
    let same = match (here.as_directory(), next.as_directory()) {
        (Some(here), Some(next)) => fs::canonicalize(here).ok() == fs::canonicalize(next).ok(),
        _ => here == next,
    };
    if !same {
        let message = format!("the service will look for its snapshots here; they lie in {here}");
        let advice = "name that one as the shelf (CHILIVIEW_SHELF), or copy its files here, before you start";
        work.warn("shelf", next, message, advice);
    }
}

/// What the restored database remembers of shelves is of another time, when another one may have lain there.
async fn remember(work: &Work<'_>, store: &Store, shelf: &Shelf) -> Result<(), Failure> {
    let (address, now, id) = (work.context.next_shelf.address(), work.now(), shelf.id().await?);
    let is_next = shelf.address() == address;
    let remembered = store.central().write(async |tx| match id {
        Some(id) if is_next => shelves::adopt(tx, &address, id, now).await,
        _ => shelves::forget(tx, &address).await.map(drop),
    });
    Ok(remembered.await?)
}

/// What was built goes into the server, each database equal on both sides, the central one last.
async fn hand_over(
    work: &mut Work<'_>,
    data_dir: &DataDir,
    building: &DataDir,
    server: &Server,
) -> Result<(), Failure> {
    let done = building.root().join(DONE);
    fs::write(&done, "").map_err(Error::io("write", &done))?;
    sync_directory(building.root())?;
    relocate::to_server(work, building, server).await?;
    let repairs = data_dir.root().join("repairs");
    create_private(&repairs)?;
    move_out(&building.root().join(JOURNAL), &repairs.join(list_name(work)))?;
    data_dir.create()?;
    clear(data_dir, building)
}

fn list_name(work: &Work<'_>) -> String {
    format!("{}-from-shelf.jsonl", work.now().to_datetime().format("%Y%m%dT%H%M%S%.3fZ"))
}

/// Moves what was built to its place. From the mark on, nothing is restored again; each step may have been taken already.
fn publish(work: &mut Work<'_>, data_dir: &DataDir, building: &DataDir) -> Result<(), Failure> {
    let done = building.root().join(DONE);
    fs::write(&done, "").map_err(Error::io("write", &done))?;
    sync_directory(building.root())?;
    fail::fail_point!("recover.done");
    let repairs = data_dir.root().join("repairs");
    create_private(&repairs)?;
    move_out(&building.root().join(JOURNAL), &repairs.join(list_name(work)))?;
    move_out(&building.resellers(), &data_dir.resellers())?;
    fail::fail_point!("recover.resellers");
    data_dir.create()?;
    move_out(&building.central(), &data_dir.central())?;
    sync_directory(data_dir.root())?;
    fail::fail_point!("recover.central");
    clear(data_dir, building)
}

fn clear(data_dir: &DataDir, building: &DataDir) -> Result<(), Failure> {
    // Whole, as long as it has its name: else a crash would leave a directory that nobody can tell from a beginning.
    let over = data_dir.temp().join("from-shelf");
    remove_tree(&over)?;
    move_out(building.root(), &over)?;
    sync_directory(data_dir.root())?;
    Ok(remove_tree(&over)?)
}

fn move_out(from: &Path, to: &Path) -> Result<(), Error> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        renamed => renamed.map_err(Error::io("rename", from)),
    }
}

/// Leaves no directory where none was.
fn forget(data_dir: &DataDir) -> Result<(), Error> {
    let lock: PathBuf = data_dir.root().join(".running.lock");
    fs::remove_file(&lock).map_err(Error::io("remove", &lock))?;
    fs::remove_dir(data_dir.root()).map_err(Error::io("remove", data_dir.root()))
}
