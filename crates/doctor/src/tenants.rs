//! Every tenant's database, and orphans both ways: rows without a database, databases without a row.

use std::{collections::BTreeMap, path::Path, time::Duration};

use chiliview_store::{Result, TenantId, Timestamp, postgres, tenants};
use sqlx::PgPool;

use crate::{
    advice,
    central::Central,
    checks::Check,
    database::{Patient, words},
    exam::{Cannot, Exam, Finding, Subject},
    files,
    reader::Place,
    restores,
    says::{Advice, Found, Object, Repair},
    schemas,
};

const PAGE: i64 = 500;
/// A tenant that is being made has its database a moment before its row.
pub(crate) const BIRTH: Duration = Duration::from_secs(1);

pub(crate) async fn check(exam: &mut Exam<'_>, central: Option<&Central>) {
    let Some(known) = known(exam, central).await else { return };
    for (id, slug) in &known {
        match central.and_then(Central::pool) {
            Some(pool) => schema(exam, central, pool, *id, slug).await,
            None => file(exam, central, *id, slug).await,
        }
    }
    match central.and_then(|central| Some((central, central.pool()?))) {
        None => orphans(exam, central, &known).await,
        Some((central, pool)) => schemas::orphans(exam, central, pool, &known).await,
    }
}

/// The tenants with their slugs; by the names of the directories when there is no list of them.
async fn known(exam: &mut Exam<'_>, central: Option<&Central>) -> Option<BTreeMap<TenantId, String>> {
    let Some(central) = central else {
        let names = files::names(&exam.data_dir().resellers());
        return Some(names.iter().filter_map(|(name, _)| Some((id(name)?, String::new()))).collect());
    };
    match rows(exam, central).await {
        Ok(rows) => Some(rows),
        Err(error) => {
            exam.broken(Finding {
                check: Check::Tenants,
                object: Object::Tenants.into(),
                found: Found::AllUnreadable { error: words(&error) },
                advice: advice::for_central(exam),
            });
            None
        }
    }
}

async fn rows(exam: &Exam<'_>, central: &Central) -> Result<BTreeMap<TenantId, String>> {
    let all = central.read(exam, async |tx| {
        let mut all = BTreeMap::new();
        let mut after = None;
        loop {
            let page = tenants::ids(tx, after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(all) };
            after = Some(*last);
            all.extend(page);
        }
    });
    all.await
}

async fn file(exam: &mut Exam<'_>, central: Option<&Central>, id: TenantId, slug: &str) {
    let directory = exam.data_dir();
    let path = directory.tenant_database(id);
    let database = path.display();
    let object = match central {
        Some(_) => format!("{slug} ({database})").into(),
        None => Object::UnknownTenant { database: database.to_string() }.into(),
    };
    if !path.exists() {
        return missing(exam, central, id, object).await;
    }
    let advice = advice::for_tenant(exam, central, id).await;
    let patient = Patient { check: Check::TenantDatabase, object, path: Some(path.clone()), tenant: Some(id), advice };
    if patient.examine(exam, Place::File(&directory, &path)).await {
        restores::lock(exam, central, id, patient.object, Place::File(&directory, &path)).await;
    }
}

async fn schema(exam: &mut Exam<'_>, central: Option<&Central>, pool: &PgPool, id: TenantId, slug: &str) {
    let name = postgres::tenant_schema(id);
    let object = Object::TenantSchema { tenant: slug.to_owned(), schema: name.clone() }.into();
    let found = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = $1").bind(&name).fetch_optional(pool).await;
    if matches!(found, Ok(None)) {
        return missing(exam, central, id, object).await;
    }
    let advice = advice::for_tenant(exam, central, id).await;
    let patient = Patient { check: Check::TenantDatabase, object, path: None, tenant: Some(id), advice };
    if patient.examine(exam, Place::Schema(pool, &name)).await {
        restores::lock(exam, central, id, patient.object, Place::Schema(pool, &name)).await;
    }
}

async fn missing(exam: &mut Exam<'_>, central: Option<&Central>, id: TenantId, object: Subject) {
    let now = exam.context.clock.now();
    if being_purged(exam, central, id, now).await {
        return exam.ok(Check::TenantDatabase, object, Found::Purged);
    }
    let advice = advice::for_tenant(exam, central, id).await;
    exam.broken(Finding { check: Check::TenantDatabase, object, found: Found::DatabaseMissing, advice });
}

/// A purge removes the database first and the row afterwards.
async fn being_purged(exam: &Exam<'_>, central: Option<&Central>, id: TenantId, now: Timestamp) -> bool {
    let Some(central) = central else { return false };
    let row = central.read(exam, async |tx| tenants::find(tx, id).await).await;
    row.is_ok_and(|row| row.is_none_or(|tenant| tenant.purge_after.is_some_and(|end| end <= now)))
}

async fn orphans(exam: &mut Exam<'_>, central: Option<&Central>, known: &BTreeMap<TenantId, String>) {
    let mut strays = 0;
    for (name, path) in files::names(&exam.data_dir().resellers()) {
        if id(&name).is_some_and(|id| known.contains_key(&id)) {
            continue;
        }
        strays += usize::from(stray(exam, central, &name, &path).await);
    }
    if strays == 0 {
        let found = Found::OnlyTenants { count: known.len() };
        exam.ok(Check::Orphan, exam.data_dir().resellers().as_path(), found);
    }
}

/// Whether it is one.
async fn stray(exam: &mut Exam<'_>, central: Option<&Central>, name: &str, path: &Path) -> bool {
    let finding = |found: Found| Finding {
        check: Check::Orphan,
        object: path.into(),
        found,
        advice: vec![Advice::LookAndMoveOut],
    };
    if let Some(rest) = name.strip_prefix(".new-").or_else(|| name.strip_prefix(".old-"))
        && id(rest).is_some()
    {
        exam.mend(finding(Found::LeftByChange), async |exam: &mut Exam<'_>| put_aside(exam, path).await).await;
        return true;
    }
    if let Some((restore, kind)) = restores::named(name) {
        if restores::needs(exam, central, restore, kind).await {
            return false;
        }
        exam.mend(finding(Found::LeftByRestore), async |exam: &mut Exam<'_>| put_aside(exam, path).await).await;
        return true;
    }
    let Some(id) = id(name) else {
        exam.warn(Check::Orphan, path, Found::Stranger, Advice::MoveOut);
        return true;
    };
    if is_born(exam, central, id).await {
        return false;
    }
    exam.mend(finding(Found::OrphanDatabase), async |exam: &mut Exam<'_>| put_aside(exam, path).await).await;
    true
}

async fn put_aside(exam: &mut Exam<'_>, path: &Path) -> Result<Repair, Cannot> {
    let _alone = exam.alone().await?;
    exam.aside.put(path)
}

/// Whether a tenant that was not there a moment ago is there now, or its directory is not any more.
async fn is_born(exam: &Exam<'_>, central: Option<&Central>, id: TenantId) -> bool {
    let Some(central) = central else { return true };
    tokio::time::sleep(BIRTH).await;
    let row = central.read(exam, async |tx| tenants::find(tx, id).await).await;
    row.is_ok_and(|row| row.is_some()) || !exam.data_dir().tenant(id).exists()
}

/// An id in its one spelling.
fn id(name: &str) -> Option<TenantId> {
    name.parse::<TenantId>().ok().filter(|id| id.to_string() == name)
}
