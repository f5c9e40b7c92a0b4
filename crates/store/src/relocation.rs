//! A whole platform from one engine to the other: what `chiliview move` does to the databases, step by step. The steps are
//! ordered so that the central database comes last: without it, what lies on the other side is nobody's platform yet.

use sqlx::{AssertSqlSafe, Executor as _, PgPool};

use crate::{
    error::{Error, Result},
    ids::TenantId,
    lent::PostgresTx,
    migrations::Kind,
    postgres::{CENTRAL, Schema, tenant_schema},
    presence::Alone,
    queue::{self, Carried},
    seam::{Database, Tx},
    transfer::{self, Contents, Digests, Step},
};

const PAGE: i64 = 500;
/// What a central schema that was moved away is marked with; behind it, where to.
const MOVED: &str = "moved";
/// Where a central schema is made ready.
const INCOMING: &str = "chiliview_incoming";

/// Refuses a platform that was moved to files: two would grow apart.
pub(crate) async fn refuse_moved(central: &Schema) -> Result<()> {
    match central.mark().await? {
        Some(Some(mark)) if mark.starts_with(MOVED) => Err(Error::Unsafe(format!(
            "this platform was {mark}: serve it from there, without CHILIVIEW_DATABASE_URL; to go back to how it was before, run \
             COMMENT ON SCHEMA \"{CENTRAL}\" IS NULL"
        ))),
        _ => Ok(()),
    }
}

/// Says on the central schema where the platform went.
pub async fn mark_moved(pool: &PgPool, to: &str) -> Result<()> {
    let words = format!("{MOVED} to {}", to.replace('\'', "''"));
    pool.execute(AssertSqlSafe(format!("COMMENT ON SCHEMA \"{CENTRAL}\" IS '{words}'"))).await?;
    Ok(())
}

/// The central schema; it need not be there.
#[must_use]
pub fn central(pool: &PgPool) -> Schema {
    Schema::new(pool.clone(), CENTRAL)
}

/// A tenant's schema; it need not be there.
#[must_use]
pub fn tenant(pool: &PgPool, id: TenantId) -> Schema {
    Schema::new(pool.clone(), &tenant_schema(id))
}

/// The tenants that have a schema, whatever the central database says; each with its mark.
pub async fn tenants(pool: &PgPool) -> Result<Vec<(TenantId, Option<String>)>> {
    let query = "SELECT CAST(nspname AS TEXT), obj_description(oid, 'pg_namespace') FROM pg_namespace
        WHERE nspname ~ '^tenant_[0-9a-f]{32}$' ORDER BY 1";
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(query).fetch_all(pool).await?;
    let id = |name: &str| name.strip_prefix("tenant_").and_then(|id| id.parse::<TenantId>().ok());
    Ok(rows.into_iter().filter_map(|(name, mark)| Some((id(&name)?, mark))).collect())
}

/// Loads a tenant's file, equal on both sides, and only then gives the schema its name.
pub async fn take_tenant(
    pool: &PgPool,
    id: TenantId,
    file: &std::path::Path,
    mark: &str,
    step: Step<'_>,
) -> Result<Digests> {
    let incoming = Schema::new(pool.clone(), &format!("incoming_{}", id.uuid().simple()));
    let digests = transfer::load(file, Kind::Tenant, &incoming, mark, step).await?;
    let mut tx = PostgresTx::begin(pool, "BEGIN").await?;
    rename(&mut tx, incoming.name(), &tenant_schema(id)).await?;
    tx.commit().await?;
    Ok(digests)
}

/// What a tenant's schema holds.
pub async fn tenant_contents(pool: &PgPool, id: TenantId, step: Step<'_>) -> Result<Contents> {
    transfer::contents_of_schema(&tenant(pool, id), Kind::Tenant, step).await
}

/// Loads a central database and its jobs, and makes it the platform's in one transaction, if the caller is alone still. What was
/// there before, jobs that were not over included, ends with it; its schema is kept under the name that is answered.
pub async fn take_central(
    pool: &PgPool,
    alone: &Alone,
    file: &std::path::Path,
    jobs: &[Carried],
    mark: &str,
    aside: &str,
    step: Step<'_>,
) -> Result<Option<String>> {
    let incoming = Schema::new(pool.clone(), INCOMING);
    transfer::load(file, Kind::Central, &incoming, mark, step).await?;
    queue::migrate(&Database::Postgres(incoming.clone())).await?;
    fail::fail_point!("store.central_loaded");
    let kept = central(pool).exists().await?.then(|| aside.to_owned());
    let mut tx = Tx::Postgres(PostgresTx::begin(pool, "BEGIN").await?);
    queue::end_all(&mut tx, "the central database was replaced").await?;
    for job in jobs {
        queue::take_in(&mut tx, job).await?;
    }
    let Tx::Postgres(mut tx) = tx else { return Err(Error::Panicked) };
    if let Some(kept) = &kept {
        rename(&mut tx, CENTRAL, kept).await?;
    }
    rename(&mut tx, INCOMING, CENTRAL).await?;
    alone.is_held().await?;
    tx.commit().await?;
    Ok(kept)
}

/// The jobs of a platform that are not over.
pub async fn jobs(central: &Database) -> Result<Vec<Carried>> {
    central
        .read(async |tx| {
            let mut all: Vec<Carried> = Vec::new();
            loop {
                let page = queue::open_jobs(tx, all.last(), PAGE).await?;
                if page.is_empty() {
                    return Ok(all);
                }
                all.extend(page);
            }
        })
        .await
}

/// Gives a central SQLite file its queue.
pub async fn put_jobs(central: &Database, jobs: &[Carried]) -> Result<()> {
    queue::migrate(central).await?;
    central
        .write(async |tx| {
            for job in jobs {
                queue::take_in(tx, job).await?;
            }
            Ok(())
        })
        .await
}

async fn rename(tx: &mut PostgresTx, from: &str, to: &str) -> Result<()> {
    tx.execute(AssertSqlSafe(format!("ALTER SCHEMA \"{from}\" RENAME TO \"{to}\""))).await?;
    Ok(())
}
