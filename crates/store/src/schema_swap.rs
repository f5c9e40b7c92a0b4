//! As `swap`, on PostgreSQL: schemas change their names, all in one transaction, so that nothing is ever left half done. The
//! restored one has a mark on it (a comment), which goes with it whatever it is called.

use std::{path::PathBuf, time::Duration};

use sqlx::{AssertSqlSafe, Executor as _, PgPool};

use crate::{
    Tx,
    data_dir::{DataDir, create_private, remove_tree},
    error::{Error, Result},
    ids::{RestoreId, TenantId},
    lent::{Lent, PostgresTx},
    migrations::Kind,
    patience::{STATEMENT, in_time},
    postgres::{STAYS, Schema, WRITER, tenant_schema},
    staging::{self, Staging},
    swap::Live,
    tenant_settings,
    transfer::{self, Step},
};

/// A backup that reads the schema is waited for, and others may begin to read meanwhile.
const PATIENCE: Duration = Duration::from_mins(5);
const BETWEEN: Duration = Duration::from_millis(20);

/// The schemas of one restore.
#[derive(Clone, Debug)]
pub struct SchemaSwap {
    live: Schema,
    own: Staging,
    staged: Schema,
    kept: Schema,
    away: Schema,
    mark: String,
    /// Where snapshots are unpacked before they are loaded.
    temp: PathBuf,
}

impl SchemaSwap {
    pub(crate) fn new(pool: &PgPool, data_dir: &DataDir, restore: RestoreId, tenant: TenantId, attempt: i64) -> Self {
        let schema = |name: &str| Schema::new(pool.clone(), name);
        let (id, own) = (restore.uuid().simple(), Staging::of(restore, attempt));
        Self {
            live: schema(&tenant_schema(tenant)),
            own,
            staged: schema(&own.schema()),
            kept: schema(&format!("before_{id}")),
            away: schema(&format!("away_{id}")),
            mark: format!("restore-{restore}"),
            temp: data_dir.temp(),
        }
    }

    /// Where the snapshot is unpacked.
    pub(crate) fn staged_database(&self) -> PathBuf {
        self.scratch(self.own).join("reseller.db")
    }

    fn scratch(&self, place: Staging) -> PathBuf {
        self.temp.join(place.scratch())
    }

    pub(crate) async fn live(&self) -> Result<Live> {
        Ok(self.told_by(self.live.mark().await?))
    }

    fn told_by(&self, mark: Option<Option<String>>) -> Live {
        match mark {
            None => Live::Nothing,
            Some(mark) if mark.as_deref() == Some(&*self.mark) => Live::Restored,
            Some(_) => Live::Before,
        }
    }

    /// What attempts before this one left here is gone. What they left on the server may be held by one who is frozen: who
    /// ends the restore sees to it.
    pub(crate) async fn begin(&self) -> Result<()> {
        for place in self.unpacked()?.iter().filter(|place| place.attempt < self.own.attempt) {
            remove_tree(&self.scratch(*place))?;
        }
        self.discard_own().await?;
        create_private(&self.scratch(self.own))
    }

    /// Every attempt's, here.
    fn unpacked(&self) -> Result<Vec<Staging>> {
        let mut all = staging::listed(&self.temp, Staging::named_by_scratch)?;
        all.retain(|place| place.restore == self.own.restore);
        Ok(all)
    }

    /// Loads the unpacked database into a schema of its own, compared on both sides.
    pub(crate) async fn seal(&self, step: Step<'_>) -> Result<()> {
        transfer::load(&self.staged_database(), Kind::Tenant, &self.staged, &self.mark, step).await?;
        remove_tree(&self.scratch(self.own))
    }

    /// What is where is asked when nobody else can change it any more, here and below.
    pub(crate) async fn bring_in(&self, may: impl AsyncFnOnce(&mut Tx) -> Result<bool>) -> Result<bool> {
        let Some(mut tx) = self.alone(may).await? else { return Ok(false) };
        let was_live = self.told_by(self.kept.mark_for(&mut *tx).await?) == Live::Restored;
        match (self.told_by(self.live.mark_for(&mut *tx).await?), was_live) {
            (Live::Restored, _) => {}
            (_, true) => self.exchange(&mut tx).await?,
            (live, false) => {
                if live == Live::Before {
                    rename(&mut tx, &self.live, &self.kept).await?;
                }
                rename(&mut tx, &self.staged, &self.live).await?;
            }
        }
        in_time(STATEMENT, tx.commit()).await?;
        Ok(true)
    }

