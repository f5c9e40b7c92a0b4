//! What the jobs have at hand.

use std::path::PathBuf;

use chiliview_snapshot::{Shelf, Source};
use chiliview_store::{
    Engine, Store, Timestamp, Tx,
    audit::{self, Actor, Event},
    backups::Backup,
    migrations::Kind,
    postgres,
};
use chiliview_telemetry::context;

use crate::config::Config;

/// Shared by all jobs. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The databases.
    pub store: Store,
    /// Where snapshots lie.
    pub shelf: Shelf,
    /// The program's version, for manifests.
    pub tool_version: String,
    /// What the installation decides.
    pub config: Config,
}

/// A backup's source cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSource {
    /// The tenant's database is not where it should be.
    #[error("the tenant's database {0} is missing; `chiliview doctor` tells more")]
    Missing(String),
}

impl Context {
    pub(crate) fn now(&self) -> Timestamp {
        self.store.clock().now()
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.store.data_dir().temp()
    }

    /// Records what the platform did by itself.
    pub(crate) async fn audit(&self, tx: &mut Tx, event: Event) -> Result<(), chiliview_store::Error> {
        let actor = Actor::system("worker", context::current_trace_id());
        audit::record(tx, self.store.ids().next(), self.now(), &actor, event).await
    }

    /// What a backup reads; a reason when there is nothing.
    pub(crate) async fn source(&self, backup: &Backup) -> Result<Result<Source, NoSource>, chiliview_store::Error> {
        let missing = |place: String| Ok(Err(NoSource::Missing(place)));
        let Some(id) = backup.tenant_id else {
            return Ok(Ok(Source::of(self.store.central(), Kind::Central, self.scratch())));
        };
        let there = self.store.tenant_database_exists(id).await?;
        match self.store.engine() {
            // Not opened: one that is damaged is read as far as SQLite can.
            Engine::Sqlite => {
                let path = self.store.data_dir().tenant_database(id);
                if there { Ok(Ok(Source::Sqlite(path))) } else { missing(path.display().to_string()) }
            }
            Engine::Postgres if there => {
                Ok(Ok(Source::of(&self.store.tenant(id).await?, Kind::Tenant, self.scratch())))
            }
            Engine::Postgres => missing(postgres::tenant_schema(id)),
        }
    }
}
