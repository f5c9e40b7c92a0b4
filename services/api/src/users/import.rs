//! Many users from one CSV file: read, planned against what is stored, and written in one transaction or not at all.

mod plan;
mod sheet;

use std::collections::HashMap;

use chiliview_store::{
    AuditId, Database, Timestamp, Tx, UserId,
    audit::{self, Event},
    sessions,
    tenants::Tenant,
    users::{self as rows, User},
};
use futures::{StreamExt, TryStreamExt, stream};
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::{
    plan::{Plan, Planner},
    sheet::Sheet,
};
use crate::{
    app::App,
    caller::Caller,
    edge::body::Whole,
    once::{First, Once},
    problem::{FieldError, Problem},
};

/// Errors that are told one by one; the rest is counted.
const ERRORS_TOLD: usize = 100;
/// Passwords that are hashed at once: log-ins need a core too.
const HASHED_AT_ONCE: usize = 2;

/// What to do about a line whose username exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum OnExisting {
    /// It is an error.
    Error,
    /// The line is passed over, also when only its e-mail exists.
    Skip,
    /// The user gets what the line says; columns that the file lacks stay as they are.
    Update,
}

/// One thing that is wrong with one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct LineError {
    /// The line of the file, counted from 1; the header is one.
    pub line: u64,
    /// The column; absent when it is about the whole line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong, for programs.
    pub code: String,
    /// What is wrong, for people.
    pub detail: String,
}

/// What an import did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct ImportReport {
    /// Whether it was only a rehearsal.
    pub dry_run: bool,
    /// Lines with a user on them.
    pub total: u64,
    /// Users made.
    pub created: u64,
    /// Users changed.
    pub updated: u64,
    /// Lines passed over, or without any difference.
    pub skipped: u64,
    /// How many errors there are.
    pub error_count: u64,
    /// The first 100 of them.
    pub errors: Vec<LineError>,
}

/// Errors as they are found: counted, the first ones kept.
#[derive(Debug, Default)]
struct Errors {
    count: u64,
    first: Vec<LineError>,
}

impl Errors {
    fn add(&mut self, line: u64, column: Option<&str>, code: &str, detail: impl Into<String>) {
        self.count += 1;
        if self.first.len() < ERRORS_TOLD {
            let column = column.map(str::to_owned);
            self.first.push(LineError { line, column, code: code.to_owned(), detail: detail.into() });
        }
    }

    /// In the order of the file, as a 422; nothing when there are none.
    fn refuse(mut self) -> Result<(), Problem> {
        if self.count == 0 {
            return Ok(());
        }
        self.first.sort_by_key(|error| error.line);
        let pointer = |error: &LineError| match &error.column {
            Some(column) => format!("/lines/{}/{column}", error.line),
            None => format!("/lines/{}", error.line),
        };
        let fields = self.first.iter().map(|error| FieldError::new(pointer(error), &*error.code, &*error.detail));
        let detail = format!("{} errors in the file; nothing was written", self.count);
        Err(Problem::validation(fields.collect()).detail(detail))
    }
}

/// An import into one tenant.
#[derive(Clone, Copy)]
pub(super) struct Import<'a> {
    pub(super) app: &'a App,
    pub(super) caller: &'a Caller,
    pub(super) tenant: &'a Tenant,
    pub(super) database: &'a Database,
}

