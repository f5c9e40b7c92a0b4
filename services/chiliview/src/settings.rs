//! What an installation decides: flags, then `CHILIVIEW_*`, then `chiliview.toml`, then the defaults below.
//!
//! A key that nobody knows is an error that names it: a typing mistake must not silently leave a default in force.

mod environment;
mod flags;
mod sources;
mod values;

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    time::Duration,
};

use chiliview_agenda::Keeping;
use chiliview_api::edge::ForwardedHeader;
use chiliview_snapshot::Recipients;
use chiliview_telemetry::LogFormat;
use chiliview_worker::Lookout;
use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub(crate) use self::{flags::Flags, values::Secret};
use crate::exit::Failure;

const FILE: &str = "chiliview.toml";

/// Every setting, effective. Serialises with secrets as `***`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where the API and the console are served.
    pub(crate) listen: String,
    /// Where a worker in a process of its own says that it lives, is ready, and what it did; nowhere without.
    pub(crate) worker_listen: Option<String>,
    /// Everything that ChiliView keeps.
    pub(crate) data_dir: PathBuf,
    /// A PostgreSQL URL; SQLite without.
    pub(crate) database_url: Option<Secret>,
    /// Where snapshots lie; `backups` in the data directory without.
    pub(crate) shelf: Option<String>,
    /// The region of an S3 shelf.
    pub(crate) s3_region: String,
    /// Another server than Amazon's.
    pub(crate) s3_endpoint: Option<String>,
    /// The bucket in the path of URLs, or in their host; in the path with an endpoint.
    pub(crate) s3_path_style: Option<bool>,
    /// Who asks; the machine's own role without.
    pub(crate) s3_access_key: Option<Secret>,
    /// Its secret.
    pub(crate) s3_secret_key: Option<Secret>,
    /// Of temporary keys.
    pub(crate) s3_session_token: Option<Secret>,
    /// How the server encrypts what it stores: as the bucket says, `s3` or `kms`.
    pub(crate) s3_encryption: Option<String>,
    /// The key for `kms`.
    pub(crate) s3_kms_key: Option<String>,
    /// The first admin's password.
    pub(crate) admin_password: Option<Secret>,
    /// Whoever sends it may scrape `/metrics`; without it there is no such page.
    pub(crate) metrics_token: Option<Secret>,
    /// How console lines look.
    pub(crate) log_format: LogFormat,
    /// `EnvFilter` directives.
    pub(crate) log_filter: String,
    /// A collector for traces.
    pub(crate) otlp_endpoint: Option<String>,
    /// How many tenants' SQLite files stay open.
    pub(crate) open_tenants: NonZeroUsize,
    /// Readers of the central SQLite file, or PostgreSQL's pool.
    pub(crate) connections: NonZeroU32,
    /// Jobs at once.
    pub(crate) workers: NonZeroUsize,
    /// HTTP connections at once.
    pub(crate) max_connections: NonZeroUsize,
    /// How often a tenant's people and programs may ask, all together; 0 for no bound.
    pub(crate) tenant_requests_per_minute: u32,
    /// Whose word about a client's address counts.
    #[serde(with = "values::text_list")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The header in which they give it.
    #[serde(with = "values::forwarded_header")]
    pub(crate) forwarded_header: ForwardedHeader,
    /// Cookies for https only.
    pub(crate) secure_cookies: bool,
    /// Browsers come back over https only.
    pub(crate) hsts: bool,
    /// A session unused for so long is over.
    #[serde(with = "values::duration")]
    pub(crate) session_idle: Duration,
    /// A session is over after so long.
    #[serde(with = "values::duration")]
    pub(crate) session_absolute: Duration,
    /// A download link is over after so long.
    #[serde(with = "values::duration")]
    pub(crate) link_lifetime: Duration,
    /// How long the trash keeps.
    pub(crate) trash_days: u32,
    /// Private networks that webhooks may reach all the same.
    #[serde(with = "values::text_list")]
    pub(crate) outbound_allow: Vec<IpNet>,
    /// The server that hands on mails, with its user and password.
    pub(crate) smtp_url: Option<Secret>,
    /// Who sends them.
    pub(crate) smtp_from: Option<String>,
    /// Where people open the console.
    pub(crate) public_url: Option<String>,
    /// Certificate authorities that are trusted besides the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// How long a restore can be undone.
    pub(crate) undo_days: u32,
    /// How long what a restore saved is kept; never shorter than the restore can be undone.
    pub(crate) safety_days: u32,
    /// A retention policy that was edited removes nothing for so long.
    #[serde(with = "values::duration")]
    pub(crate) retention_grace: Duration,
    /// The hour of the day, UTC, after which retention removes.
    pub(crate) prune_hour: u32,
    /// How long a backup may take after it was due before its schedule is late.
    #[serde(with = "values::duration")]
    pub(crate) late_after: Duration,
    /// Where fewer MiB are free, room runs out.
    pub(crate) disk_low_mib: u32,
    /// How often a dead-man ping is sent.
    #[serde(with = "values::duration")]
    pub(crate) ping_every: Duration,
    /// For whom every backup is encrypted: public keys of age.
    #[serde(with = "values::recipients")]
    pub(crate) backup_recipients: Recipients,
    /// The keys that open encrypted backups here; without, only their stored bytes are proven again.
    pub(crate) identity_file: Option<PathBuf>,
    /// Start where WAL corrupts.
    pub(crate) allow_network_file_system: bool,
    /// Where each of them comes from.
    #[serde(skip)]
    pub(crate) sources: sources::Sources,
}

