//! The tenants' databases: opened on demand, the least recently used closed when too many are open, made and removed whole.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use lru::LruCache;
use sqlx::PgPool;
use tokio::sync::{Mutex, OnceCell};

use crate::{
    clock::Timestamp,
    data_dir::{self, DataDir},
    error::{Error, Result},
    ids::TenantId,
    migrations::{self, Kind},
    postgres::{self, Schema},
    seam::Database,
    sqlite::{File, Missing},
    tenant_settings,
    write_lock::Pass,
};

const READERS: u32 = 2;
/// A few megabytes.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1 << 16).expect("it is not zero");
/// How often a file is opened anew because another took its place meanwhile. Two restores never follow each other so fast.
const REOPEN: usize = 3;

/// Where tenants' databases are.
pub(crate) enum TenantDatabases {
    Sqlite(Files),
    Postgres(Schemas),
}

pub(crate) struct Schemas {
    pool: PgPool,
    /// Those that this process has seen at the newest schema, or at one that is newer than its own.
    current: Mutex<LruCache<TenantId, ()>>,
}

pub(crate) struct Files {
    directory: DataDir,
    open: Mutex<Open>,
}

type Cell = Arc<OnceCell<Opened>>;

/// An open file, and which file it is: a restore puts another one in its place, from another process perhaps.
struct Opened {
    file: File,
    identity: Option<Identity>,
}

/// Device and inode. The file is only looked at: opening and closing it would drop SQLite's locks on it
/// (<https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|meta| Self(meta.dev(), meta.ino()))
    }
}

impl Opened {
    async fn open(path: &Path) -> Result<Self> {
        // Looked at before: one that was swapped during the opening is opened again, never taken for the other.
        let identity = Identity::of(path);
        let file = File::open(path, Missing::Refuse, Kind::Tenant, READERS).await?;
        Ok(Self { file, identity })
    }

    fn is_at(&self, path: &Path) -> bool {
        self.identity.is_some() && self.identity == Identity::of(path)
    }
}

/// A tenant's file is open once at the most: who closes it, closes it for everybody.
struct Open {
    recent: LruCache<TenantId, Cell>,
    /// Those that had to make room while somebody worked with them.
    leaving: HashMap<TenantId, Cell>,
}

