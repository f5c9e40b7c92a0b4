//! A store, a shelf, a tenant with users, and the real worker.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use chiliview_snapshot::{
    ArtefactKey, Entry, Error as SnapshotError, Identities, Manifest, Owner, Recipients, Shelf, Source, Watch,
    WriteRequest, unpack, write,
};
use chiliview_store::{
    BackupId, Clock, Database, Engine, Ids, Settings, Store, TenantId, Tx,
    backups::{self, Backup, BackupStatus, New, Origin},
    fleet_migrations::{self, FleetMigrationStatus},
    migrations::{Kind, newest},
    postgres::tenant_schema,
    queue::{self, NewJob, Work},
    tenants, users,
};
use chiliview_worker::{Config, Context, queue::Options};
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{engines::on_every_settings, workshop};

pub(crate) struct Shop {
    pub(crate) context: Context,
    pub(crate) settings: Settings,
}

/// What a process of its own is told: where its shop is, and on which server.
const SHOP_IN: &str = "CHILIVIEW_TEST_SHOP_IN";
const SHOP_ON: &str = "CHILIVIEW_TEST_SHOP_ON";

/// Tells the story once on each engine.
pub(crate) async fn on_every_engine(story: impl AsyncFn(Shop)) {
    on_every_engine_at(Clock::system(), story).await;
}

/// …at a time of its own.
pub(crate) async fn on_every_engine_at(clock: Clock, story: impl AsyncFn(Shop)) {
    on_every_settings(async |settings| story(Shop::open(&settings, clock.clone()).await).await).await;
}

/// A shop on SQLite, for what is told of files, and its directory.
pub(crate) async fn on_files() -> (TempDir, Shop) {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(&Settings::sqlite(directory.path()), Clock::system()).await;
    (directory, shop)
}

/// What this process was told, when it is one of those.
pub(crate) fn told() -> Option<Settings> {
    let url = std::env::var(SHOP_ON).ok();
    std::env::var(SHOP_IN).ok().map(|home| Settings { database_url: url.map(Into::into), ..Settings::sqlite(home) })
}

/// The worker in the background.
pub(crate) struct Running {
    shutdown: CancellationToken,
    ended: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.ended.await.unwrap();
    }
}

impl Shop {
    /// Data and shelf below the settings' directory.
    pub(crate) async fn open(settings: &Settings, clock: Clock) -> Self {
        Self::with_shelf(settings, clock, &settings.data_dir.join("shelf")).await
    }

    pub(crate) async fn with_shelf(settings: &Settings, clock: Clock, shelf: &Path) -> Self {
        let shop = Self::of(settings, clock, shelf).await;
        // What is backed up every night would come in between.
        shop.write(async |tx| tx.query("DELETE FROM schedules").execute().await).await;
        shop.write(async |tx| {
            // So would the fleet's migration; it is told of in a file of its own.
            let (id, now) = (Ids.next(), shop.context.store.clock().now());
            fleet_migrations::insert(tx, id, newest(Kind::Tenant), now).await?;
            fleet_migrations::end(tx, id, FleetMigrationStatus::Done, None, now).await
        })
        .await;
        shop
    }

    /// …where another process has opened it already.
    pub(crate) async fn beside(settings: &Settings, clock: Clock) -> Self {
        Self::of(settings, clock, &settings.data_dir.join("shelf")).await
    }

    async fn of(settings: &Settings, clock: Clock, shelf: &Path) -> Self {
        let inside = Settings { data_dir: settings.data_dir.join("data"), ..settings.clone() };
        let store = Store::open(&inside, clock, Ids).await.unwrap();
        let shelf = Shelf::directory(shelf).await.unwrap();
        let context = Context { store, shelf, tool_version: "test".into(), config: Config::default() };
        Self { context, settings: settings.clone() }
    }

    /// Where everything is.
    pub(crate) fn directory(&self) -> &Path {
        &self.settings.data_dir
    }

