//! Schemas that nobody needs: what restores, moves and creations that were cut off left in PostgreSQL.

use std::collections::BTreeMap;

use chiliview_store::{Error, RestoreId, TenantId, postgres, presence, staging::Staging, tenants};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Executor as _, PgPool};

use crate::{
    central::Central,
    checks::Check,
    database::words,
    exam::{Cannot, Exam, Finding},
    restores::{self, Kind},
    says::{Advice, Found, Repair},
    tenants::BIRTH,
};

/// Everything that ChiliView names so, but for the central schema and what was put aside.
const NAMES: &str = "SELECT CAST(nspname AS TEXT) FROM pg_namespace
    WHERE nspname ~ '^((tenant|before|away|incoming)_[0-9a-f]{32}|restore_[0-9a-f]{32}(_[0-9]+)?)$'
        OR nspname = 'chiliview_incoming' ORDER BY 1";

pub(crate) async fn orphans(exam: &mut Exam<'_>, central: &Central, pool: &PgPool, known: &BTreeMap<TenantId, String>) {
    let names: Vec<String> = match sqlx::query_scalar(NAMES).fetch_all(pool).await {
        Ok(names) => names,
        Err(error) => {
            return exam.broken(Finding {
                check: Check::Orphan,
                object: "PostgreSQL".to_owned().into(),
                found: Found::SchemasUnreadable { error: words(&Error::from(error)) },
                advice: vec![Advice::GrantLooking],
            });
        }
    };
    let mut strays = 0;
    for name in names {
        let Some(found) = nobodys(exam, central, pool, known, &name).await else { continue };
        strays += 1;
        let finding =
            Finding { check: Check::Orphan, object: name.clone().into(), found, advice: vec![Advice::LookAndDrop] };
        exam.mend(finding, async |exam: &mut Exam<'_>| put_aside(exam, pool, &name).await).await;
    }
    if strays == 0 {
        exam.ok(Check::Orphan, "PostgreSQL".to_owned(), Found::OnlySchemas { count: known.len() });
    }
}

/// Why nobody needs a schema, when nobody does.
async fn nobodys(
    exam: &Exam<'_>,
    central: &Central,
    pool: &PgPool,
    known: &BTreeMap<TenantId, String>,
    name: &str,
) -> Option<Found> {
    let (kind, id) = name.split_once('_')?;
    match kind {
        "tenant" => {
            let id = id.parse::<TenantId>().ok()?;
            if known.contains_key(&id) || is_born(exam, central, pool, id).await {
                return None;
            }
            Some(Found::OrphanSchema)
        }
        "restore" | "away" | "before" => {
            let (restore, kind) = match Staging::named_by_schema(name) {
                Some(place) => (place.restore, Kind::Staged),
                None => (id.parse::<RestoreId>().ok()?, if kind == "before" { Kind::Kept } else { Kind::Staged }),
            };
            let needed = restores::needs(exam, Some(central), restore, kind).await;
            (!needed).then_some(Found::LeftByRestore)
        }
        _ => Some(Found::LeftByMove),
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
async fn put_aside(exam: &mut Exam<'_>, pool: &PgPool, name: &str) -> Result<Repair, Cannot> {
    let url: SecretString = exam.context.settings.database_url.clone().ok_or(Cannot::InUse)?;
    let _here = exam.alone().await?;
    let Some(_alone) = presence::alone(postgres::options(&url)?).await? else { return Err(Cannot::InUse) };
    let aside = format!("aside_{name}");
    pool.execute(AssertSqlSafe(format!("ALTER SCHEMA \"{name}\" RENAME TO \"{aside}\""))).await?;
    Ok(Repair::RenamedAside { to: aside })
}