impl Open {
    fn get(&mut self, id: TenantId) -> Cell {
        // Connections close with the last handle on them, which is ours when nobody else is left.
        self.leaving
            .retain(|_, cell| Arc::strong_count(cell) > 1 || cell.get().is_some_and(|opened| opened.file.is_shared()));
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

    /// Lets go of a file that is not the tenant's any more: its connections close with its last user.
    fn retire(&mut self, id: TenantId, stale: &Cell) {
        if self.recent.peek(&id).is_some_and(|cell| Arc::ptr_eq(cell, stale)) {
            self.recent.pop(&id);
        }
        if self.leaving.get(&id).is_some_and(|cell| Arc::ptr_eq(cell, stale)) {
            self.leaving.remove(&id);
        }
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

    pub(crate) fn schemas(pool: PgPool) -> Self {
        Self::Postgres(Schemas { pool, current: Mutex::new(LruCache::new(REMEMBERED)) })
    }

    pub(crate) async fn get(&self, id: TenantId) -> Result<Database> {
        match self {
            Self::Sqlite(files) => files.get(id).await.map(Database::Sqlite),
            Self::Postgres(schemas) => schemas.get(id).await.map(Database::Postgres),
        }
    }

    pub(crate) async fn exists(&self, id: TenantId) -> Result<bool> {
        match self {
            Self::Sqlite(files) => Ok(files.directory.tenant_database(id).exists()),
            Self::Postgres(schemas) => schemas.of(id).exists().await,
        }
    }

    pub(crate) async fn create(&self, id: TenantId, at: Timestamp) -> Result<()> {
        match self {
            Self::Sqlite(files) => files.create(id, at).await,
            Self::Postgres(schemas) => {
                let schema = schemas.of(id);
                schema.migrate(Kind::Tenant).await?;
                schema.write(Pass::Anybody, async |tx| tenant_settings::set_owner(tx, id, at).await).await
            }
        }
    }

    pub(crate) async fn remove(&self, id: TenantId) -> Result<()> {
        match self {
            Self::Sqlite(files) => files.remove(id).await,
            Self::Postgres(schemas) => {
                schemas.current.lock().await.pop(&id);
                schemas.of(id).drop_schema().await
            }
        }
    }

    pub(crate) async fn migrate(&self, id: TenantId) -> Result<()> {
        match self {
            Self::Sqlite(files) => files.get(id).await.map(drop),
            Self::Postgres(schemas) => schemas.of(id).migrate(Kind::Tenant).await,
        }
    }

    pub(crate) async fn close(&self, id: TenantId) {
        match self {
            Self::Sqlite(files) => {
                let cell = files.open.lock().await.remove(id);
                close(cell).await;
            }
            Self::Postgres(schemas) => drop(schemas.current.lock().await.pop(&id)),
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

impl Schemas {
    fn of(&self, id: TenantId) -> Schema {
        Schema::new(self.pool.clone(), &postgres::tenant_schema(id))
    }

    /// As opening a file does: what is behind is migrated, once for each process.
    async fn get(&self, id: TenantId) -> Result<Schema> {
        let schema = self.of(id);
        if self.current.lock().await.get(&id).is_some() {
            return Ok(schema);
        }
        let Some(version) = schema.version().await? else {
            return Err(Error::DatabaseMissing(schema.name().into()));
        };
        if version < migrations::newest(Kind::Tenant) {
            schema.migrate(Kind::Tenant).await?;
        }
        self.current.lock().await.push(id, ());
        Ok(schema)
    }
}

impl Files {
    async fn get(&self, id: TenantId) -> Result<File> {
        let path = self.directory.tenant_database(id);
        for _ in 0..REOPEN {
            let cell = self.open.lock().await.get(id);
            match cell.get_or_try_init(|| Opened::open(&path)).await {
                Ok(opened) if opened.is_at(&path) => return Ok(opened.file.clone()),
                Ok(_) => self.open.lock().await.retire(id, &cell),
                Err(error) => {
                    self.open.lock().await.remove(id);
                    return Err(error);
                }
            }
        }
        Err(Error::DatabaseMissing(path))
    }

    /// Temporary name, migrate, fsync, rename, fsync: a crash leaves a `.new-` directory that `doctor` names, never half a database.
    async fn create(&self, id: TenantId, at: Timestamp) -> Result<()> {
        let (parent, staging) = (self.directory.resellers(), self.staging(id));
        data_dir::remove_tree(&staging)?;
        data_dir::create_private(&staging)?;
        let path = staging.join("reseller.db");
        let file = File::open(&path, Missing::Create, Kind::Tenant, 1).await?;
        file.write(Pass::Anybody, async |tx| tenant_settings::set_owner(tx, id, at).await).await?;
        file.close().await;
        drop(file);
        data_dir::sync_file(&path)?;
        data_dir::sync_directory(&staging)?;
        fail::fail_point!("store.tenant_before_rename");
        let target = self.directory.tenant(id);
        std::fs::rename(&staging, &target).map_err(Error::io("rename", &staging))?;
        data_dir::sync_directory(&parent)
    }

    fn staging(&self, id: TenantId) -> PathBuf {
        self.directory.resellers().join(format!(".new-{id}"))
    }

    /// And what a failure in the middle left.
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
        data_dir::remove_tree(&self.staging(id))?;
        data_dir::sync_directory(&self.directory.resellers())
    }
}

async fn close(cell: Option<Cell>) {
    if let Some(opened) = cell.as_deref().and_then(OnceCell::get) {
        opened.file.close().await;
    }
}