impl Default for Settings {
    fn default() -> Self {
        let policy = chiliview_api::app::Policy::default();
        let (keeping, lookout) = (Keeping::default(), Lookout::default());
        Self {
            listen: "127.0.0.1:8000".to_owned(),
            worker_listen: None,
            data_dir: "./data".into(),
            database_url: None,
            shelf: None,
            s3_region: "us-east-1".to_owned(),
            s3_endpoint: None,
            s3_path_style: None,
            s3_access_key: None,
            s3_secret_key: None,
            s3_session_token: None,
            s3_encryption: None,
            s3_kms_key: None,
            admin_password: None,
            metrics_token: None,
            log_format: LogFormat::default(),
            log_filter: "info".to_owned(),
            otlp_endpoint: None,
            open_tenants: NonZeroUsize::new(64).unwrap_or(NonZeroUsize::MIN),
            connections: NonZeroU32::new(4).unwrap_or(NonZeroU32::MIN),
            workers: NonZeroUsize::new(2).unwrap_or(NonZeroUsize::MIN),
            max_connections: NonZeroUsize::new(4096).unwrap_or(NonZeroUsize::MIN),
            tenant_requests_per_minute: policy.tenant_requests_per_minute.map_or(0, NonZeroU32::get),
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            secure_cookies: policy.secure_cookies,
            hsts: false,
            session_idle: policy.session_idle,
            session_absolute: policy.session_absolute,
            link_lifetime: policy.link,
            trash_days: 30,
            outbound_allow: Vec::new(),
            smtp_url: None,
            smtp_from: None,
            public_url: None,
            ca_file: None,
            undo_days: 7,
            safety_days: 7,
            retention_grace: keeping.grace,
            prune_hour: keeping.hour,
            late_after: lookout.grace,
            disk_low_mib: 2048,
            ping_every: lookout.ping_every,
            backup_recipients: Recipients::none(),
            identity_file: None,
            allow_network_file_system: false,
            sources: sources::Sources::new(),
        }
    }
}

/// Which settings are numbers or booleans; all others are text, however much they look like a number.
const NUMBERS: &[&str] = &[
    "open_tenants",
    "connections",
    "workers",
    "max_connections",
    "tenant_requests_per_minute",
    "trash_days",
    "undo_days",
    "safety_days",
    "prune_hour",
    "disk_low_mib",
];
const BOOLEANS: &[&str] = &["secure_cookies", "hsts", "allow_network_file_system", "s3_path_style"];
const SECRETS: &[&str] = &[
    "database_url",
    "admin_password",
    "metrics_token",
    "smtp_url",
    "s3_access_key",
    "s3_secret_key",
    "s3_session_token",
];
const TEXTS: &[&str] = &[
    "listen",
    "worker_listen",
    "data_dir",
    "shelf",
    "s3_region",
    "s3_endpoint",
    "s3_encryption",
    "s3_kms_key",
    "log_format",
    "log_filter",
    "otlp_endpoint",
    "trusted_proxies",
    "forwarded_header",
    "session_idle",
    "session_absolute",
    "link_lifetime",
    "retention_grace",
    "late_after",
    "ping_every",
    "outbound_allow",
    "smtp_from",
    "public_url",
    "ca_file",
    "backup_recipients",
    "identity_file",
];

impl Settings {
    /// Reads all layers.
    pub(crate) fn load(flags: &Flags) -> Result<Self, Failure> {
        let environment: Vec<_> = std::env::vars_os().collect();
        Self::layered(flags, environment)
    }

    fn layered(flags: &Flags, environment: Vec<(std::ffi::OsString, std::ffi::OsString)>) -> Result<Self, Failure> {
        let environment = environment::read(environment)?;
        let file = flags.config.clone().or(environment.config);
        let figment = Figment::from(Serialized::defaults(Self::default()))
            .merge(environment.fallback)
            .merge(file_layer(file.as_deref())?)
            .merge(environment.layer)
            .merge(Serialized::globals(flags));
        // The defaults are serialised, and a secret would come back as `***`: none has one.
        let settings: Self = figment.extract().map_err(|error| Failure::usage(values::explain(error)))?;
        Self { sources: sources::of(&figment), ..settings }.checked()
    }

    /// What no type says.
    fn checked(self) -> Result<Self, Failure> {
        if self.prune_hour > 23 {
            return Err(Failure::usage(format!("use prune_hour = {}: an hour is 0 to 23", self.prune_hour)));
        }
        if self.ping_every.is_zero() {
            return Err(Failure::usage("use ping_every = 0s: a ping needs a pause"));
        }
        Ok(self)
    }

    /// What retention goes by, beside the policies.
    pub(crate) fn keeping(&self) -> Keeping {
        let safety = Duration::from_secs(u64::from(self.safety_days) * 24 * 3600);
        Keeping { safety, grace: self.retention_grace, hour: self.prune_hour }
    }

    /// When it is too late or too full.
    pub(crate) fn lookout(&self) -> Lookout {
        let disk_low = u64::from(self.disk_low_mib) << 20;
        Lookout { grace: self.late_after, disk_low, ping_every: self.ping_every, ..Lookout::default() }
    }

    /// How long the trash keeps.
    pub(crate) fn trash(&self) -> Duration {
        Duration::from_secs(u64::from(self.trash_days) * 24 * 3600)
    }

    /// How long a restore can be undone.
    pub(crate) fn undo_window(&self) -> Duration {
        Duration::from_secs(u64::from(self.undo_days) * 24 * 3600)
    }
}

/// A file that was named must be there; the one in the working directory may be missing.
fn file_layer(named: Option<&Path>) -> Result<figment::providers::Data<Toml>, Failure> {
    let path = named.unwrap_or(Path::new(FILE));
    if named.is_some() && !path.is_file() {
        return Err(Failure::usage(format!("read the settings file {}: there is none", path.display())));
    }
    Ok(if path.exists() { Toml::file_exact(path) } else { Toml::string("") })
}

#[cfg(test)]
mod tests;