    /// This program again, running one test alone that works in this shop.
    pub(crate) fn child(&self, test: &str) -> Command {
        let mut child = workshop::child(test);
        child.env(SHOP_IN, self.directory()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(url) = &self.settings.database_url {
            child.env(SHOP_ON, url.expose_secret());
        }
        child
    }

    pub(crate) fn is_on_postgres(&self) -> bool {
        self.central().engine() == Engine::Postgres
    }

    pub(crate) fn central(&self) -> &Database {
        self.context.store.central()
    }

    pub(crate) fn start(&self, options: Options) -> Running {
        let shutdown = CancellationToken::new();
        let (context, stop) = (self.context.clone(), shutdown.clone());
        let ended = tokio::spawn(async move {
            let idle = Duration::from_hours(1);
            chiliview_worker::run(context, options, idle, queue::Wake::new(), stop).await.unwrap();
        });
        Running { shutdown, ended }
    }

    /// A tenant with its database, and that.
    pub(crate) async fn tenant(&self) -> (TenantId, Database) {
        let tenant = tenant(Ids.next());
        self.context.store.create_tenant_database(tenant.id).await.unwrap();
        self.write(async |tx| tenants::insert(tx, &tenant).await).await;
        (tenant.id, self.context.store.tenant(tenant.id).await.unwrap())
    }

    /// A statement in the platform's PostgreSQL database, past the store.
    pub(crate) async fn execute(&self, sql: &str) {
        let Database::Postgres(central) = self.central() else { panic!("only on PostgreSQL") };
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(central.pool()).await.unwrap();
    }

    /// Takes a tenant's database away, for a while.
    pub(crate) async fn put_aside(&self, tenant: TenantId) {
        self.context.store.close_tenant_database(tenant).await;
        let (here, aside) = self.places(tenant);
        self.rename(here, aside).await;
    }

    /// …and brings it back.
    pub(crate) async fn put_back(&self, tenant: TenantId) {
        let (here, aside) = self.places(tenant);
        self.rename(aside, here).await;
    }

    /// Of a tenant's database, and beside it: paths of files, names of schemas.
    fn places(&self, tenant: TenantId) -> (PathBuf, PathBuf) {
        let here = match self.central() {
            Database::Sqlite(_) => self.context.store.data_dir().tenant_database(tenant),
            Database::Postgres(_) => tenant_schema(tenant).into(),
        };
        let aside = here.with_extension("aside");
        (here, aside)
    }

    async fn rename(&self, from: PathBuf, to: PathBuf) {
        match self.central() {
            Database::Sqlite(_) => std::fs::rename(from, to).unwrap(),
            Database::Postgres(_) => {
                self.execute(&format!("ALTER SCHEMA \"{}\" RENAME TO \"{}\"", from.display(), to.display())).await;
            }
        }
    }

    /// Asks for a backup, as the API does.
    pub(crate) async fn ask(&self, tenant: Option<TenantId>) -> BackupId {
        self.ask_for_attempts(tenant, 5).await
    }

    pub(crate) async fn ask_for_attempts(&self, tenant: Option<TenantId>, max_attempts: u32) -> BackupId {
        let id = Ids.next();
        let tenant = tenant.map(|id| (id, "acme".to_owned()));
        let at = self.context.store.clock().now();
        let new =
            New { id, tenant, origin: Origin::Request, run: None, requested_by: "test".into(), trace_id: None, at };
        let job = NewJob { max_attempts, ..NewJob::new(Ids.next(), Work::BackUp { backup: id }) };
        self.write(async |tx| {
            backups::insert(tx, &new).await?;
            queue::enqueue(tx, &job).await
        })
        .await;
        id
    }

    /// A backup of that, verified.
    pub(crate) async fn backed_up(&self, tenant: Option<TenantId>) -> Backup {
        let id = self.ask(tenant).await;
        let worker = self.start(workshop::calm());
        let backup = self.ended(id).await;
        self.idle().await;
        worker.stop().await;
        assert_eq!((backup.status, backup.error.as_deref()), (BackupStatus::Verified, None));
        backup
    }

    /// Asks for a new proof, as the API does.
    pub(crate) async fn ask_again(&self, id: BackupId, max_attempts: u32) {
        let at = self.context.store.clock().now();
        let job = NewJob { max_attempts, ..NewJob::new(Ids.next(), Work::Prove { backup: id }) };
        let asked =
            self.write(async |tx| Ok(backups::prove_again(tx, id, at).await? && queue::enqueue(tx, &job).await?));
        assert!(asked.await);
    }

    /// Asks, and waits until that has ended.
    pub(crate) async fn proven_again(&self, id: BackupId) -> Backup {
        self.ask_again(id, 2).await;
        let worker = self.start(workshop::calm());
        let backup = self.ended(id).await;
        self.idle().await;
        worker.stop().await;
        backup
    }

    /// A first attempt at a backup that published its snapshot, in the clear, and was never heard of again.
    pub(crate) async fn crash_with_a_snapshot(&self, tenant: TenantId, backup: BackupId) {
        let store = &self.context.store;
        let now = store.clock().now();
        assert_eq!(self.write(async |tx| backups::start(tx, backup, now).await).await, Some(1));
        let left = WriteRequest {
            source: Source::of(&store.tenant(tenant).await.unwrap(), Kind::Tenant, store.data_dir().temp()),
            owner: Owner::Tenant { id: tenant.uuid(), slug: "acme".into() },
            backup: backup.uuid(),
            attempt: 1,
            taken_at: now.to_datetime(),
            tool_version: "test".into(),
            recipients: Recipients::none(),
        };
        write(left, &self.context.shelf, &Watch::unobserved()).await.unwrap();
    }

    /// Where a backup's artefact and manifest lie.
    pub(crate) fn files(&self, backup: &Backup) -> (PathBuf, PathBuf) {
        let key = key(backup);
        let folder = self.directory().join("shelf").join(key.folder());
        (folder.join(key.artefact_file()), folder.join(key.manifest_file()))
    }

    pub(crate) async fn enqueue(&self, work: Work) {
        let job = NewJob::new(Ids.next(), work);
        self.write(async |tx| queue::enqueue(tx, &job).await).await;
    }

    pub(crate) async fn write<T>(&self, work: impl AsyncFnOnce(&mut Tx) -> chiliview_store::Result<T>) -> T {
        self.central().write(work).await.unwrap()
    }

    pub(crate) async fn find(&self, id: BackupId) -> Option<Backup> {
        self.central().read(async |tx| backups::find(tx, id).await).await.unwrap()
    }

    /// As [`find`](Self::find), where the database may be away just now.
    pub(crate) async fn try_find(&self, id: BackupId) -> Option<Backup> {
        self.central().read(async |tx| backups::find(tx, id).await).await.ok().flatten()
    }

    pub(crate) async fn status(&self, id: BackupId) -> BackupStatus {
        self.find(id).await.unwrap().status
    }

    /// Waits until a backup has ended.
    pub(crate) async fn ended(&self, id: BackupId) -> Backup {
        workshop::until("the backup has ended", async || self.status(id).await.is_terminal()).await;
        self.find(id).await.unwrap()
    }

    /// Waits until no job is queued or running.
    pub(crate) async fn idle(&self) {
        let over = async || {
            let counts = self.central().read(queue::counts).await.unwrap();
            !counts.iter().any(|(status, _)| matches!(status, queue::JobStatus::Queued | queue::JobStatus::Running))
        };
        workshop::until("no job is left", over).await;
    }

    /// An empty directory lies where the shelf was.
    pub(crate) fn unmount(&self) {
        let (shelf, away) = (self.directory().join("shelf"), self.directory().join("away"));
        std::fs::rename(&shelf, away).unwrap();
        std::fs::create_dir(shelf).unwrap();
    }

    /// The shelf is back.
    pub(crate) fn mount(&self) {
        let (shelf, away) = (self.directory().join("shelf"), self.directory().join("away"));
        std::fs::remove_dir(&shelf).unwrap();
        std::fs::rename(away, shelf).unwrap();
    }

    /// Everything that lies on the shelf, complete or not.
    pub(crate) async fn on_shelf(&self) -> Vec<Entry> {
        let mut entries = self.context.shelf.list();
        let mut all = Vec::new();
        while let Some(entry) = entries.recv().await {
            all.push(entry.unwrap());
        }
        all
    }

    pub(crate) async fn manifest(&self, backup: &Backup) -> Manifest {
        self.context.shelf.manifest(&key(backup)).await.unwrap()
    }

    /// Unpacks a backup and answers the usernames in it.
    pub(crate) async fn restored(&self, backup: &Backup) -> Vec<String> {
        self.opened(backup, &Identities::none()).await.unwrap()
    }

    /// As [`restored`](Self::restored), with these keys.
    pub(crate) async fn opened(&self, backup: &Backup, keys: &Identities) -> Result<Vec<String>, SnapshotError> {
        let to = self.directory().join(format!("restored-{}", backup.id));
        let manifest = self.manifest(backup).await;
        unpack(&self.context.shelf, &key(backup), &manifest, keys, &to, &Watch::unobserved()).await?;
        let mut connection = SqliteConnectOptions::new().filename(&to).connect().await.unwrap();
        let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
        assert_eq!(sound, "ok");
        let names = sqlx::query_scalar("SELECT username FROM users ORDER BY username").fetch_all(&mut connection).await;
        connection.close().await.unwrap();
        std::fs::remove_file(to).unwrap();
        Ok(names.unwrap())
    }
}

pub(crate) fn key(backup: &Backup) -> ArtefactKey {
    ArtefactKey::of_backup(backup)
}

pub(crate) fn tenant(id: TenantId) -> tenants::Tenant {
    tenants::Tenant {
        id,
        slug: format!("acme-{id}"),
        name: "Acme".into(),
        legal_name: None,
        contact_name: None,
        contact_email: None,
        contact_phone: None,
        external_reference: None,
        language: "en".into(),
        time_zone: "UTC".into(),
        notes: String::new(),
        tags: chiliview_store::json_text::JsonText(Vec::new()),
        metadata: Default::default(),
        quota_users: None,
        quota_bytes: None,
        quota_backups: None,
        status: tenants::TenantStatus::Active,
        status_reason: None,
        delete_protection: 0,
        deleted_at: None,
        purge_after: None,
        version: 1,
        created_at: Clock::system().now(),
        updated_at: Clock::system().now(),
    }
}

pub(crate) fn user(username: &str) -> users::User {
    users::User {
        id: Ids.next(),
        username: username.into(),
        email: format!("{username}@example.com"),
        given_name: None,
        family_name: None,
        display_name: "x".repeat(500),
        role: users::UserRole::Member,
        status: users::UserStatus::Active,
        password_hash: None,
        credential_version: 1,
        last_login_at: None,
        version: 1,
        created_at: Clock::system().now(),
        updated_at: Clock::system().now(),
    }
}

/// A few megabytes that do not compress, so that a backup takes its time.
pub(crate) async fn make_heavy(database: &Database, megabytes: i64) {
    let fill = match database.engine() {
        Engine::Sqlite => {
            "INSERT INTO settings (key, value, updated_at)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
             SELECT 'noise ' || i, hex(randomblob(524288)), 0 FROM n"
        }
        // Reading it takes its time whatever it is; making noise would take longer.
        Engine::Postgres => {
            "INSERT INTO settings (key, value, updated_at)
             SELECT 'noise ' || i, repeat(md5(CAST(i AS TEXT)), 32768), 0 FROM generate_series(1, $1) i"
        }
    };
    database.write(async |tx| tx.query(fill).bind(megabytes).execute().await).await.unwrap();
}