impl Import<'_> {
    /// Says what would happen.
    pub(super) async fn rehearse(self, file: Whole, on_existing: OnExisting) -> Result<ImportReport, Problem> {
        let sheet = read(file).await?;
        let (planner, now) = (self.planner(on_existing), self.app.now());
        let plan = self.database.read(async |tx| planner.plan(tx, &sheet, &HashMap::new(), now).await).await?;
        let mut errors = sheet.errors;
        errors.count += plan.errors.count;
        errors.first.extend(plan.errors.first.iter().cloned());
        errors.first.sort_by_key(|error| error.line);
        errors.first.truncate(ERRORS_TOLD);
        let report = ImportReport { error_count: errors.count, errors: errors.first, ..plan.report(sheet.total) };
        Ok(ImportReport { dry_run: true, ..report })
    }

    /// Does it, once.
    pub(super) async fn run(
        self,
        file: Whole,
        on_existing: OnExisting,
        key: Option<String>,
    ) -> Result<ImportReport, Problem> {
        let digest = hex::encode(Sha256::digest(&*file));
        let once = Once::new(self.caller, key, "import_users", &(&digest, on_existing))?;
        if let Some(first) = self.database.read(async |tx| once.before(tx).await).await? {
            return Ok(first.body);
        }
        let sheet = read(file).await?;
        sheet.errors.refuse()?;
        let sheet = Sheet { errors: Errors::default(), ..sheet };
        let hashes = self.hash(&sheet).await?;
        let (planner, now) = (self.planner(on_existing), self.app.now());
        let (report, ended) = self
            .database
            .write(async |tx| {
                if let Some(first) = once.before::<ImportReport>(tx).await? {
                    return Ok((first.body, Vec::new()));
                }
                let plan = planner.plan(tx, &sheet, &hashes, now).await?;
                let (report, ended) = (plan.report(sheet.total), plan.logged_out());
                self.write(tx, plan, &digest, now).await?;
                let first = First { location: String::new(), body: report.clone() };
                once.remember(tx, &first, now).await?;
                Ok::<_, Problem>((report, ended))
            })
            .await?;
        self.forget_sessions(&ended).await?;
        Ok(report)
    }

    fn planner(&self, on_existing: OnExisting) -> Planner<'_> {
        Planner { caller: self.caller, tenant: self.tenant, ids: self.app.store().ids(), on_existing }
    }

    /// Hashes before the transaction, so that nobody waits for it with the tenant's lock in his way.
    async fn hash(&self, sheet: &Sheet) -> Result<HashMap<u64, String>, Problem> {
        let with_password = sheet.rows.iter().filter_map(|row| Some((row.line, row.user.password.clone()?)));
        let hashing = with_password.map(async |(line, password)| {
            let hash = self.app.passwords().hash(password.inner()).await?;
            Ok::<_, Problem>((line, hash))
        });
        stream::iter(hashing.collect::<Vec<_>>()).buffer_unordered(HASHED_AT_ONCE).try_collect().await
    }

    async fn write(&self, tx: &mut Tx, plan: Plan, digest: &str, now: Timestamp) -> Result<(), Problem> {
        let counts = serde_json::json!({
            "created": [null, plan.new.len()], "updated": [null, plan.changed.len()], "file_sha256": [null, digest],
        });
        plan.errors.refuse()?;
        let mut events = Vec::with_capacity(plan.new.len() + plan.changed.len() + 1);
        for user in &plan.new {
            rows::insert(tx, user).await?;
            events.push(Event::done("user.create", "user", user.id).changing(audit::creation(user)));
        }
        for (before, after) in &plan.changed {
            rows::update(tx, after).await?;
            let changes = audit::difference(before, after);
            events.push(Event::done("user.update", "user", after.id).changing(changes));
        }
        events.push(Event::done("user.import", "tenant", self.tenant.id).changing(counts));
        let ids = self.app.store().ids();
        let events = events.into_iter().map(|event| (ids.next::<AuditId>(), event));
        Ok(audit::record_all(tx, now, &self.caller.actor(), events).await?)
    }

    async fn forget_sessions(&self, users: &[UserId]) -> Result<(), Problem> {
        if users.is_empty() {
            return Ok(());
        }
        let tenant = self.tenant.id;
        self.app
            .central()
            .write(async |tx| {
                for user in users {
                    sessions::delete_of_user(tx, tenant, *user, None).await?;
                }
                Ok(())
            })
            .await
    }
}

impl Plan {
    fn report(&self, total: u64) -> ImportReport {
        ImportReport {
            dry_run: false,
            total,
            created: self.new.len() as u64,
            updated: self.changed.len() as u64,
            skipped: self.skipped,
            error_count: 0,
            errors: Vec::new(),
        }
    }

    /// Whose credentials became different.
    fn logged_out(&self) -> Vec<UserId> {
        let differ = |(before, after): &&(User, User)| before.credential_version != after.credential_version;
        self.changed.iter().filter(differ).map(|(before, _)| before.id).collect()
    }
}

/// Off the async threads: a full file takes a while.
async fn read(file: Whole) -> Result<Sheet, Problem> {
    tokio::task::spawn_blocking(move || sheet::read(&file)).await.map_err(Problem::internal)?
}
