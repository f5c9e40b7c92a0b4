//! What Prometheus scrapes (<https://prometheus.io/docs/practices/naming/>): requests as they pass, everything else counted
//! when asked. Labels are few and bounded: routes, never paths; no tenant has a label of its own.

use std::{sync::Arc, time::Duration};

use chiliview_notify::Kind;
use chiliview_store::{Database, Error, Timestamp, backups, conditions, deliveries, queue, tenant_schemas};
use poem::{Endpoint, Request, Response};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{app::App, health::Looked, problem::Problem};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 25.0];

/// Counts requests. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Requests(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    answered: Family<Answer, Counter>,
    seconds: Family<Route, Histogram>,
}

impl Default for Counted {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        Self { answered: Family::default(), seconds: Family::new_with_constructor(histogram) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    scope: &'static str,
}

impl Requests {
    pub(crate) fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let route = route.to_owned();
        self.0.seconds.get_or_create(&Route { method, route: route.clone() }).observe(took.as_secs_f64());
        self.0.answered.get_or_create(&Answer { method, route, status }).inc();
    }
}

/// What is scraped of a process, and by whom.
#[derive(Clone)]
pub struct Scraping {
    /// Whoever sends it may.
    pub token: SecretString,
    /// Adds what else the process counts.
    pub of_process: Arc<dyn Fn(&mut Registry) + Send + Sync>,
}

/// What a process tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What happens in it, and how the platform is.
    Platform,
    /// What happens in it: the platform is told of by those that serve.
    Process,
}

/// `/metrics`, for whoever has the token.
pub(crate) struct Metrics {
    app: App,
    requests: Requests,
    scraping: Scraping,
    scope: Scope,
}

impl Metrics {
    pub(crate) fn new(app: App, requests: Requests, scraping: Scraping, scope: Scope) -> Self {
        Self { app, requests, scraping, scope }
    }

    fn admits(&self, request: &Request) -> bool {
        let sent = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        sent.is_some_and(|sent| bool::from(sent.as_bytes().ct_eq(self.scraping.token.expose_secret().as_bytes())))
    }

