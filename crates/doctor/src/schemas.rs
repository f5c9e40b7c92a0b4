//! Schemas that nobody needs: what restores, moves and creations that were cut off left in PostgreSQL.

use std::collections::BTreeMap;

use chiliview_store::{Error, RestoreId, TenantId, postgres, presence, tenants};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Executor as _, PgPool};

use crate::{
    central::Central,
    database::words,
    exam::{Cannot, Exam, Finding},
    restores::{self, Kind},
    tenants::{BIRTH, ORPHAN},
};

/// Everything that ChiliView names so, but for the central schema and what was put aside.
const NAMES: &str = "SELECT CAST(nspname AS TEXT) FROM pg_namespace
    WHERE nspname ~ '^(tenant|restore|before|away|incoming)_[0-9a-f]{32}$' OR nspname = 'chiliview_incoming' ORDER BY 1";

pub(crate) async fn orphans(exam: &mut Exam<'_>, central: &Central, pool: &PgPool, known: &BTreeMap<TenantId, String>) {
    let names: Vec<String> = match sqlx::query_scalar(NAMES).fetch_all(pool).await {
        Ok(names) => names,
        Err(error) => {
            return exam.broken(Finding {
                name: ORPHAN,
                object: "PostgreSQL".to_owned(),
                message: format!("its schemas cannot be listed: {}", words(&Error::from(error))),
                advice: "see whether ChiliView's role may look at its database".to_owned(),
            });
        }
    };
    let mut strays = 0;
    for name in names {
        let Some(message) = nobodys(exam, central, pool, known, &name).await else { continue };
        strays += 1;
        let finding = Finding {
            name: ORPHAN,
            object: name.clone(),
            message: message.to_owned(),
            advice: "look what is in it, and drop it when nobody misses it".to_owned(),
        };
        exam.mend(finding, async |exam: &mut Exam<'_>| put_aside(exam, pool, &name).await).await;
    }
    if strays == 0 {
        exam.ok(ORPHAN, "PostgreSQL", format!("{} tenants' schemas and nothing else", known.len()));
    }
}

/// Why nobody needs a schema, when nobody does.
async fn nobodys(
    exam: &Exam<'_>,
    central: &Central,
    pool: &PgPool,
    known: &BTreeMap<TenantId, String>,
    name: &str,
) -> Option<&'static str> {
    let (kind, id) = name.split_once('_')?;
    match kind {
        "tenant" => {
            let id = id.parse::<TenantId>().ok()?;
            if known.contains_key(&id) || is_born(exam, central, pool, id).await {
                return None;
            }
            Some("a tenant's schema without a tenant: its creation was cut off, or its row was lost")
        }
        "restore" | "away" | "before" => {
            let kind = if kind == "before" { Kind::Kept } else { Kind::Staged };
            let needed = restores::needs(exam, Some(central), id.parse::<RestoreId>().ok()?, kind).await;
            (!needed).then_some("the leftover of a restore that is over: nobody comes back to it")
        }
        _ => Some("the leftover of a move that was cut off; the same `chiliview move` makes it anew"),
    }
}

/// Whether a tenant that was not there a moment ago is there now, or its schema is not any more.
async fn is_born(exam: &Exam<'_>, central: &Central, pool: &PgPool, id: TenantId) -> bool {
    tokio::time::sleep(BIRTH).await;
    let row = central.read(exam, async |tx| tenants::find(tx, id).await).await;
    let there = chiliview_store::relocation::tenant(pool, id).exists().await;
    row.is_ok_and(|row| row.is_some()) || there.is_ok_and(|there| !there)
}

/// Under another name nobody takes it for anything, and nothing of it is lost.
async fn put_aside(exam: &mut Exam<'_>, pool: &PgPool, name: &str) -> Result<String, Cannot> {
    let url: SecretString = exam.context.settings.database_url.clone().ok_or(Cannot::InUse)?;
    let _here = exam.alone().await?;
    let Some(_alone) = presence::alone(postgres::options(&url)?).await? else { return Err(Cannot::InUse) };
    let aside = format!("aside_{name}");
    pool.execute(AssertSqlSafe(format!("ALTER SCHEMA \"{name}\" RENAME TO \"{aside}\""))).await?;
    Ok(format!("renamed to {aside}; drop it when nobody misses it"))
}
