//! What the jobs have at hand.

use std::path::PathBuf;

use chiliview_snapshot::{Shelf, Source};
use chiliview_store::{
    Database, Engine, Store, Timestamp, Tx,
    audit::{self, Actor, Event},
    backups::Backup,
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
    Missing(PathBuf),
    /// Reading PostgreSQL is not there yet.
    #[error("snapshots of a PostgreSQL database are not supported yet")]
    Postgres,
    /// Writing it is not either.
    #[error("a restore into a PostgreSQL database is not supported yet")]
    RestorePostgres,
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

    /// What changes a tenant's files cannot do without them.
    pub(crate) fn refuse_postgres(&self) -> Result<(), NoSource> {
        match self.store.engine() {
            Engine::Sqlite => Ok(()),
            Engine::Postgres => Err(NoSource::RestorePostgres),
        }
    }

    /// What a backup reads.
    pub(crate) fn source(&self, backup: &Backup) -> Result<Source, NoSource> {
        let Database::Sqlite(central) = self.store.central() else { return Err(NoSource::Postgres) };
        let path = match backup.tenant_id {
            None => central.path().to_owned(),
            Some(id) => self.store.data_dir().tenant_database(id),
        };
        if path.exists() { Ok(Source::Sqlite(path)) } else { Err(NoSource::Missing(path)) }
    }
}
