//! Where each setting comes from, for whoever wonders why it is what it is.

use std::collections::BTreeMap;

use chiliview_api::installation::{SettingInfo, SettingSource};
use clap::Args as _;
use figment::{Figment, Metadata};
use serde_json::Value;

use super::{BOOLEANS, Flags, NUMBERS, SECRETS, Settings, TEXTS};

/// By name; what is not there is a default.
pub(crate) type Sources = BTreeMap<String, SettingSource>;

pub(super) fn of(layers: &Figment) -> Sources {
    let names = [NUMBERS, BOOLEANS, SECRETS, TEXTS].concat();
    let found = names.into_iter().filter_map(|name| Some((name.to_owned(), source(layers.find_metadata(name)?))));
    found.collect()
}

/// The layers name themselves: a Rust type, the environment, a TOML file.
fn source(layer: &Metadata) -> SettingSource {
    match &*layer.name {
        name if name.contains("Flags") => SettingSource::Flag,
        name if name.contains("environment") => SettingSource::Environment,
        name if name.starts_with("TOML") => SettingSource::File,
        _ => SettingSource::Default,
    }
}

impl Settings {
    /// Every setting for people to read, secrets as `***`.
    pub(crate) fn described(&self) -> Vec<SettingInfo> {
        let values = serde_json::to_value(self).unwrap_or_default();
        let mut help = helped();
        let all = values.as_object().into_iter().flatten();
        let item = |(name, value): (&String, &Value)| SettingInfo {
            name: name.clone(),
            value: shown(value),
            source: self.sources.get(name).copied().unwrap_or(SettingSource::Default),
            description: help.remove(name).unwrap_or_else(|| without_flag(name).to_owned()),
        };
        all.map(item).collect()
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// What the flags' help says, without the default, which is beside it.
fn helped() -> BTreeMap<String, String> {
    let command = Flags::augment_args(clap::Command::new("chiliview"));
    let words = |help: String| help.split(" [").next().unwrap_or_default().to_owned();
    let all = command.get_arguments();
    all.filter_map(|flag| Some((flag.get_id().to_string(), words(flag.get_help()?.to_string())))).collect()
}

/// Secrets have no flag, and what goes with a bucket neither: so there is no help on them.
fn without_flag(name: &str) -> &'static str {
    match name {
        "database_url" => "The PostgreSQL server; SQLite without",
        "admin_password" => "The password of the admin whom the first start makes",
        "metrics_token" => "Whoever sends it may read /metrics; without it there is no such page",
        "smtp_url" => "The server that hands on mails, with user and password",
        "s3_region" => "The region of the bucket on the shelf",
        "s3_endpoint" => "The server of the bucket; Amazon's without",
        "s3_path_style" => "Whether the bucket stands in the path and not in the host name",
        "s3_access_key" => "The key that may use the bucket; the machine's role without",
        "s3_secret_key" => "The secret of that key",
        "s3_session_token" => "The token of keys that end",
        "s3_encryption" => "How the server encrypts what it stores: as the bucket says, s3 or kms",
        "s3_kms_key" => "The key that kms encrypts with",
        _ => "",
    }
}
