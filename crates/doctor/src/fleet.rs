//! Whether every tenant's database was brought to the newest schema when this version came.

use chiliview_store::{
    Result, Tx,
    fleet_migrations::{self, FleetMigration},
    paging::{Direction, Page},
    tenant_schemas::{self, TenantSchema},
};

use crate::{
    central::Central,
    checks::Check,
    database::words,
    exam::{Exam, Finding, Subject},
    says::{Advice, Found, Object},
};

const LIMIT: i64 = 100;

pub(crate) async fn check(exam: &mut Exam<'_>, central: &Central) {
    match central.read(exam, look).await {
        Err(error) => exam.broken(finding(
            Object::Fleet.into(),
            Found::FleetUnreadable { error: words(&error) },
            Advice::SeeCentralLine,
        )),
        Ok((failures, last)) if failures.is_empty() => {
            exam.ok(Check::FleetMigration, Object::Fleet, told(last.as_ref()));
        }
        Ok((failures, _)) => {
            for row in failures {
                let object = format!("{} ({})", row.slug, row.tenant_id);
                let found = Found::LeftBehind { version: row.version, error: row.error.unwrap_or_default() };
                exam.broken(finding(object.into(), found, Advice::RestoreAndRetry));
            }
        }
    }
}

async fn look(tx: &mut Tx) -> Result<(Vec<TenantSchema>, Option<FleetMigration>)> {
    let page = Page { after: None, limit: LIMIT, direction: Direction::Ascending };
    Ok((tenant_schemas::failures(tx, &page).await?, fleet_migrations::last(tx).await?))
}

fn told(last: Option<&FleetMigration>) -> Found {
    let Some(row) = last else { return Found::FleetUnseen };
    Found::FleetMigrated { version: row.to_version, done: row.done, total: row.total, status: row.status }
}

fn finding(object: Subject, found: Found, advice: Advice) -> Finding {
    Finding { check: Check::FleetMigration, object, found, advice: vec![advice] }
}
