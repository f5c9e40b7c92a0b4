//! The central database, and whether anybody can still log in to manage the platform.

use std::{fs, path::Path};

use chiliview_store::{
    Error, Result, Store, Tx,
    admins::{self, Admin, AdminRole},
    audit::{self, Actor, Event},
    postgres, skew,
    sqlite::{assert_version, beside},
};
use secrecy::SecretString;
use sqlx::{Connection as _, PgPool, SqliteConnection, postgres::PgPoolOptions};

use crate::{
    advice, catalogue,
    checks::Check,
    database::{Patient, words},
    exam::{Cannot, Exam, Finding, Subject},
    files,
    reader::{self, Place},
    report::NewAdmin,
    says::{Advice, Found, Object, Repair},
};

/// Twice what SQLite lets it grow to before it is emptied.
const LARGE_WAL: u64 = 128 << 20;

/// The central database, when its rows can be read.
pub(crate) struct Central {
    postgres: Option<PgPool>,
}

impl Central {
    /// The pool that tenants' schemas are reached through.
    pub(crate) fn pool(&self) -> Option<&PgPool> {
        self.postgres.as_ref()
    }

    /// Reads rows, in one consistent view.
    pub(crate) async fn read<T, W>(&self, exam: &Exam<'_>, work: W) -> Result<T>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T>,
    {
        let directory = exam.data_dir();
        let path = directory.central();
        let place = match &self.postgres {
            Some(pool) => Place::Schema(pool, postgres::CENTRAL),
            None => Place::File(&directory, &path),
        };
        reader::read(place, work).await
    }
}

pub(crate) async fn check(exam: &mut Exam<'_>) -> Option<Central> {
    sqlite_version(exam).await;
    let central = match exam.context.settings.database_url.clone() {
        None => file(exam).await,
        Some(url) => schema(exam, &url).await,
    }?;
    clock(exam, &central).await;
    admin(exam, &central).await;
    Some(central)
}

async fn sqlite_version(exam: &mut Exam<'_>) {
    let found = async {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
        sqlx::query_scalar::<_, String>("SELECT sqlite_version()").fetch_one(&mut connection).await
    };
    let object = "SQLite".to_owned();
    let finding = |found: Found| Finding {
        check: Check::SqliteVersion,
        object: object.clone().into(),
        found,
        advice: vec![Advice::OwnSqlite],
    };
    match found.await {
        Ok(version) => match assert_version(&version) {
            Ok(()) => exam.ok(Check::SqliteVersion, object, Found::SqliteVersion { version }),
            Err(error) => exam.broken(finding(Found::SqliteUnsafe { error: error.to_string() })),
        },
        Err(error) => exam.broken(finding(Found::Failed { error: error.to_string() })),
    }
}

async fn file(exam: &mut Exam<'_>) -> Option<Central> {
    let (directory, path) = (exam.data_dir(), exam.data_dir().central());
    if !path.exists() {
        missing(exam, &path).await;
        return path.exists().then_some(Central { postgres: None });
    }
    let advice = advice::for_central(exam);
    let object = path.as_path().into();
    let patient = Patient { check: Check::CentralDatabase, object, path: Some(path.clone()), tenant: None, advice };
    let readable = patient.examine(exam, Place::File(&directory, &path)).await;
    wal(exam, &path);
    readable.then_some(Central { postgres: None })
}

/// An empty one is made only where there is nothing that it would have to know.
async fn missing(exam: &mut Exam<'_>, path: &Path) {
    let directory = exam.data_dir();
    let empty = files::names(&directory.resellers()).is_empty() && catalogue::is_bare(&exam.context.shelf).await;
    let advice = advice::for_central(exam);
    let finding = Finding { check: Check::CentralDatabase, object: path.into(), found: Found::Missing, advice };
    if !empty {
        return exam.broken(finding);
    }
    exam.mend(finding, async |exam: &mut Exam<'_>| {
        exam.open().await?;
        Ok(Repair::MadeDatabase { path: path.display().to_string() })
    })
    .await;
}

