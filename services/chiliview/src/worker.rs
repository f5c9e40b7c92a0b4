//! `chiliview worker`: does the jobs, in a process of its own or inside `serve`.

use chiliview_api::{app::App, edge, service};
use chiliview_snapshot::Shelf;
use chiliview_store::{Store, queue::Wake};
use chiliview_worker::{
    Config, Context, Installation,
    queue::{Attempts, Options},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::Call,
    exit::{Exit, Failure},
    identity_file, log, open, outside, serve,
    settings::Settings,
    shelf_location, signals, stop,
    traces::Keeping,
};

/// Works until a signal.
pub(crate) async fn run(call: Call) -> Result<Exit, Failure> {
    let settings = call.settings;
    shelf_location::of(&settings)?;
    let listener = match &settings.worker_listen {
        Some(address) => Some(serve::listen(address, "--worker-listen").await?),
        None => None,
    };
    let (guard, spans) = log::service(&settings, "worker")?;
    let shutdown = signals::shutdown()?;
    let store = open::store(&settings).await?;
    let traces = Keeping::start(store.clone(), spans, &log::instance("worker"));
    let shelf = open::shelf(&settings, &store).await?;
    open::sweep(&store, &shelf).await;
    eprintln!("ChiliView {} works on the jobs in {}", env!("CARGO_PKG_VERSION"), settings.data_dir.display());
    let (wake, attempts) = (Wake::new(), Attempts::default());
    let app = App::new(store.clone(), shelf.clone(), serve::policy(&settings), wake.clone());
    let watched = watched(listener, app, &settings, &attempts, shutdown.clone());
    let worked = work(&settings, store.clone(), shelf, wake, attempts.clone(), shutdown.clone());
    let both = async { tokio::try_join!(watched, worked).map(drop) };
    let outcome = stop::in_time(&shutdown, both).await;
    traces.finish().await;
    stop::close(&store, guard).await;
    outcome.map(|()| Exit::Ok)
}

/// Answers whether the worker lives and is ready, and what happens in it, where it is to.
async fn watched(
    listener: Option<TcpListener>,
    app: App,
    settings: &Settings,
    attempts: &Attempts,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let Some(listener) = listener else { return Ok(()) };
    eprintln!("It answers /livez, /readyz and /metrics on http://{}", listener.local_addr()?);
    let (edge, limits) = serve::edge_settings(settings);
    let endpoint = service::watched_endpoint(app, edge, serve::scraping(settings, attempts));
    Ok(edge::serve(listener, endpoint, limits, shutdown).await?)
}

/// The jobs, and housekeeping, until `shutdown`.
pub(crate) async fn work(
    settings: &Settings,
    store: Store,
    shelf: Shelf,
    wake: Wake,
    attempts: Attempts,
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
    let options = Options { parallel: settings.workers, attempts, ..Options::new(name()) };
    let ran = tokio::spawn(chiliview_worker::run(context, options, settings.session_idle, wake, shutdown));
    ran.await.map_err(Failure::failed)?.map_err(Failure::failed)
}

/// The machine and the process, for whoever reads `/api/health` or the logs.
fn name() -> String {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{machine}-{}", std::process::id())
}
