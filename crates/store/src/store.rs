//! The store as a whole: the central database, the tenants', the clock and the source of ids.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc};

use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;

use crate::{
    central_swap,
    clock::Clock,
    data_dir::{DataDir, Presence},
    error::{Error, Result},
    ids::{Ids, TenantId},
    migrations::Kind,
    postgres::{self, Schema},
    presence::{self, Present},
    queue, relocation,
    seam::{Database, Engine},
    skew,
    sqlite::{File, Missing},
    tenant_databases::TenantDatabases,
};

/// Where the databases are and how many connections they may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `CHILIVIEW_DATA_DIR`.
    pub data_dir: PathBuf,
    /// `CHILIVIEW_DATABASE_URL`: a PostgreSQL URL, or none for SQLite.
    pub database_url: Option<SecretString>,
    /// How many tenants' SQLite files are kept open.
    pub open_tenants: NonZeroUsize,
    /// Connections that read the central SQLite file at once, or in PostgreSQL's pool.
    pub connections: u32,
    /// Start even where WAL is known to corrupt.
    pub allow_network_file_system: bool,
}

impl Settings {
    /// SQLite under `data_dir`, everything else at its default.
    #[must_use]
    pub fn sqlite(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database_url: None,
            open_tenants: NonZeroUsize::new(64).unwrap_or(NonZeroUsize::MIN),
            connections: 4,
            allow_network_file_system: false,
        }
    }
}

/// Every database of the platform. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    data_dir: DataDir,
    central: Database,
    tenants: TenantDatabases,
    clock: Clock,
    ids: Ids,
    _presence: Presence,
    _present: Option<Present>,
}

impl Store {
    /// Opens the central database, making and migrating what is missing, under a lock that keeps other processes out meanwhile.
    pub async fn open(settings: &Settings, clock: Clock, ids: Ids) -> Result<Self> {
        let data_dir = DataDir::new(&settings.data_dir);
        data_dir.refuse_unfinished()?;
        data_dir.create()?;
        if settings.database_url.is_none() && !settings.allow_network_file_system {
            data_dir.refuse_unsafe_file_system()?;
        }
        let presence = data_dir.join()?;
        let lock = start_up_lock(data_dir.clone()).await?;
        let (central, tenants, present) = match &settings.database_url {
            None => {
                data_dir.refuse_moved()?;
                central_swap::finish(&data_dir, clock.now())?;
                let (central, tenants) = open_sqlite(settings, &data_dir).await?;
                (central, tenants, None)
            }
            Some(url) => {
                let options = postgres::options(url)?;
                if postgres::is_exposed(&options) {
                    let host = options.get_host();
                    tracing::warn!(host, "store.unencrypted: add sslmode=verify-full to CHILIVIEW_DATABASE_URL");
                }
                let present = presence::join(options.clone()).await?;
                let (central, tenants) = open_postgres(settings, options).await?;
                (central, tenants, Some(present))
            }
        };
        queue::migrate(&central).await?;
        drop(lock);
        let inner = Inner { data_dir, central, tenants, clock, ids, _presence: presence, _present: present };
        let store = Self(Arc::new(inner));
        store.look_at_clock().await?;
        Ok(store)
    }

    /// The central database.
    #[must_use]
    pub fn central(&self) -> &Database {
        &self.0.central
    }

    /// Warns in the log when the clock of this process is not the database server's.
    pub async fn look_at_clock(&self) -> Result<()> {
        let clock = self.clock();
        if let Some(skew) = self.central().read(async |tx| skew::measure(tx, clock).await).await? {
            tracing::warn!(clock = %skew, "clock.apart: have all machines keep time by NTP");
        }
        Ok(())
    }

    /// A tenant's database. Whether there is such a tenant is the central database's to say.
    pub async fn tenant(&self, id: TenantId) -> Result<Database> {
        self.0.tenants.get(id).await
    }

    /// Whether a tenant's database is there, whatever the central database says.
    pub async fn tenant_database_exists(&self, id: TenantId) -> Result<bool> {
        self.0.tenants.exists(id).await
    }

    /// Makes a tenant's database. Its row is committed only afterwards.
    pub async fn create_tenant_database(&self, id: TenantId) -> Result<()> {
        self.0.tenants.create(id, self.0.clock.now()).await
    }

    /// Removes a tenant's database for good.
    pub async fn remove_tenant_database(&self, id: TenantId) -> Result<()> {
        self.0.tenants.remove(id).await
    }

    /// Brings a tenant's database up to the newest schema.
    pub async fn migrate_tenant_database(&self, id: TenantId) -> Result<()> {
        self.0.tenants.migrate(id).await
    }

    /// Closes a tenant's file, waiting for those who work in it; the next use opens it anew.
    pub async fn close_tenant_database(&self, id: TenantId) {
        self.0.tenants.close(id).await;
    }

    /// Closes every database; writes answer an error from here on.
    pub async fn close(&self) {
        self.0.tenants.close_all().await;
        if let Database::Sqlite(file) = &self.0.central {
            file.close().await;
        }
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.0.central.engine()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The source of ids.
    #[must_use]
    pub fn ids(&self) -> Ids {
        self.0.ids
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &DataDir {
        &self.0.data_dir
    }
}

async fn start_up_lock(data_dir: DataDir) -> Result<crate::data_dir::StartUpLock> {
    tokio::task::spawn_blocking(move || data_dir.lock_start_up()).await.map_err(|_| Error::Panicked)?
}

async fn open_sqlite(settings: &Settings, data_dir: &DataDir) -> Result<(Database, TenantDatabases)> {
    let path = data_dir.central();
    let file = File::open(&path, Missing::Create, Kind::Central, settings.connections).await?;
    crate::data_dir::sync_directory(data_dir.root())?;
    Ok((Database::Sqlite(file), TenantDatabases::files(data_dir.clone(), settings.open_tenants)))
}

async fn open_postgres(settings: &Settings, options: PgConnectOptions) -> Result<(Database, TenantDatabases)> {
    let pool = postgres::connect(options, settings.connections.max(4)).await?;
    postgres::look_at_server(&pool).await?;
    let central = Schema::new(pool.clone(), postgres::CENTRAL);
    relocation::refuse_moved(&central).await?;
    central.migrate(Kind::Central).await?;
    Ok((Database::Postgres(central), TenantDatabases::schemas(pool)))
}
