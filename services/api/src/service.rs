//! All resources as one service: the routes, the OpenAPI document, and the edge around them.

use bytes::Bytes;
use poem::{Endpoint, EndpointExt, Response, Route, get, handler, web::Data};
use poem_openapi::OpenApiService;
use serde_json::Value;

use crate::{
    admins::Admins,
    api_keys::ApiKeys,
    app::App,
    archives::Archives,
    audit::Audit,
    auth::{LogIn, Passwords, Reauthentication, Sessions, Totp},
    backup_recipients::TenantBackupRecipients,
    backups::Backups,
    certificates::Certificates,
    channels::Channels,
    console::{Console, Site},
    contract, docs,
    doctor::Doctor,
    edge::{self, AllowedMethods, EdgeSettings},
    events::Events,
    fleet_migrations::FleetMigrations,
    health::{self, Health},
    installation::Installation,
    jobs::Jobs,
    links::Links,
    metrics::{Metrics, Scope, Scraping},
    notices::Notices,
    overview::Overview,
    restores::Restores,
    retention::Retention,
    schedule_runs::ScheduleRuns,
    schedules::Schedules,
    tenants::Tenants,
    traces::Traces,
    uploads::Uploads,
    usage::Usage,
    users::Users,
};

/// A tuple has sixteen members at the most: what belongs together shares one.
type Resources = (
    (LogIn, Sessions, Passwords, Reauthentication, Totp, ApiKeys),
    Admins,
    (Tenants, Usage),
    Users,
    Audit,
    Backups,
    Certificates,
    (Links, Archives),
    Uploads,
    (Schedules, ScheduleRuns),
    Restores,
    (Channels, Notices),
    (Overview, Traces, Doctor),
    (Retention, TenantBackupRecipients),
    (Events, Jobs, FleetMigrations),
    (Health, Installation),
);

fn resources(app: &App) -> Resources {
    (
        (
            LogIn::new(app.clone()),
            Sessions::new(app.clone()),
            Passwords::new(app.clone()),
            Reauthentication::new(app.clone()),
            Totp::new(app.clone()),
            ApiKeys::new(app.clone()),
        ),
        Admins::new(app.clone()),
        (Tenants::new(app.clone()), Usage::new(app.clone())),
        Users::new(app.clone()),
        Audit::new(app.clone()),
        Backups::new(app.clone()),
        Certificates::new(app.clone()),
        (Links::new(app.clone()), Archives::new(app.clone())),
        Uploads::new(app.clone()),
        (Schedules::new(app.clone()), ScheduleRuns::new(app.clone())),
        Restores::new(app.clone()),
        (Channels::new(app.clone()), Notices::new(app.clone())),
        (Overview::new(app.clone()), Traces::new(app.clone()), Doctor::new(app.clone())),
        (Retention::new(app.clone()), TenantBackupRecipients::new(app.clone())),
        (Events::new(app.clone()), Jobs::new(app.clone()), FleetMigrations::new(app.clone())),
        (Health::new(app.clone()), Installation::new(app.clone())),
    )
}

fn open_api(app: &App) -> OpenApiService<Resources, ()> {
    OpenApiService::new(resources(app), "ChiliView", env!("CARGO_PKG_VERSION"))
        .description("The control plane of a hosting platform that sells through resellers.")
        .url_prefix("/api")
}

/// The OpenAPI document, normalised: what `openapi/chiliview.json` holds.
#[must_use]
pub fn document(app: &App) -> Value {
    let spec = serde_json::from_str(&open_api(app).spec()).unwrap_or_default();
    contract::normalise(spec)
}

/// The document as it is served and checked in: indented, with a line's end.
#[must_use]
pub fn text(document: &Value) -> String {
    format!("{document:#}\n")
}

/// Everything that is served, behind the edge.
///
/// `/metrics` is there when somebody may scrape it; `site` is the console.
pub fn endpoint(
    app: App,
    settings: EdgeSettings,
    scraping: Option<Scraping>,
    site: Site,
) -> impl Endpoint<Output = Response> + 'static {
    let document = Document(text(&document(&app)).into());
    let allowed_methods = AllowedMethods::of::<Resources>("/api");
    let service = open_api(&app);
    let docs = docs::Docs::new(&service.swagger_ui_html());
    let console = Console::new(site);
    let routes = watched(&app, &settings, scraping, Scope::Platform)
        .at("/api/openapi.json", get(openapi_json).data(document))
        .at("/api/docs", get(docs))
        .at("/", console.clone())
        .at("/*path", console)
        .nest("/api", service)
        .data(app);
    edge::wrap(routes, EdgeSettings { allowed_methods, ..settings })
}

/// What a process answers that serves nobody: whether it lives and is ready, and what happens in it.
pub fn watched_endpoint(
    app: App,
    settings: EdgeSettings,
    scraping: Option<Scraping>,
) -> impl Endpoint<Output = Response> + 'static {
    let routes = watched(&app, &settings, scraping, Scope::Process).data(app);
    edge::wrap(routes, settings)
}

fn watched(app: &App, settings: &EdgeSettings, scraping: Option<Scraping>, scope: Scope) -> Route {
    let routes = Route::new().at("/livez", get(health::livez)).at("/readyz", get(health::readyz));
    match scraping {
        Some(scraping) => {
            let metrics = Metrics::new(app.clone(), settings.requests.clone(), scraping, scope);
            routes.at("/metrics", get(metrics))
        }
        None => routes,
    }
}

#[derive(Clone)]
struct Document(Bytes);

#[handler]
fn openapi_json(document: Data<&Document>) -> Response {
    Response::builder().content_type("application/json").body(document.0.0.clone())
}
