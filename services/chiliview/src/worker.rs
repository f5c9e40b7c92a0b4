//! `chiliview worker`: does the jobs, in a process of its own or inside `serve`.

use chiliview_snapshot::Shelf;
use chiliview_store::{Store, queue::Wake};
use chiliview_worker::{Config, Context, Installation, queue::Options};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::Call,
    exit::{Exit, Failure},
    identity_file, log, open, outside,
    settings::Settings,
    shelf_location, signals, stop,
    traces::Keeping,
};

/// Works until a signal.
pub(crate) async fn run(call: Call) -> Result<Exit, Failure> {
    let settings = call.settings;
    shelf_location::of(&settings)?;
    let (guard, spans) = log::service(&settings, "worker")?;
    let shutdown = signals::shutdown()?;
    let store = open::store(&settings).await?;
    let traces = Keeping::start(store.clone(), spans, &log::instance("worker"));
    let shelf = open::shelf(&settings, &store).await?;
    open::sweep(&store, &shelf).await;
    eprintln!("ChiliView {} works on the jobs in {}", env!("CARGO_PKG_VERSION"), settings.data_dir.display());
    let worked = work(&settings, store.clone(), shelf, Wake::new(), shutdown.clone());
    let outcome = stop::in_time(&shutdown, worked).await;
    traces.finish().await;
    stop::close(&store, guard).await;
    outcome.map(|()| Exit::Ok)
}

/// The jobs, and housekeeping, until `shutdown`.
pub(crate) async fn work(
    settings: &Settings,
    store: Store,
    shelf: Shelf,
    wake: Wake,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let config = Config {
        trash: settings.trash(),
        undo_window: settings.undo_window(),
        keeping: settings.keeping(),
        lookout: settings.lookout(),
        telling: outside::telling(settings)?,
        recipients: settings.backup_recipients.clone(),
        identities: identity_file::of_service(settings)?,
        installation: Some(Installation {
            settings: open::store_settings(settings),
            shelf: shelf_location::of(settings)?,
        }),
    };
    let context = Context { store, shelf, tool_version: env!("CARGO_PKG_VERSION").to_owned(), config };
    let options = Options { parallel: settings.workers, ..Options::new(name()) };
    let ran = tokio::spawn(chiliview_worker::run(context, options, settings.session_idle, wake, shutdown));
    ran.await.map_err(Failure::failed)?.map_err(Failure::failed)
}

/// The machine and the process, for whoever reads `/api/health` or the logs.
fn name() -> String {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{machine}-{}", std::process::id())
}
