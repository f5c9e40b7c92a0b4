//! The installation as its operators set it up: every setting with where it comes from, and what runs here.

use chiliview_store::{Timestamp, soundness};
use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object, OpenApi};
use serde::{Deserialize, Serialize};

use crate::{app::App, caller::Caller, json::Json, paging::List, problem::Problem};

/// What the binary knows of itself and hands to the API.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// Every setting.
    pub settings: Vec<SettingInfo>,
    /// Where snapshots lie.
    pub shelf: String,
    /// When the process began.
    pub started_at: Timestamp,
    /// The process, as its traces name it.
    pub process: String,
}

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum SettingSource {
    /// The command line.
    Flag,
    /// `CHILIVIEW_*`.
    Environment,
    /// `chiliview.toml`.
    File,
    /// Nobody said otherwise.
    Default,
}

/// A setting that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct SettingInfo {
    /// Its name in `chiliview.toml`.
    pub name: String,
    /// Its value, as it would be written there; `***` for a secret, empty when there is none.
    pub value: String,
    /// Where it comes from.
    pub source: SettingSource,
    /// What it decides.
    pub description: String,
}

/// What runs here.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct AboutInfo {
    /// The program's version.
    pub version: String,
    /// The commit that it was built from, where the build knew it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// `sqlite` or `postgres`.
    pub engine: String,
    /// The engine's version.
    pub engine_version: String,
    /// The version of SQLite inside: snapshots are SQLite databases on both engines.
    pub sqlite_version: String,
    /// Where everything is kept.
    pub data_dir: String,
    /// Where snapshots lie.
    pub shelf: String,
    /// When the process that answers began.
    pub started_at: DateTime<Utc>,
    /// That process, as its traces name it.
    pub process: String,
}

/// The resource.
pub struct Installation {
    app: App,
}

#[OpenApi]
impl Installation {
    /// Every setting in force, and where it comes from
    #[oai(path = "/settings", method = "get", operation_id = "list_settings")]
    async fn settings(&self, caller: Caller) -> Result<Json<List<SettingInfo>>, Problem> {
        caller.require_admin()?;
        Ok(Json(List { items: self.app.description().settings.clone(), next: None }))
    }

    /// What runs here
    #[oai(path = "/about", method = "get", operation_id = "get_about")]
    async fn about(&self, caller: Caller) -> Result<Json<AboutInfo>, Problem> {
        caller.require_admin()?;
        let (store, description) = (self.app.store(), self.app.description());
        Ok(Json(AboutInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("CHILIVIEW_COMMIT").map(str::to_owned),
            engine: store.engine().as_str().to_owned(),
            engine_version: soundness::engine_version(store.central()).await?,
            sqlite_version: soundness::sqlite_version().await?,
            data_dir: store.data_dir().root().display().to_string(),
            shelf: description.shelf.clone(),
            started_at: description.started_at.to_datetime(),
            process: description.process.clone(),
        }))
    }
}

impl Installation {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}