    async fn scrape(&self) -> Result<String, Problem> {
        let mut registry = Registry::with_prefix("chiliview");
        registry.register("http_requests", "Requests answered", self.requests.0.answered.clone());
        let help = "How long requests took";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, self.requests.0.seconds.clone());
        registry.register("spans_lost", "Finished spans that were not kept", lost_spans_so_far());
        (self.scraping.of_process)(&mut registry);
        if self.scope == Scope::Platform {
            self.tell_of_platform(&mut registry).await?;
        }
        let mut text = String::new();
        encode(&mut text, &registry).map_err(Problem::internal)?;
        Ok(text)
    }

    async fn tell_of_platform(&self, registry: &mut Registry) -> Result<(), Problem> {
        self.count_jobs(registry).await?;
        self.count_backups(registry).await?;
        self.count_schemas(registry).await?;
        self.count_notifications(registry).await?;
        self.measure_disk(registry).await
    }

    async fn count_jobs(&self, registry: &mut Registry) -> Result<(), Problem> {
        let now = self.app.now();
        let read = self.app.central().read(async |tx| {
            let alive: Vec<_> = queue::workers(tx).await?.iter().map(|worker| worker.is_alive(now)).collect();
            Ok::<_, Error>((queue::counts(tx).await?, alive))
        });
        let (counts, alive) = read.await?;
        let workers = Family::<State, Gauge>::default();
        for (state, wanted) in [("alive", true), ("silent", false)] {
            let count = alive.iter().filter(|alive| **alive == wanted).count();
            workers.get_or_create(&State { state }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        registry.register("workers", "Workers that have not signed off, by whether they were heard of lately", workers);
        let jobs = Family::<Status, Gauge>::default();
        for (status, count) in counts {
            jobs.get_or_create(&Status { status: status.as_str() }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        registry.register("jobs", "Jobs in the queue's tables, by status", jobs);
        Ok(())
    }

    async fn count_backups(&self, registry: &mut Registry) -> Result<(), Problem> {
        let now = self.app.now();
        let (counts, coverage) = self
            .app
            .central()
            .read(async |tx| Ok::<_, Error>((backups::counts(tx).await?, backups::coverage(tx).await?)))
            .await?;
        let backups = Family::<Status, Gauge>::default();
        for (status, count) in counts {
            backups.get_or_create(&Status { status: status.as_str() }).set(count);
        }
        registry.register("backups", "Backups that are not in the trash, by status", backups);
        let age = Family::<Of, Gauge>::default();
        let oldest = |scope, at: Option<Timestamp>| {
            if let Some(at) = at {
                let seconds = i64::try_from(now.since(at).as_secs()).unwrap_or(i64::MAX);
                age.get_or_create(&Of { scope }).set(seconds);
            }
        };
        oldest("tenant", coverage.oldest_of_tenants);
        oldest("central", coverage.central);
        let help = "Age of the newest verified backup; of the tenant whose is oldest";
        registry.register_with_unit("newest_verified_backup_age", help, Unit::Seconds, age);
        let bare = Gauge::<i64>::default();
        bare.set(coverage.tenants_without);
        registry.register("tenants_without_verified_backup", "Tenants that have no verified backup", bare);
        Ok(())
    }

    async fn count_schemas(&self, registry: &mut Registry) -> Result<(), Problem> {
        let (_, failed) = self.app.central().read(async |tx| tenant_schemas::counts(tx).await).await?;
        let gauge = Gauge::<i64>::default();
        gauge.set(failed);
        let help = "Tenants whose database could not be brought to the newest schema";
        registry.register("tenants_behind_schema", help, gauge);
        Ok(())
    }

    async fn count_notifications(&self, registry: &mut Registry) -> Result<(), Problem> {
        let (counts, late, low) = self
            .app
            .central()
            .read(async |tx| {
                let counts = deliveries::counts(tx).await?;
                let late = conditions::of_kind(tx, Kind::ScheduleLate.name()).await?.len();
                Ok::<_, Error>((counts, late, conditions::of_kind(tx, Kind::DiskLow.name()).await?.len()))
            })
            .await?;
        let sent = Family::<Status, Gauge>::default();
        for (status, count) in counts {
            sent.get_or_create(&Status { status: status.as_str() }).set(count);
        }
        registry.register("deliveries", "Notices on their way to channels, and how that ended, by status", sent);
        let gauge = |count: usize| {
            let gauge = Gauge::<i64>::default();
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
            gauge
        };
        registry.register("schedules_late", "Schedules whose backups are not in time", gauge(late));
        registry.register("disks_low", "Places where room runs out", gauge(low));
        Ok(())
    }

    async fn measure_disk(&self, registry: &mut Registry) -> Result<(), Problem> {
        let room = self.app.room().look(&self.app).await;
        let up = Gauge::<i64>::default();
        up.set(i64::from(matches!(room, Looked::There(_))));
        registry.register("shelf_up", "Whether the shelf was there a moment ago", up);
        if let Looked::There(Some(free)) = room {
            let gauge = Gauge::<i64>::default();
            gauge.set(i64::try_from(free).unwrap_or(i64::MAX));
            registry.register_with_unit("shelf_free", "Room on the shelf", Unit::Bytes, gauge);
        }
        if let Database::Sqlite(file) = self.app.central() {
            let gauge = Gauge::<i64>::default();
            gauge.set(i64::try_from(file.wal_bytes()).unwrap_or(i64::MAX));
            registry.register_with_unit("central_wal", "The central database's write-ahead log", Unit::Bytes, gauge);
        }
        Ok(())
    }
}

/// In this process.
fn lost_spans_so_far() -> Counter {
    let lost = Counter::default();
    lost.inc_by(chiliview_telemetry::lost_spans());
    lost
}

impl Endpoint for Metrics {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if !self.admits(&request) {
            return Err(Problem::unauthenticated().into());
        }
        let text = self.scrape().await?;
        Ok(Response::builder().content_type(CONTENT_TYPE).body(text))
    }
}
