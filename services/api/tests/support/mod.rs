//! The whole application, listening, on every engine at hand, with a clock that stands still until it is moved.

#[path = "../../../../crates/store/tests/support/engines.rs"]
#[expect(dead_code, reason = "the store's own tests use the rest")]
mod engines;
mod people;
mod requests;
mod shelved;

use std::{net::SocketAddr, time::Duration};

use chiliview_api::{
    app::{App, Policy},
    console::Site,
    edge::{EdgeSettings, Limits, serve},
    service,
};
use chiliview_snapshot::Shelf;
use chiliview_store::{Clock, Ids, Settings, Store, Timestamp, queue::Wake};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) use self::{
    people::{PASSWORD, Person},
    requests::Answer,
    shelved::RECIPIENTS,
};

/// 2026-11-18, 11:06:40 UTC.
const START: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

/// The application, and a client of it.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Clock,
    address: SocketAddr,
    http: reqwest::Client,
    shutdown: CancellationToken,
    served: JoinHandle<std::io::Result<()>>,
}

/// A console of a few files, whether one is built or not.
fn site() -> Site {
    let files = [
        ("index.html", "<!doctype html><title>the console</title>"),
        ("index.html.br", "index in brotli"),
        ("favicon.svg", "<svg/>"),
        ("assets/app-1a2b3c.js", "the script"),
        ("assets/app-1a2b3c.js.gz", "the script in gzip"),
        ("assets/app-1a2b3c.js.br", "the script in brotli"),
        (".gitkeep", "hidden"),
    ];
    Site::of(files.map(|(path, text)| (path.to_owned(), text.as_bytes().into())))
}

/// Tells the story once on each engine.
pub(crate) async fn on_every_engine(story: impl AsyncFn(&TestApp)) {
    on_every_engine_by(&Policy::default(), story).await;
}

/// As [`on_every_engine`], of an installation that decided otherwise.
pub(crate) async fn on_every_engine_by(policy: &Policy, story: impl AsyncFn(&TestApp)) {
    engines::on_every_settings(async |settings| {
        let app = TestApp::start(&settings, policy.clone()).await;
        story(&app).await;
        app.stop().await;
    })
    .await;
}

impl TestApp {
    async fn start(settings: &Settings, policy: Policy) -> Self {
        let clock = Clock::manual(START);
        let store = Store::open(settings, clock.clone(), Ids).await.unwrap();
        let shelf = Shelf::directory(settings.data_dir.join("backups")).await.unwrap();
        let app = App::new(store, shelf, policy, Wake::new());
        let (limits, shutdown) = (Limits::default(), CancellationToken::new());
        // A story says by `X-Forwarded-For` where somebody is.
        let edge = EdgeSettings { trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()], ..EdgeSettings::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = service::endpoint(app.clone(), edge, None, site());
        let served = tokio::spawn(serve(listener, endpoint, limits, shutdown.clone()));
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        Self { app, clock, address, http, shutdown, served }
    }

    async fn stop(self) {
        drop(self.http);
        self.shutdown.cancel();
        self.served.await.unwrap().unwrap();
        self.app.store().close().await;
    }

    /// Where snapshots lie.
    pub(crate) fn shelf_path(&self) -> std::path::PathBuf {
        self.app.store().data_dir().backups()
    }

    /// Moves the clock on.
    pub(crate) fn after(&self, duration: Duration) {
        self.clock.advance(duration);
    }
}
