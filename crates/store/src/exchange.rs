//! A restored database in the place of a tenant's, on whichever engine: directories on SQLite (`swap`), schemas on PostgreSQL
//! (`schema_swap`). The steps and what they promise are the same.

use std::path::PathBuf;

use crate::{
    Database,
    error::Result,
    ids::{RestoreId, TenantId},
    migrations::Kind,
    schema_swap::SchemaSwap,
    soundness,
    sqlite::{File, Missing},
    store::Store,
    swap::{Live, Swap},
    transfer::Step,
};

/// What one restore moves.
#[derive(Clone, Debug)]
pub enum Exchange {
    /// Directories.
    Files(Swap),
    /// Schemas.
    Schemas(SchemaSwap),
}

impl Exchange {
    /// Of this restore, into this tenant.
    #[must_use]
    pub fn new(store: &Store, restore: RestoreId, tenant: TenantId) -> Self {
        match store.central() {
            Database::Sqlite(_) => Self::Files(Swap::new(store.data_dir(), restore, tenant)),
            Database::Postgres(schema) => {
                Self::Schemas(SchemaSwap::new(schema.pool(), store.data_dir(), restore, tenant))
            }
        }
    }

    /// Where the restored database is unpacked and made ready: a SQLite file, on both.
    #[must_use]
    pub fn staged_database(&self) -> PathBuf {
        match self {
            Self::Files(swap) => swap.staged_database(),
            Self::Schemas(swap) => swap.staged_database(),
        }
    }

    /// Which database is live.
    pub async fn live(&self) -> Result<Live> {
        match self {
            Self::Files(swap) => Ok(swap.live()),
            Self::Schemas(swap) => swap.live().await,
        }
    }

    /// Room for the restored database; whatever was there is gone.
    pub async fn begin(&self) -> Result<()> {
        match self {
            Self::Files(swap) => swap.begin(),
            Self::Schemas(swap) => swap.begin().await,
        }
    }

    /// Makes the staged database durable, where it can be swapped in, and marks it. Nobody may have its file open.
    pub async fn seal(&self, step: Step<'_>) -> Result<()> {
        match self {
            Self::Files(swap) => swap.seal(),
            Self::Schemas(swap) => swap.seal(step).await,
        }
    }

    /// Makes the staged database the live one, and puts the live one aside, if there is one.
    pub async fn swap(&self) -> Result<()> {
        match self {
            Self::Files(swap) => swap.swap(),
            Self::Schemas(swap) => swap.swap().await,
        }
    }

    /// Exchanges the live database and the kept one: the undo, and the undo of that.
    pub async fn swap_back(&self) -> Result<()> {
        match self {
            Self::Files(swap) => swap.swap_back(),
            Self::Schemas(swap) => swap.swap_back().await,
        }
    }

    /// Ends what was cut off in the middle. Schemas are never.
    pub fn mend(&self) -> Result<()> {
        match self {
            Self::Files(swap) => swap.mend(),
            Self::Schemas(_) => Ok(()),
        }
    }

    /// Whether what was replaced is still there.
    pub async fn has_kept(&self) -> Result<bool> {
        match self {
            Self::Files(swap) => Ok(swap.has_kept()),
            Self::Schemas(swap) => swap.has_kept().await,
        }
    }

    /// What was replaced opens, and is whole.
    pub async fn check_kept(&self) -> Result<()> {
        match self {
            Self::Files(swap) => {
                let file = File::open(&swap.kept_database(), Missing::Refuse, Kind::Tenant, 1).await?;
                let checked = soundness::check_quickly(&Database::Sqlite(file.clone())).await;
                file.close().await;
                checked
            }
            Self::Schemas(swap) => swap.check_kept().await,
        }
    }

    /// Whether the database from before is live, and the restored one put aside in its stead.
    pub async fn is_undone(&self) -> Result<bool> {
        match self {
            Self::Files(swap) => Ok(swap.is_undone()),
            Self::Schemas(swap) => swap.is_undone().await,
        }
    }

    /// Removes what was made ready and did not become live.
    pub async fn discard_staged(&self) -> Result<()> {
        match self {
            Self::Files(swap) => swap.discard_staged(),
            Self::Schemas(swap) => swap.discard_staged().await,
        }
    }

    /// Removes what was put aside.
    pub async fn discard_kept(&self) -> Result<()> {
        match self {
            Self::Files(swap) => swap.discard_kept(),
            Self::Schemas(swap) => swap.discard_kept().await,
        }
    }
}
