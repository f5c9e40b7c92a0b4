//! The central database, and whether anybody can still log in to manage the platform.

use std::{fs, path::Path};

use chiliview_store::{
    Error, Result, Store, Tx,
    admins::{self, Admin, AdminRole},
    audit::{self, Actor, Event},
    postgres,
    sqlite::{assert_version, beside},
};
use secrecy::SecretString;
use sqlx::{Connection as _, PgPool, SqliteConnection, postgres::PgPoolOptions};

use crate::{
    advice, catalogue,
    database::{Patient, words},
    exam::{Cannot, Exam, Finding},
    files,
    reader::{self, Place},
    report::NewAdmin,
};

const NAME: &str = "central_database";
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
    admin(exam, &central).await;
    Some(central)
}

async fn sqlite_version(exam: &mut Exam<'_>) {
    let found = async {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
        sqlx::query_scalar::<_, String>("SELECT sqlite_version()").fetch_one(&mut connection).await
    };
    let finding = |message: String| Finding {
        name: "sqlite_version",
        object: "SQLite".to_owned(),
        message,
        advice: "install a ChiliView that was built with its own SQLite".to_owned(),
    };
    match found.await {
        Ok(version) => match assert_version(&version) {
            Ok(()) => exam.ok("sqlite_version", "SQLite", version),
            Err(error) => exam.broken(finding(error.to_string())),
        },
        Err(error) => exam.broken(finding(error.to_string())),
    }
}

async fn file(exam: &mut Exam<'_>) -> Option<Central> {
    let (directory, path) = (exam.data_dir(), exam.data_dir().central());
    let object = path.display().to_string();
    if !path.exists() {
        missing(exam, &path, object).await;
        return path.exists().then_some(Central { postgres: None });
    }
    let advice = advice::for_central(exam);
    let patient = Patient { name: NAME, object, path: Some(path.clone()), tenant: None, advice };
    let readable = patient.examine(exam, Place::File(&directory, &path)).await;
    wal(exam, &path);
    readable.then_some(Central { postgres: None })
}

/// An empty one is made only where there is nothing that it would have to know.
async fn missing(exam: &mut Exam<'_>, path: &Path, object: String) {
    let directory = exam.data_dir();
    let empty = files::names(&directory.resellers()).is_empty() && catalogue::is_bare(&exam.context.shelf).await;
    let advice = advice::for_central(exam);
    let finding = Finding { name: NAME, object, message: "it is missing".to_owned(), advice };
    if !empty {
        return exam.broken(finding);
    }
    exam.mend(finding, async |exam: &mut Exam<'_>| {
        exam.open().await?;
        Ok(format!("made {}, empty", path.display()))
    })
    .await;
}

fn wal(exam: &mut Exam<'_>, path: &Path) {
    let bytes = fs::metadata(beside(path, "-wal")).map_or(0, |meta| meta.len());
    let message = format!("{} MiB of writes wait to be moved into the file", bytes >> 20);
    if bytes > LARGE_WAL {
        exam.warn("wal", path.display(), message, "something reads for very long; restart the service");
    } else {
        exam.ok("wal", path.display(), message);
    }
}

async fn schema(exam: &mut Exam<'_>, url: &SecretString) -> Option<Central> {
    let object = "PostgreSQL".to_owned();
    let finding = |message: String| Finding {
        name: NAME,
        object: object.clone(),
        message,
        advice: "see whether PostgreSQL runs and CHILIVIEW_DATABASE_URL is right".to_owned(),
    };
    let options = match postgres::options(url) {
        Ok(options) => options,
        Err(error) => {
            exam.broken(finding(words(&error)));
            return None;
        }
    };
    if postgres::is_exposed(&options) {
        let advice =
            "add sslmode=verify-full (and sslrootcert, where the certificate is your own) to CHILIVIEW_DATABASE_URL";
        exam.warn(NAME, &object, "what is sent to it need not be encrypted".to_owned(), advice);
    }
    let pool = match PgPoolOptions::new().max_connections(2).connect_with(options).await {
        Ok(pool) => pool,
        Err(error) => {
            exam.broken(finding(format!("it cannot be reached: {}", words(&Error::from(error)))));
            return None;
        }
    };
    let advice = "stop the service, and run `chiliview restore --central --dry-run`".to_owned();
    let patient = Patient { name: NAME, object: object.clone(), path: None, tenant: None, advice };
    let readable = patient.examine(exam, Place::Schema(&pool, postgres::CENTRAL)).await;
    readable.then_some(Central { postgres: Some(pool) })
}

async fn admin(exam: &mut Exam<'_>, central: &Central) {
    let finding = |message: String| Finding {
        name: "admin",
        object: "admins".to_owned(),
        message,
        advice: "make one: `chiliview admin create NAME`".to_owned(),
    };
    match central.read(exam, async |tx| admins::count_active_owners(tx).await).await {
        Ok(0) => exam.mend(finding("nobody with the role owner can log in".to_owned()), make_admin).await,
        Ok(count) => exam.ok("admin", "admins", format!("{count} with the role owner can log in")),
        Err(error) => exam.broken(finding(format!("they cannot be read: {}", words(&error)))),
    }
}

async fn make_admin(exam: &mut Exam<'_>) -> Result<String, Cannot> {
    let (password, hash) = exam.context.credentials.make().await.map_err(Cannot::Failed)?;
    let store = exam.store().await?;
    let username = insert_admin(&store, hash).await?;
    exam.new_admin = Some(NewAdmin { username: username.clone(), password });
    Ok(format!("made the owner {username:?} with a random password, which is shown once"))
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
