//! What the jobs have at hand.

use std::path::PathBuf;

use chiliview_snapshot::{Shelf, Source};
use chiliview_store::{
    Engine, Error, Store, Timestamp, Tx,
    audit::{self, Actor, Event},
    backups::Backup,
    migrations::Kind,
    postgres,
};
use chiliview_telemetry::context;

use crate::{config::Config, queue::Attempt};

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

    /// Runs `work` on the central database in the transaction that also finds the job to be the attempt's still; nothing when it is
    /// another's by now: then `work` is not run, and everything is to be left as it is.
    pub(crate) async fn write_for<T, E, W>(&self, attempt: &Attempt, work: W) -> Result<Option<T>, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        let fenced = async |tx: &mut Tx| Ok(if attempt.holds(tx).await? { Some(work(tx).await?) } else { None });
        self.store.central().write(fenced).await
    }

    /// Records what the platform did by itself.
    pub(crate) async fn audit(&self, tx: &mut Tx, event: Event) -> Result<(), Error> {
        let actor = Actor::system("worker", context::current_trace_id());
        audit::record(tx, self.store.ids().next(), self.now(), &actor, event).await
    }

    /// What a backup reads; a reason when there is nothing.
    pub(crate) async fn source(&self, backup: &Backup) -> Result<Result<Source, NoSource>, Error> {
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
