//! A restored database in the place of a tenant's, on whichever engine: directories on SQLite (`swap`), schemas on PostgreSQL
//! (`schema_swap`). The steps and what they promise are the same.
//!
//! Whoever moves something says which database is to be live then, and is asked once more whether he may: where nobody else
//! can move anything, nor be given what he answers by. One who was frozen, and whose work is another's by now, moves nothing.

use std::path::PathBuf;

use crate::{
    Database, Tx,
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
    /// Directories; moved by the one writer of the central database.
    Files(Swap, Database),
    /// Schemas.
    Schemas(SchemaSwap),
}

impl Exchange {
    /// Of this restore, into this tenant. What is made ready is this attempt's, whose number fences its place from all others'.
    #[must_use]
    pub fn new(store: &Store, restore: RestoreId, tenant: TenantId, attempt: i64) -> Self {
        let data_dir = store.data_dir();
        match store.central() {
            central @ Database::Sqlite(_) => {
                Self::Files(Swap::new(data_dir, restore, tenant, attempt), central.clone())
            }
            Database::Postgres(schema) => {
                Self::Schemas(SchemaSwap::new(schema.pool(), data_dir, restore, tenant, attempt))
            }
        }
    }

    /// Where this attempt unpacks the restored database and makes it ready: a SQLite file, on both.
    #[must_use]
    pub fn staged_database(&self) -> PathBuf {
        match self {
            Self::Files(swap, _) => swap.staged_database(),
            Self::Schemas(swap) => swap.staged_database(),
        }
    }

    /// Which database is live.
    pub async fn live(&self) -> Result<Live> {
        match self {
            Self::Files(swap, _) => Ok(swap.live()),
            Self::Schemas(swap) => swap.live().await,
        }
    }

    /// Room for the restored database; what attempts before left, and can be removed at once, is gone.
    pub async fn begin(&self) -> Result<()> {
        match self {
            Self::Files(swap, _) => swap.begin(),
            Self::Schemas(swap) => swap.begin().await,
        }
    }

    /// Makes the staged database durable, where it can be swapped in, and marks it. Nobody may have its file open.
    pub async fn seal(&self, step: Step<'_>) -> Result<()> {
        match self {
            Self::Files(swap, _) => swap.seal(),
            Self::Schemas(swap) => swap.seal(step).await,
        }
    }

    /// Makes the database that this attempt made ready the live one, unless a restored one is, and puts the live one aside, if
    /// there is one. False when the caller may not: nothing was moved.
    pub async fn bring_in(&self, may: impl AsyncFnOnce(&mut Tx) -> Result<bool>) -> Result<bool> {
        match self {
            Self::Files(swap, central) => alone(central, may, || swap.bring_in()).await,
            Self::Schemas(swap) => swap.bring_in(may).await,
        }
    }

    /// Makes the database from before the live one, unless it is, and puts the restored one aside. False as above.
    pub async fn bring_back(&self, may: impl AsyncFnOnce(&mut Tx) -> Result<bool>) -> Result<bool> {
        match self {
            Self::Files(swap, central) => alone(central, may, || swap.bring_back()).await,
            Self::Schemas(swap) => swap.bring_back(may).await,
        }
    }

    /// Ends what was cut off in the middle; schemas never are. False as above.
    pub async fn mend(&self, may: impl AsyncFnOnce(&mut Tx) -> Result<bool>) -> Result<bool> {
        match self {
            Self::Files(swap, central) => alone(central, may, || swap.mend()).await,
            Self::Schemas(_) => Ok(true),
        }
    }

    /// Whether what was replaced is still there.
    pub async fn has_kept(&self) -> Result<bool> {
        match self {
            Self::Files(swap, _) => Ok(swap.has_kept()),
            Self::Schemas(swap) => swap.has_kept().await,
        }
    }

    /// What was replaced opens, and is whole.
    pub async fn check_kept(&self) -> Result<()> {
        match self {
            Self::Files(swap, _) => {
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
            Self::Files(swap, _) => Ok(swap.is_undone()),
            Self::Schemas(swap) => swap.is_undone().await,
        }
    }

    /// Removes what this attempt made ready and did not become live.
    pub async fn discard_own(&self) -> Result<()> {
        match self {
            Self::Files(swap, _) => swap.discard_own(),
            Self::Schemas(swap) => swap.discard_own().await,
        }
    }

    /// Removes what any attempt made ready and did not become live: when the restore is over.
    pub async fn discard_staged(&self) -> Result<()> {
        match self {
            Self::Files(swap, _) => swap.discard_staged(),
            Self::Schemas(swap) => swap.discard_staged().await,
        }
    }

    /// Removes what was put aside.
    pub async fn discard_kept(&self) -> Result<()> {
        match self {
            Self::Files(swap, _) => swap.discard_kept(),
            Self::Schemas(swap) => swap.discard_kept().await,
        }
    }
}

/// While the central database takes no other write, from whichever process: no job is given to anybody meanwhile.
async fn alone(
    central: &Database,
    may: impl AsyncFnOnce(&mut Tx) -> Result<bool>,
    work: impl FnOnce() -> Result<()>,
) -> Result<bool> {
    central
        .write(async |tx| {
            let may = may(tx).await?;
            if may {
                work()?;
            }
            Ok(may)
        })
        .await
}
