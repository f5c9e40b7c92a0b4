//! `chiliview serve`: the API, the console, and a worker inside.

use std::{num::NonZeroU32, sync::Arc};

use chiliview_api::{
    app::{App, Policy},
    console::Site,
    edge::{self, EdgeSettings, Limits},
    installation::Description,
    metrics::Scraping,
    service,
};
use chiliview_store::{Store, queue::Wake};
use chiliview_worker::queue::Attempts;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::Call,
    exit::{Exit, Failure},
    first_admin, log, open,
    settings::Settings,
    shelf_location, signals, stop,
    traces::Keeping,
    worker,
};

/// Flags of `serve`.
#[derive(Args)]
pub(crate) struct Options {
    /// Do no jobs: another process runs `chiliview worker`
    #[arg(long)]
    no_worker: bool,
}

/// Serves until a signal.
pub(crate) async fn run(call: Call, options: Options) -> Result<Exit, Failure> {
    let settings = call.settings;
    shelf_location::of(&settings)?;
    let listener = listen(&settings.listen, "--listen").await?;
    let (guard, spans) = log::service(&settings, "serve")?;
    let shutdown = signals::shutdown()?;
    let store = open::store(&settings).await?;
    let traces = Keeping::start(store.clone(), spans, &log::instance("serve"));
    first_admin::ensure(&store, settings.admin_password.as_ref()).await?;
    let shelf = open::shelf(&settings, &store).await?;
    open::sweep(&store, &shelf).await;
    let (wake, attempts) = (Wake::new(), Attempts::default());
    let app = App::new(store.clone(), shelf.clone(), policy(&settings), wake.clone());
    let app = app.described(description(&settings, &store)?);
    announce(&listener, &settings)?;
    let work = async {
        if options.no_worker {
            return Ok(());
        }
        worker::work(&settings, store.clone(), shelf, wake, attempts.clone(), shutdown.clone()).await
    };
    let serving = serve(listener, app, &settings, scraping(&settings, &attempts), shutdown.clone());
    let both = async { tokio::try_join!(serving, work).map(drop) };
    let outcome = stop::in_time(&shutdown, both).await;
    traces.finish().await;
    stop::close(&store, guard).await;
    outcome.map(|()| Exit::Ok)
}

async fn serve(
    listener: TcpListener,
    app: App,
    settings: &Settings,
    scraping: Option<Scraping>,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let (edge, limits) = edge_settings(settings);
    let endpoint = service::endpoint(app, edge, scraping, Site::embedded());
    Ok(edge::serve(listener, endpoint, limits, shutdown).await?)
}

/// Who may scrape the process, and what it counts beside requests.
pub(crate) fn scraping(settings: &Settings, attempts: &Attempts) -> Option<Scraping> {
    let (token, attempts) = (settings.metrics_token.as_ref()?.inner().clone(), attempts.clone());
    Some(Scraping { token, of_process: Arc::new(move |registry| attempts.register(registry)) })
}

/// What the settings say of the network; `serve` gets the limits too.
pub(crate) fn edge_settings(settings: &Settings) -> (EdgeSettings, Limits) {
    let connections = settings.max_connections.get();
    let limits = Limits {
        connections,
        connections_of_a_peer: Limits::of_a_peer(connections),
        proxies: settings.trusted_proxies.clone(),
        drain: stop::DRAIN,
        ..Limits::default()
    };
    let edge = EdgeSettings {
        limits: limits.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        forwarded_header: settings.forwarded_header,
        hsts: settings.hsts,
        ..EdgeSettings::default()
    };
    (edge, limits)
}

/// A listener there, or why not.
pub(crate) async fn listen(address: &str, flag: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::failed(format!(
            "listen on {address}: another process does already; stop it, or choose another port with {flag}"
        )),
        _ => Failure::failed(format!("listen on {address}: {error}")),
    })
}

/// One line for whoever started it.
fn announce(listener: &TcpListener, settings: &Settings) -> Result<(), Failure> {
    let (version, data) = (env!("CARGO_PKG_VERSION"), settings.data_dir.display());
    eprintln!("ChiliView {version} listens on http://{}, its data is in {data}", listener.local_addr()?);
    Ok(())
}

fn description(settings: &Settings, store: &Store) -> Result<Description, Failure> {
    Ok(Description {
        settings: settings.described(),
        shelf: shelf_location::of(settings)?.to_string(),
        started_at: store.clock().now(),
        process: log::instance("serve"),
    })
}

/// What the settings say that the API goes by.
pub(crate) fn policy(settings: &Settings) -> Policy {
    Policy {
        session_idle: settings.session_idle,
        session_absolute: settings.session_absolute,
        trash: settings.trash(),
        link: settings.link_lifetime,
        tenant_requests_per_minute: NonZeroU32::new(settings.tenant_requests_per_minute),
        late_after: settings.late_after,
        undo_window: settings.undo_window(),
        keeping: settings.keeping(),
        secure_cookies: settings.secure_cookies,
        outbound: chiliview_notify::Policy::allowing(settings.outbound_allow.clone()),
        ..Policy::default()
    }
}
