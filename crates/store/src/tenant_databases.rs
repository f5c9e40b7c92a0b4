//! The tenants' databases: opened on demand, the least recently used closed when too many are open, made and removed whole.

use std::{collections::HashMap, num::NonZeroUsize, path::Path, sync::Arc};

use lru::LruCache;
use sqlx::PgPool;
use tokio::sync::{Mutex, OnceCell};

use crate::{
    clock::Timestamp,
    data_dir::{self, DataDir},
    error::{Error, Result},
    ids::TenantId,
    migrations::Kind,
    postgres::{self, Schema},
    seam::Database,
    sqlite::{File, Missing},
    tenant_settings,
};

const READERS: u32 = 2;

/// Where tenants' databases are.
pub(crate) enum TenantDatabases {
    Sqlite(Files),
    Postgres(PgPool),
}

pub(crate) struct Files {
    directory: DataDir,
    open: Mutex<Open>,
}

type Cell = Arc<OnceCell<File>>;

/// A tenant's file is open once at the most: who closes it, closes it for everybody.
struct Open {
    recent: LruCache<TenantId, Cell>,
    /// Those that had to make room while somebody worked with them.
    leaving: HashMap<TenantId, Cell>,
}

impl Open {
    fn get(&mut self, id: TenantId) -> Cell {
        // Connections close with the last handle on them, which is ours when nobody else is left.
        self.leaving.retain(|_, cell| Arc::strong_count(cell) > 1 || cell.get().is_some_and(File::is_shared));
        if let Some(cell) = self.recent.get(&id) {
            return cell.clone();
        }
        let cell = self.leaving.remove(&id).unwrap_or_default();
        let evicted = self.recent.push(id, cell.clone());
        self.leaving.extend(evicted);
        cell
    }

    fn remove(&mut self, id: TenantId) -> Option<Cell> {
        self.recent.pop(&id).or_else(|| self.leaving.remove(&id))
    }

    fn remove_any(&mut self) -> Option<Cell> {
        let leaving = self.leaving.keys().next().copied();
        leaving.and_then(|id| self.leaving.remove(&id)).or_else(|| self.recent.pop_lru().map(|(_, cell)| cell))
    }
}

impl TenantDatabases {
    pub(crate) fn files(directory: DataDir, open: NonZeroUsize) -> Self {
        let open = Open { recent: LruCache::new(open), leaving: HashMap::new() };
        Self::Sqlite(Files { directory, open: Mutex::new(open) })
    }

    pub(crate) async fn get(&self, id: TenantId) -> Result<Database> {
        match self {
            Self::Sqlite(files) => files.get(id).await.map(Database::Sqlite),
            Self::Postgres(pool) => Ok(Database::Postgres(schema(pool, id))),
        }
    }

    pub(crate) async fn exists(&self, id: TenantId) -> Result<bool> {
        match self {
            Self::Sqlite(files) => Ok(files.directory.tenant_database(id).exists()),
            Self::Postgres(pool) => schema(pool, id).exists().await,
        }
    }

    pub(crate) async fn create(&self, id: TenantId, at: Timestamp) -> Result<()> {
        match self {
            Self::Sqlite(files) => files.create(id, at).await,
            Self::Postgres(pool) => {
                let schema = schema(pool, id);
                schema.migrate(Kind::Tenant).await?;
                schema.write(async |tx| tenant_settings::set_owner(tx, id, at).await).await
            }
        }
    }

    pub(crate) async fn remove(&self, id: TenantId) -> Result<()> {
        match self {
            Self::Sqlite(files) => files.remove(id).await,
            Self::Postgres(pool) => schema(pool, id).drop_schema().await,
        }
    }

    pub(crate) async fn migrate(&self, id: TenantId) -> Result<()> {
        match self {
            Self::Sqlite(files) => files.get(id).await.map(drop),
            Self::Postgres(pool) => schema(pool, id).migrate(Kind::Tenant).await,
        }
    }

    pub(crate) async fn close(&self, id: TenantId) {
        if let Self::Sqlite(files) = self {
            let cell = files.open.lock().await.remove(id);
            close(cell).await;
        }
    }

    pub(crate) async fn close_all(&self) {
        let Self::Sqlite(files) = self else { return };
        loop {
            let cell = files.open.lock().await.remove_any();
            let Some(cell) = cell else { return };
            close(Some(cell)).await;
        }
    }
}

fn schema(pool: &PgPool, id: TenantId) -> Schema {
    Schema::new(pool.clone(), &postgres::tenant_schema(id))
}

impl Files {
    async fn get(&self, id: TenantId) -> Result<File> {
        let cell = self.open.lock().await.get(id);
        let path = self.directory.tenant_database(id);
        let opened = cell.get_or_try_init(|| File::open(&path, Missing::Refuse, Kind::Tenant, READERS)).await;
        match opened {
            Ok(file) => Ok(file.clone()),
            Err(error) => {
                self.open.lock().await.remove(id);
                Err(error)
            }
        }
    }

    /// Temporary name, migrate, fsync, rename, fsync: a crash leaves a `.new-` directory that `doctor` names, never half a database.
    async fn create(&self, id: TenantId, at: Timestamp) -> Result<()> {
        let parent = self.directory.resellers();
        let staging = parent.join(format!(".new-{id}"));
        data_dir::remove_tree(&staging)?;
        data_dir::create_private(&staging)?;
        let path = staging.join("reseller.db");
        let file = File::open(&path, Missing::Create, Kind::Tenant, 1).await?;
        file.write(async |tx| tenant_settings::set_owner(tx, id, at).await).await?;
        file.close().await;
        drop(file);
        sync_file(&path)?;
        data_dir::sync_directory(&staging)?;
        fail::fail_point!("store.tenant_before_rename");
        let target = self.directory.tenant(id);
        std::fs::rename(&staging, &target).map_err(Error::io("rename", &staging))?;
        data_dir::sync_directory(&parent)
    }

    async fn remove(&self, id: TenantId) -> Result<()> {
        let cell = self.open.lock().await.remove(id);
        close(cell).await;
        let directory = self.directory.tenant(id);
        let doomed = self.directory.resellers().join(format!(".old-{id}"));
        match std::fs::rename(&directory, &doomed) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            renamed => renamed.map_err(Error::io("rename", &directory))?,
        }
        data_dir::remove_tree(&doomed)?;
        data_dir::sync_directory(&self.directory.resellers())
    }
}

async fn close(cell: Option<Cell>) {
    if let Some(file) = cell.as_deref().and_then(OnceCell::get) {
        file.close().await;
    }
}

fn sync_file(path: &Path) -> Result<()> {
    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    file.sync_all().map_err(Error::io("sync", path))
}
