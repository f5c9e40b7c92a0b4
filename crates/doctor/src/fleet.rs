//! Whether every tenant's database was brought to the newest schema when this version came.

use chiliview_store::{
    Result, Tx,
    fleet_migrations::{self, FleetMigration},
    paging::{Direction, Page},
    tenant_schemas::{self, TenantSchema},
};

use crate::{
    central::Central,
    database::words,
    exam::{Exam, Finding},
};

const NAME: &str = "fleet_migration";
const LIMIT: i64 = 100;

pub(crate) async fn check(exam: &mut Exam<'_>, central: &Central) {
    match central.read(exam, look).await {
        Err(error) => exam.broken(finding(
            "the fleet".to_owned(),
            format!("how it was migrated cannot be read: {}", words(&error)),
            "see the central database's line",
        )),
        Ok((failures, last)) if failures.is_empty() => exam.ok(NAME, "the fleet", told(last.as_ref())),
        Ok((failures, _)) => {
            for row in failures {
                let message =
                    format!("it was left behind at schema {}: {}", row.version, row.error.unwrap_or_default());
                let advice = "mend its database, or restore it, then POST /api/fleet-migrations tries again";
                exam.broken(finding(format!("{} ({})", row.slug, row.tenant_id), message, advice));
            }
        }
    }
}

async fn look(tx: &mut Tx) -> Result<(Vec<TenantSchema>, Option<FleetMigration>)> {
    let page = Page { after: None, limit: LIMIT, direction: Direction::Ascending };
    Ok((tenant_schemas::failures(tx, &page).await?, fleet_migrations::last(tx).await?))
}

fn told(last: Option<&FleetMigration>) -> String {
    match last {
        None => "no worker has looked at it yet".to_owned(),
        Some(row) => format!("schema {}: {} of {} tenants, {}", row.to_version, row.done, row.total, row.status),
    }
}

fn finding(object: String, message: String, advice: &str) -> Finding {
    Finding { name: NAME, object, message, advice: advice.to_owned() }
}
