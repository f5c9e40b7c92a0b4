//! What the stories share: shorter words for a transaction, rows to start from, children of this very program.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    time::Duration,
};

use chiliview_store::{
    Clock, Database, Error, Ids, Result, Settings, Store, TenantId, Timestamp, Tx,
    admins::{Admin, AdminRole},
    json_text::JsonText,
    paging::{Cursor, Direction, Page},
    tenants::{Tenant, TenantStatus},
    users::{User, UserRole, UserStatus},
};

/// So many seconds after a fixed instant.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_123_456 + seconds * 1_000_000)
}

pub(crate) async fn open(settings: &Settings) -> Store {
    Store::open(settings, Clock::system(), Ids).await.unwrap()
}

pub(crate) async fn write<T>(database: &Database, work: impl AsyncFnOnce(&mut Tx) -> Result<T>) -> T {
    database.write(work).await.unwrap()
}

pub(crate) async fn read<T>(database: &Database, work: impl AsyncFnOnce(&mut Tx) -> Result<T>) -> T {
    database.read(work).await.unwrap()
}

/// How a write fails.
pub(crate) async fn failure<T>(database: &Database, work: impl AsyncFnOnce(&mut Tx) -> Result<T>) -> Error {
    match database.write(work).await {
        Ok(_) => panic!("it should have failed"),
        Err(error) => error,
    }
}

/// A new tenant's database.
pub(crate) async fn tenant_database(store: &Store) -> (TenantId, Database) {
    let id = Ids.next();
    store.create_tenant_database(id).await.unwrap();
    (id, store.tenant(id).await.unwrap())
}

pub(crate) fn admin(username: &str, role: AdminRole) -> Admin {
    Admin {
        id: Ids.next(),
        username: username.into(),
        email: Some(format!("{username}@example.com")),
        display_name: format!("{username} the admin"),
        role,
        password_hash: "$argon2id$…".into(),
        credential_version: 1,
        disabled_at: None,
        last_login_at: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn tenant(slug: &str, name: &str) -> Tenant {
    Tenant {
        id: Ids.next(),
        slug: slug.into(),
        name: name.into(),
        legal_name: None,
        contact_name: None,
        contact_email: None,
        contact_phone: None,
        external_reference: None,
        language: "de".into(),
        time_zone: "Europe/Berlin".into(),
        notes: String::new(),
        tags: JsonText(Vec::new()),
        metadata: JsonText(BTreeMap::new()),
        quota_users: None,
        quota_bytes: None,
        quota_backups: None,
        status: TenantStatus::Active,
        status_reason: None,
        delete_protection: 0,
        deleted_at: None,
        purge_after: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn user(username: &str) -> User {
    User {
        id: Ids.next(),
        username: username.into(),
        email: format!("{username}@example.com"),
        given_name: None,
        family_name: None,
        display_name: username.into(),
        role: UserRole::Member,
        status: UserStatus::Active,
        password_hash: None,
        credential_version: 1,
        last_login_at: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn page(direction: Direction, limit: i64, after: Option<(String, String)>) -> Page {
    Page { after: after.map(|(key, id)| Cursor { key, id }), limit, direction }
}

/// Everything that a list gives, two rows at a time. `key` is a row's sort value and id.
pub(crate) async fn walk<T>(
    direction: Direction,
    key: impl Fn(&T) -> (String, String),
    list: impl AsyncFn(Page) -> Vec<T>,
) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let rows = list(page(direction, 2, all.last().map(&key))).await;
        let more = rows.len() == 2;
        all.extend(rows);
        if !more {
            return all;
        }
    }
}

pub(crate) const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

/// A table that no migration knows, for what concerns no table in particular.
pub(crate) async fn make_probe(database: &Database) {
    let make = "CREATE TABLE IF NOT EXISTS probe (name TEXT PRIMARY KEY, note TEXT NOT NULL)";
    write(database, async |tx| tx.query(make).execute().await).await;
}

pub(crate) async fn put(tx: &mut Tx, name: &str) -> Result<()> {
    let insert = tx.query("INSERT INTO probe (name, note) VALUES ($1, $2)");
    insert.bind(name.to_owned()).bind(format!("note of {name}")).execute().await?;
    Ok(())
}

pub(crate) async fn names(database: &Database) -> Vec<String> {
    let rows = read(database, async |tx| tx.query("SELECT name FROM probe ORDER BY name").fetch_all().await).await;
    rows.into_iter().map(|(name,): (String,)| name).collect()
}

/// This program again, running the one test that plays another process when the environment says so.
pub(crate) fn child(part: &str) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", part, "--nocapture", "--test-threads", "1"]);
    child.stdin(Stdio::null()).stderr(Stdio::null());
    child
}

/// Runs `body` in a process where nothing else happens: for what a process has only once.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    const ALONE: &str = "CHILIVIEW_TEST_ALONE";
    if std::env::var(ALONE).as_deref() == Ok(test) {
        return body();
    }
    let output = child(test).env(ALONE, test).stderr(Stdio::piped()).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}

/// Waits for a condition, half a minute at most.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(tokio::time::Instant::now() < limit, "it never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
