//! One database from its condition to its repair: central and tenants' alike.

use std::path::{Path, PathBuf};

use chiliview_store::{Error, Result, TenantId, Tx, migrations::Kind, sqlite};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::{
    condition::{Condition, Schema, complaints},
    exam::{Cannot, Exam, Finding},
    files,
    reader::{self, Place},
};

/// A database to be looked at.
pub(crate) struct Patient {
    /// The check's name.
    pub(crate) name: &'static str,
    /// What people call it.
    pub(crate) object: String,
    /// Its file; none on PostgreSQL.
    pub(crate) path: Option<PathBuf>,
    /// Whose it must be; none for the central one.
    pub(crate) tenant: Option<TenantId>,
    /// What to do when it cannot be mended.
    pub(crate) advice: String,
}

impl Patient {
    fn kind(&self) -> Kind {
        if self.tenant.is_some() { Kind::Tenant } else { Kind::Central }
    }

    fn finding(&self, name: &'static str, message: impl Into<String>) -> Finding {
        Finding { name, object: self.object.clone(), message: message.into(), advice: self.advice.clone() }
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
                self.give_up(exam, &format!("it cannot be read: {}", words(&error))).await;
                false
            }
        }
    }

    async fn report(&self, exam: &mut Exam<'_>, condition: &Condition) -> bool {
        let mut whole = true;
        if self.tenant.is_some() && condition.owner != self.tenant && !matches!(condition.schema, Schema::Foreign(_)) {
            let whose = condition.owner.map_or_else(|| "nobody's".to_owned(), |id| format!("that of tenant {id}"));
            exam.broken(self.finding(self.name, format!("another database lies in its place: {whose}")));
            whole = false;
        }
        if condition.only_indexes() {
            self.rebuild_indexes(exam, &condition.integrity[0]).await;
            whole = false;
        } else if let Some(first) = condition.integrity.first() {
            self.give_up(exam, &format!("it is damaged: {first}")).await;
            whole = false;
        }
        if let Some(first) = condition.dangling.first() {
            exam.broken(self.finding(self.name, format!("rows point nowhere: {first}")));
            whole = false;
        }
        if let Some(line) = condition.audit.and_then(|audit| audit.broken_at) {
            let mut finding = self.finding("audit_chain", format!("line {line} was changed, or one before it is gone"));
            "compare with a backup: somebody wrote past ChiliView".clone_into(&mut finding.advice);
            exam.broken(finding);
            whole = false;
        }
        whole &= self.schema(exam, &condition.schema).await;
        if whole {
            let (entries, version) = (condition.audit.map_or(0, |audit| audit.entries), version(&condition.schema));
            exam.ok(self.name, &self.object, format!("whole, schema {version}, {entries} lines of audit in one chain"));
        }
        !matches!(condition.schema, Schema::Foreign(_))
    }

    async fn schema(&self, exam: &mut Exam<'_>, schema: &Schema) -> bool {
        match schema {
            Schema::Newest(_) => true,
            Schema::Foreign(words) => {
                exam.broken(self.finding("migrations", words.as_str()));
                false
            }
            Schema::Behind(count) => {
                let finding = self.finding("migrations", format!("{count} migrations have not run yet"));
                let (path, tenant) = (self.path.clone(), self.tenant);
                exam.mend(finding, async |exam: &mut Exam<'_>| migrate(exam, path.as_deref(), tenant).await).await;
                false
            }
        }
    }

    async fn rebuild_indexes(&self, exam: &mut Exam<'_>, complaint: &str) {
        let Some(path) = self.path.clone() else { return };
        let finding = self.finding(self.name, format!("an index differs from its table: {complaint}"));
        exam.mend(finding, async |exam: &mut Exam<'_>| {
            let alone = exam.alone().await?;
            let copied = exam.aside.copy_database(&path)?;
            let outcome = reindex(&path).await;
            drop(alone);
            outcome.map(|()| format!("{copied}; made the indexes anew, and the integrity check passes"))
        })
        .await;
    }

    /// A copy for whoever can save more than SQLite can.
    async fn give_up(&self, exam: &mut Exam<'_>, message: &str) {
        let Some(path) = self.path.clone() else { return exam.broken(self.finding(self.name, message)) };
        exam.mend(self.finding(self.name, message), async |exam: &mut Exam<'_>| {
            let alone = exam.alone().await?;
            let copied = exam.aside.copy_database(&path)?;
            drop(alone);
            Err(Cannot::Failed(format!("{copied} and left as it is: nothing but a backup can replace it")))
        })
        .await;
    }
}

fn version(schema: &Schema) -> String {
    match schema {
        Schema::Newest(version) => version.to_string(),
        Schema::Behind(_) | Schema::Foreign(_) => "unknown".to_owned(),
    }
}

async fn migrate(exam: &mut Exam<'_>, path: Option<&Path>, tenant: Option<TenantId>) -> Result<String, Cannot> {
    let mut done = String::new();
    if let Some(path) = path {
        let alone = exam.alone().await?;
        done = format!("{}; ", exam.aside.copy_database(path)?);
        drop(alone);
    }
    // Opening the store migrates the central database.
    let store = exam.store().await?;
    if let Some(tenant) = tenant {
        store.migrate_tenant_database(tenant).await?;
    }
    Ok(format!("{done}ran them"))
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
        Some(complaint) => Err(Cannot::Failed(format!("made the indexes anew, but {complaint}"))),
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
