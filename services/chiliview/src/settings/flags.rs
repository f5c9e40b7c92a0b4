//! The settings that can be given as flags: all but the secrets, which every user of the machine could read there.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

/// Flags that every command takes. Only those that were given are serialised.
#[derive(Args, Clone, Debug, Default, Serialize)]
#[command(next_help_heading = "Settings (flags > CHILIVIEW_* > chiliview.toml > defaults)")]
pub(crate) struct Flags {
    /// Read settings from this file instead of ./chiliview.toml [CHILIVIEW_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// Where ChiliView keeps everything [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:8000]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<String>,
    /// Address and port where `worker` answers /livez, /readyz and /metrics [default: nowhere]
    #[arg(long, global = true, value_name = "ADDRESS:PORT", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    worker_listen: Option<String>,
    /// Where snapshots lie: a directory, or s3://BUCKET/PREFIX [default: backups in the data directory]
    #[arg(long, global = true, value_name = "DIR|URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    shelf: Option<String>,
    /// The region of an S3 shelf; its keys are CHILIVIEW_S3_ACCESS_KEY and _SECRET_KEY, in the environment or a file only [default: us-east-1]
    #[arg(long, global = true, value_name = "REGION", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    s3_region: Option<String>,
    /// Another server than Amazon's for an S3 shelf, such as https://storage.example
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    s3_endpoint: Option<String>,
    /// The bucket stands in the path of URLs, not in their host [default: true with an endpoint]
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    s3_path_style: Option<bool>,
    /// How the server of an S3 shelf encrypts: s3 or kms [default: as the bucket says]
    #[arg(long, global = true, value_name = "HOW", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    s3_encryption: Option<String>,
    /// The key for kms
    #[arg(long, global = true, value_name = "KEY", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    s3_kms_key: Option<String>,
    /// How log lines look: auto, json, pretty [default: auto]
    #[arg(long, global = true, value_name = "FORMAT", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_format: Option<String>,
    /// What is logged, such as info,chiliview_store=debug [default: info]
    #[arg(long, global = true, value_name = "DIRECTIVES", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_filter: Option<String>,
    /// Collector for traces, such as http://127.0.0.1:4318
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    otlp_endpoint: Option<String>,
    /// Tenants' SQLite files that stay open [default: 64]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    open_tenants: Option<u64>,
    /// Connections that read the central database [default: 4]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<u64>,
    /// Jobs that the worker runs at once [default: 2]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<u64>,
    /// HTTP connections served at once [default: 4096]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_connections: Option<u64>,
    /// How often a tenant's people and programs may ask in a minute, all together; 0 for no bound [default: 3000]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_requests_per_minute: Option<u64>,
    /// Proxies whose word about a client's address counts: networks, separated by commas
    #[arg(long, global = true, value_name = "NETWORKS", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_proxies: Option<String>,
    /// The header in which they give it: x-forwarded-for or forwarded [default: x-forwarded-for]
    #[arg(long, global = true, value_name = "HEADER", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    forwarded_header: Option<String>,
    /// Cookies for https only [default: false]
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    secure_cookies: Option<bool>,
    /// Tell browsers to come back over https only [default: false]
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    hsts: Option<bool>,
    /// A session unused for so long is over [default: 12h]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    session_idle: Option<String>,
    /// A session is over after so long [default: 7days]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    session_absolute: Option<String>,
    /// A download link is over after so long [default: 5m]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    link_lifetime: Option<String>,
    /// Days that deleted tenants and backups can be brought back [default: 30]
    #[arg(long, global = true, value_name = "DAYS", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    trash_days: Option<u32>,
    /// Private networks that webhooks and pings may reach all the same, separated by commas
    #[arg(long, global = true, value_name = "NETWORKS", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    outbound_allow: Option<String>,
    /// The sender of e-mails; their server is CHILIVIEW_SMTP_URL, in the environment or a file only
    #[arg(long, global = true, value_name = "ADDRESS", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    smtp_from: Option<String>,
    /// Where people open the console, for links in notifications
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    public_url: Option<String>,
    /// Certificate authorities (PEM) that are trusted besides the system's
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    /// Days that a restore can be undone [default: 7]
    #[arg(long, global = true, value_name = "DAYS", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    undo_days: Option<u32>,
    /// Days that what a restore saved is kept [default: 7]
    #[arg(long, global = true, value_name = "DAYS", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_days: Option<u32>,
    /// How long an edited retention policy removes nothing [default: 1day]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_grace: Option<String>,
    /// Hour of the day, UTC, after which retention removes [default: 4]
    #[arg(long, global = true, value_name = "HOUR", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    prune_hour: Option<u32>,
    /// How long a backup may take before its schedule is late [default: 2h]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    late_after: Option<String>,
    /// Where fewer MiB are free, room runs out [default: 2048]
    #[arg(long, global = true, value_name = "MIB", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_low_mib: Option<u32>,
    /// How often a dead-man ping is sent [default: 5m]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    ping_every: Option<String>,
    /// For whom backups are encrypted: public keys of age (age1…), separated by commas
    #[arg(long, global = true, value_name = "KEYS", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_recipients: Option<String>,
    /// age identities that open encrypted backups here, to prove them again in full
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_file: Option<PathBuf>,
    /// Start even on a file system where SQLite databases get corrupted [default: false]
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_network_file_system: Option<bool>,
}

impl Flags {
    /// The same, but the shelf is the one that lasts: a recovery may read from another.
    pub(crate) fn without_shelf(&self) -> Self {
        Self { shelf: None, ..self.clone() }
    }
}