fn wal(exam: &mut Exam<'_>, path: &Path) {
    let bytes = fs::metadata(beside(path, "-wal")).map_or(0, |meta| meta.len());
    let found = Found::Wal { mib: bytes >> 20 };
    if bytes > LARGE_WAL {
        exam.warn(Check::Wal, path, found, Advice::RestartService);
    } else {
        exam.ok(Check::Wal, path, found);
    }
}

async fn schema(exam: &mut Exam<'_>, url: &SecretString) -> Option<Central> {
    let object = Subject::from("PostgreSQL".to_owned());
    let finding = |found: Found| Finding {
        check: Check::CentralDatabase,
        object: object.clone(),
        found,
        advice: vec![Advice::CheckPostgres],
    };
    let options = match postgres::options(url) {
        Ok(options) => options,
        Err(error) => {
            exam.broken(finding(Found::Failed { error: words(&error) }));
            return None;
        }
    };
    if postgres::is_exposed(&options) {
        exam.warn(Check::CentralDatabase, object.clone(), Found::Unencrypted, Advice::RequireTls);
    }
    let pool = match PgPoolOptions::new().max_connections(2).connect_with(options).await {
        Ok(pool) => pool,
        Err(error) => {
            exam.broken(finding(Found::Unreachable { error: words(&Error::from(error)) }));
            return None;
        }
    };
    let advice = vec![Advice::TryRestoreCentral];
    let patient = Patient { check: Check::CentralDatabase, object: object.clone(), path: None, tenant: None, advice };
    let readable = patient.examine(exam, Place::Schema(&pool, postgres::CENTRAL)).await;
    readable.then_some(Central { postgres: Some(pool) })
}

/// What cannot be asked, other lines tell of.
async fn clock(exam: &mut Exam<'_>, central: &Central) {
    let clock = exam.context.clock.clone();
    if let Ok(Some(skew)) = central.read(exam, async |tx| skew::measure(tx, &clock).await).await {
        let seconds = skew.by.as_secs();
        let found = if skew.ahead { Found::ClockAhead { seconds } } else { Found::ClockBehind { seconds } };
        exam.warn(Check::CentralDatabase, "PostgreSQL".to_owned(), found, Advice::SetClocks);
    }
}

async fn admin(exam: &mut Exam<'_>, central: &Central) {
    let finding = |found: Found| Finding {
        check: Check::Admin,
        object: Object::Admins.into(),
        found,
        advice: vec![Advice::MakeAdmin],
    };
    match central.read(exam, async |tx| admins::count_active_owners(tx).await).await {
        Ok(0) => exam.mend(finding(Found::NoOwner), make_admin).await,
        Ok(count) => exam.ok(Check::Admin, Object::Admins, Found::Owners { count }),
        Err(error) => exam.broken(finding(Found::AllUnreadable { error: words(&error) })),
    }
}

async fn make_admin(exam: &mut Exam<'_>) -> Result<Repair, Cannot> {
    let (password, hash) = exam.context.credentials.make().await.map_err(Cannot::Failed)?;
    let store = exam.store().await?;
    let username = insert_admin(&store, hash).await?;
    exam.new_admin = Some(NewAdmin { username: username.clone(), password });
    Ok(Repair::MadeOwner { username })
}

/// `admin`, or the first `admin-2`, `admin-3` … that nobody has.
async fn insert_admin(store: &Store, password_hash: String) -> Result<String> {
    let now = store.clock().now();
    let inserted = store.central().write(async |tx| {
        let mut username = "admin".to_owned();
        let mut number = 1;
        while admins::find_by_username(tx, &username).await?.is_some() {
            number += 1;
            username = format!("admin-{number}");
        }
        let admin = Admin {
            id: store.ids().next(),
            username: username.clone(),
            email: None,
            display_name: username.clone(),
            role: AdminRole::Owner,
            password_hash: password_hash.clone(),
            credential_version: 1,
            disabled_at: None,
            last_login_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        admins::insert(tx, &admin).await?;
        let event = Event::done("admin.create", "admin", admin.id);
        audit::record(tx, store.ids().next(), now, &Actor::system("doctor", None), event).await?;
        Ok::<_, Error>(username)
    });
    inserted.await
}
