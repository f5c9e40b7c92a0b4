//! One database from its condition to its repair: central and tenants' alike.

use std::path::{Path, PathBuf};

use chiliview_store::{Error, Result, TenantId, Tx, migrations::Kind, sqlite};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::{
    checks::Check,
    condition::{Condition, Schema, complaints},
    exam::{Cannot, Exam, Finding, Subject},
    files,
    reader::{self, Place},
    says::{Advice, Found, Repair},
};

/// A database to be looked at.
pub(crate) struct Patient {
    /// What is checked by it.
    pub(crate) check: Check,
    /// What people call it.
    pub(crate) object: Subject,
    /// Its file; none on PostgreSQL.
    pub(crate) path: Option<PathBuf>,
    /// Whose it must be; none for the central one.
    pub(crate) tenant: Option<TenantId>,
    /// What to do when it cannot be mended.
    pub(crate) advice: Vec<Advice>,
}

impl Patient {
    fn kind(&self) -> Kind {
        if self.tenant.is_some() { Kind::Tenant } else { Kind::Central }
    }

    fn finding(&self, check: Check, found: Found) -> Finding {
        Finding { check, object: self.object.clone(), found, advice: self.advice.clone() }
    }

    /// Looks into it, reports, mends. Whether its rows can be read afterwards.
    pub(crate) async fn examine(&self, exam: &mut Exam<'_>, place: Place<'_>) -> bool {
        if let Some(path) = &self.path {
            files::check_mode(exam, path).await;
        }
        let kind = self.kind();
        let seen = reader::read(place, async |tx: &mut Tx| Condition::of(tx, kind).await).await;
        match seen {
            Ok(condition) => self.report(exam, &condition).await,
            Err(error) => {
                self.give_up(exam, Found::Unreadable { error: words(&error) }).await;
                false
            }
        }
    }

    async fn report(&self, exam: &mut Exam<'_>, condition: &Condition) -> bool {
        let mut whole = true;
        if self.tenant.is_some() && condition.owner != self.tenant && !matches!(condition.schema, Schema::Foreign(_)) {
            let found = condition.owner.map_or(Found::DatabaseOfNobody, |tenant| Found::DatabaseOf { tenant });
            exam.broken(self.finding(self.check, found));
            whole = false;
        }
        if condition.only_indexes() {
            self.rebuild_indexes(exam, &condition.integrity[0]).await;
            whole = false;
        } else if let Some(first) = condition.integrity.first() {
            self.give_up(exam, Found::Damaged { complaint: first.clone() }).await;
            whole = false;
        }
        if let Some(first) = condition.dangling.first() {
            exam.broken(self.finding(self.check, Found::Dangling { rows: first.clone() }));
            whole = false;
        }
        if let Some(line) = condition.audit.and_then(|audit| audit.broken_at) {
            let finding = self.finding(Check::AuditChain, Found::AuditBroken { line });
            exam.broken(Finding { advice: vec![Advice::CompareWithBackup], ..finding });
            whole = false;
        }
        whole &= self.schema(exam, &condition.schema).await;
        if let (true, Schema::Newest(version)) = (whole, &condition.schema) {
            let entries = condition.audit.map_or(0, |audit| audit.entries);
            exam.ok(self.check, self.object.clone(), Found::Whole { version: *version, entries });
        }
        !matches!(condition.schema, Schema::Foreign(_))
    }

    async fn schema(&self, exam: &mut Exam<'_>, schema: &Schema) -> bool {
        match schema {
            Schema::Newest(_) => true,
            Schema::Foreign(why) => {
                exam.broken(self.finding(Check::Migrations, why.clone()));
                false
            }
            Schema::Behind(count) => {
                let finding = self.finding(Check::Migrations, Found::MigrationsBehind { count: *count });
                let (path, tenant) = (self.path.clone(), self.tenant);
                exam.mend(finding, async |exam: &mut Exam<'_>| migrate(exam, path.as_deref(), tenant).await).await;
                false
            }
        }
    }

    async fn rebuild_indexes(&self, exam: &mut Exam<'_>, complaint: &str) {
        let Some(path) = self.path.clone() else { return };
        let finding = self.finding(self.check, Found::IndexDiffers { complaint: complaint.to_owned() });
        exam.mend(finding, async |exam: &mut Exam<'_>| {
            let alone = exam.alone().await?;
            let copy = exam.aside.copy_database(&path)?;
            let outcome = reindex(&path).await;
            drop(alone);
            outcome.map(|()| Repair::MadeIndexes { copy })
        })
        .await;
    }

    /// A copy for whoever can save more than SQLite can.
    async fn give_up(&self, exam: &mut Exam<'_>, found: Found) {
        let finding = self.finding(self.check, found);
        let Some(path) = self.path.clone() else { return exam.broken(finding) };
        exam.mend(finding, async |exam: &mut Exam<'_>| {
            let alone = exam.alone().await?;
            let copy = exam.aside.copy_database(&path)?;
            drop(alone);
            Err(Cannot::Failed(Repair::OnlyCopied { copy }))
        })
        .await;
    }
}

async fn migrate(exam: &mut Exam<'_>, path: Option<&Path>, tenant: Option<TenantId>) -> Result<Repair, Cannot> {
    let mut done = Repair::RanMigrations;
    if let Some(path) = path {
        let alone = exam.alone().await?;
        done = Repair::RanMigrationsAfterCopy { copy: exam.aside.copy_database(path)? };
        drop(alone);
    }
    // Opening the store migrates the central database.
    let store = exam.store().await?;
    if let Some(tenant) = tenant {
        store.migrate_tenant_database(tenant).await?;
    }
    Ok(done)
}

async fn reindex(path: &Path) -> Result<(), Cannot> {
    let mut connection = SqliteConnection::connect_with(&sqlite::options(path)).await?;
    connection.execute("REINDEX").await?;
    connection.close().await?;
    let pool = sqlx::SqlitePool::connect_with(sqlite::options(path)).await?;
    let left = complaints(&mut Tx::SqliteReader(pool.begin().await?)).await;
    pool.close().await;
    match left?.first() {
        None => Ok(()),
        Some(complaint) => Err(Cannot::Failed(Repair::IndexesStillDiffer { complaint: complaint.clone() })),
    }
}

/// What SQLite or the system said, without our frame around it.
pub fn words(error: &Error) -> String {
    match error {
        Error::Database(sqlx::Error::Database(said)) => said.message().to_owned(),
        Error::Database(said) => said.to_string(),
        other => format!("failed to {other}"),
    }
}
