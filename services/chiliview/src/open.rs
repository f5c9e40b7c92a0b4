//! Opens what commands work on: the store and the shelf.

use chiliview_snapshot::{Shelf, Swept, sweep_scratch};
use chiliview_store::{Clock, Ids, Store, shelves};

use crate::{exit::Failure, settings::Settings, shelf_location};

/// The store's own settings.
pub(crate) fn store_settings(settings: &Settings) -> chiliview_store::Settings {
    chiliview_store::Settings {
        data_dir: settings.data_dir.clone(),
        database_url: settings.database_url.as_ref().map(|url| url.inner().clone()),
        open_tenants: settings.open_tenants,
        connections: settings.connections.get(),
        allow_network_file_system: settings.allow_network_file_system,
    }
}

/// Every database, migrated.
pub(crate) async fn store(settings: &Settings) -> Result<Store, Failure> {
    Ok(Store::open(&store_settings(settings), Clock::system(), Ids).await?)
}

/// Every database of an installation that there is. A mistyped directory must not become a new, empty one.
pub(crate) async fn existing(settings: &Settings) -> Result<Store, Failure> {
    let central = chiliview_store::data_dir::DataDir::new(&settings.data_dir).central();
    if settings.database_url.is_none() && !central.exists() {
        return Err(nothing_there(settings));
    }
    store(settings).await
}

/// What to say where no data are.
pub(crate) fn nothing_there(settings: &Settings) -> Failure {
    let directory = settings.data_dir.display();
    Failure::usage(format!(
        "find ChiliView's data in {directory}: name its directory with --data-dir or CHILIVIEW_DATA_DIR"
    ))
}

/// The shelf, made when there never was one. One that is not the shelf that is remembered, or a bucket that is out of reach
/// for its first time, keeps nobody from starting: whoever needs it says so.
pub(crate) async fn shelf(settings: &Settings, store: &Store) -> Result<Shelf, Failure> {
    let location = shelf_location::of(settings)?;
    let (address, now) = (location.address(), store.clock().now().to_datetime());
    let known = store.central().read(async |tx| shelves::find(tx, &address).await).await?;
    let shelf = match known.filter(|shelf| shelf.marked_at.is_some()) {
        Some(known) => location.known(known.id, now)?,
        None => location.open(now).await?,
    };
    match &shelf {
        Shelf::Directory(_) => {
            shelf.recognise(store).await?;
            if let Err(error) = shelf.is_itself().await {
                tracing::error!(error = &error as &dyn std::error::Error, "shelf.another");
            }
        }
        _ => drop(tokio::spawn(recognise(shelf.clone(), store.clone()))),
    }
    Ok(shelf)
}

async fn recognise(shelf: Shelf, store: Store) {
    if let Err(error) = shelf.recognise(&store).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "shelf.not_recognised");
    }
}

/// Removes what a killed process left half-written. It takes room and does no harm: a failure stops nothing, and a bucket
/// that does not answer keeps nobody waiting.
pub(crate) async fn sweep(store: &Store, shelf: &Shelf) {
    tell(sweep_scratch(&store.data_dir().temp()).await);
    let shelf = shelf.clone();
    match shelf {
        Shelf::Directory(_) => tell(shelf.sweep().await),
        _ => drop(tokio::spawn(async move { tell(shelf.sweep().await) })),
    }
}

fn tell(outcome: Result<Swept, chiliview_snapshot::Error>) {
    match outcome {
        Ok(swept) if swept.files > 0 => {
            tracing::info!(files = swept.files, bytes = swept.bytes, "leftovers.removed")
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "leftovers.not_removed"),
    }
}