    pub(crate) async fn bring_back(&self, may: impl AsyncFnOnce(&mut Tx) -> Result<bool>) -> Result<bool> {
        let Some(mut tx) = self.alone(may).await? else { return Ok(false) };
        let kept = self.kept.exists_for(&mut *tx).await?;
        match (self.told_by(self.live.mark_for(&mut *tx).await?), kept) {
            (Live::Nothing, true) => rename(&mut tx, &self.kept, &self.live).await?,
            (Live::Restored, true) => self.exchange(&mut tx).await?,
            (Live::Restored, false) => rename(&mut tx, &self.live, &self.staged).await?,
            (Live::Before, _) | (Live::Nothing, false) => {}
        }
        in_time(STATEMENT, tx.commit()).await?;
        Ok(true)
    }

    async fn exchange(&self, tx: &mut PostgresTx) -> Result<()> {
        rename(tx, &self.live, &self.away).await?;
        rename(tx, &self.kept, &self.live).await?;
        rename(tx, &self.away, &self.kept).await
    }

    pub(crate) async fn has_kept(&self) -> Result<bool> {
        self.kept.exists().await
    }

    /// What was put aside opens, and says whose it is. An upgrade since has passed it by: it is brought up to date.
    pub(crate) async fn check_kept(&self) -> Result<()> {
        self.kept.migrate(Kind::Tenant).await?;
        self.kept.read(tenant_settings::owner).await.map(drop)
    }

    pub(crate) async fn is_undone(&self) -> Result<bool> {
        if self.live().await? != Live::Before {
            return Ok(false);
        }
        Ok(self.kept.mark().await?.is_none_or(|mark| mark.as_deref() == Some(&*self.mark)))
    }

    pub(crate) async fn discard_own(&self) -> Result<()> {
        remove_tree(&self.scratch(self.own))?;
        self.staged.drop_schema().await
    }

    pub(crate) async fn discard_staged(&self) -> Result<()> {
        for place in self.unpacked()? {
            remove_tree(&self.scratch(place))?;
        }
        let pool = self.live.pool();
        for place in staged(pool).await?.iter().filter(|place| place.restore == self.own.restore) {
            Schema::new(pool.clone(), &place.schema()).drop_schema().await?;
        }
        Ok(())
    }

    pub(crate) async fn discard_kept(&self) -> Result<()> {
        self.kept.drop_schema().await
    }

    /// A transaction in which nobody reads or writes the tenant's schema; none when the caller may not, asked in that very
    /// transaction. Readers are waited for without standing in the queue: behind one who stands there, new ones would have to
    /// wait for the old ones too.
    async fn alone(&self, may: impl AsyncFnOnce(&mut Tx) -> Result<bool>) -> Result<Option<PostgresTx>> {
        let mut tx = PostgresTx::begin(self.live.pool(), "BEGIN").await?;
        let name = self.live.name();
        let nobody = format!("SELECT pg_try_advisory_xact_lock(hashtextextended('{name}', {STAYS}))");
        let begun = tokio::time::Instant::now();
        loop {
            let ask = sqlx::query_scalar(AssertSqlSafe(nobody.clone()));
            if in_time(STATEMENT, ask.fetch_one(&mut *tx)).await? {
                break;
            }
            if begun.elapsed() > PATIENCE {
                return Err(Error::Busy(sqlx::Error::PoolTimedOut));
            }
            tokio::time::sleep(BETWEEN).await;
        }
        let writer = format!("SELECT pg_advisory_xact_lock(hashtextextended('{name}', {WRITER}))");
        in_time(STATEMENT, tx.execute(AssertSqlSafe(writer))).await?;
        let mut tx = Tx::Postgres(tx);
        let may = may(&mut tx).await?;
        let Tx::Postgres(tx) = tx else { unreachable!("the transaction stays what it was") };
        Ok(may.then_some(tx))
    }
}

/// Every schema in which an attempt at any restore made its database ready.
pub(crate) async fn staged(pool: &PgPool) -> Result<Vec<Staging>> {
    let names = "SELECT CAST(nspname AS TEXT) FROM pg_namespace WHERE nspname LIKE 'restore\\_%'";
    let names: Vec<String> =
        in_time(STATEMENT, sqlx::query_scalar(names).fetch_all(&mut *Lent::by(pool).await?)).await?;
    Ok(names.iter().filter_map(|name| Staging::named_by_schema(name)).collect())
}

async fn rename(tx: &mut PostgresTx, from: &Schema, to: &Schema) -> Result<()> {
    let sql = format!("ALTER SCHEMA \"{}\" RENAME TO \"{}\"", from.name(), to.name());
    in_time(STATEMENT, tx.execute(AssertSqlSafe(sql))).await?;
    Ok(())
}
