//! `chiliview serve`: the API, the console, and a worker inside.

use std::time::Duration;

use chiliview_api::{
    app::{App, Policy},
    edge::{self, EdgeSettings, Limits},
    service,
};
use chiliview_snapshot::{Shelf, sweep_scratch};
use chiliview_store::{Store, queue::Wake};
use clap::Args;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::Call,
    exit::{Exit, Failure},
    first_admin, log, open,
    settings::Settings,
    signals,
};

/// For requests that are under way; the rest of the 25 s is for closing the databases.
const DRAIN: Duration = Duration::from_secs(22);
const STOP: Duration = Duration::from_secs(24);

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
    let listener = listen(&settings.listen).await?;
    let guard = log::service(&settings, "serve")?;
    let shutdown = signals::shutdown()?;
    let store = open::store(&settings).await?;
    first_admin::ensure(&store, settings.admin_password.as_ref()).await?;
    let shelf = open::shelf(&settings).await?;
    sweep(&store, &shelf).await;
    let wake = Wake::new();
    let app = App::new(store.clone(), shelf.clone(), policy(&settings), wake.clone());
    announce(&listener, &settings)?;
    let served = serve(listener, app, &settings, shutdown.clone(), options.no_worker);
    let stopping = async {
        shutdown.cancelled().await;
        tokio::time::sleep(STOP).await;
    };
    tokio::select! {
        outcome = served => outcome?,
        () = stopping => tracing::warn!("service.stopped_unfinished"),
    }
    if timeout(Duration::from_secs(1), store.close()).await.is_err() {
        tracing::warn!("store.close_unfinished");
    }
    tracing::info!("service.stopped");
    guard.shutdown();
    Ok(Exit::Ok)
}

async fn serve(
    listener: TcpListener,
    app: App,
    settings: &Settings,
    shutdown: CancellationToken,
    _no_worker: bool,
) -> Result<(), Failure> {
    let limits = Limits { connections: settings.max_connections.get(), drain: DRAIN, ..Limits::default() };
    let edge = EdgeSettings {
        limits: limits.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        forwarded_header: settings.forwarded_header,
        hsts: settings.hsts,
        ..EdgeSettings::default()
    };
    Ok(edge::serve(listener, service::endpoint(app, edge), limits, shutdown).await?)
}

async fn listen(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::failed(format!(
            "listen on {address}: another process does already; stop it, or choose another port with --listen"
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

fn policy(settings: &Settings) -> Policy {
    Policy {
        session_idle: settings.session_idle,
        session_absolute: settings.session_absolute,
        trash: settings.trash(),
        secure_cookies: settings.secure_cookies,
    }
}

/// Removes what a killed process left half-written. It takes room and does no harm: a failure stops nothing.
pub(crate) async fn sweep(store: &Store, shelf: &Shelf) {
    let outcomes = [shelf.sweep().await, sweep_scratch(&store.data_dir().temp()).await];
    for outcome in outcomes {
        match outcome {
            Ok(swept) if swept.files > 0 => tracing::info!(files = swept.files, bytes = swept.bytes, "leftovers.removed"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "leftovers.not_removed"),
        }
    }
}
