//! Restores by the real worker: the database from the backup serves, or the one from before does, and says why.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chiliview_store::{
    BackupId, Clock, Database, Error, Ids, RestoreId, TenantId,
    audit::{self, Filter},
    backups::{self, BackupStatus, Origin},
    exchange::Exchange,
    migrations::{Kind, newest},
    postgres,
    queue::{self, JobStatus, NewJob, Work},
    restores::{self, New, Restore, RestoreStatus, Target},
    staging::Staging,
    tenant_settings, tenants, users,
};

use sqlx::{AssertSqlSafe, Executor as _};

use crate::{
    queue::in_the_queue,
    shop::{Shop, make_heavy, on_every_engine, user},
    workshop::{calm, options, until},
};

pub(crate) const ATTEMPTS: u32 = 3;

impl Shop {
    /// A tenant with users of these names, and a verified backup of it.
    pub(crate) async fn saved_tenant(&self, names: &[&str]) -> (TenantId, BackupId) {
        let (id, database) = self.tenant().await;
        add(&database, names).await;
        let backup = self.ask(Some(id)).await;
        let worker = self.start(calm());
        assert_eq!(self.ended(backup).await.status, BackupStatus::Verified);
        self.idle().await;
        worker.stop().await;
        (id, backup)
    }

    /// Asks for a restore, as the API does.
    pub(crate) async fn ask_restore(&self, tenant: TenantId, backup: BackupId) -> RestoreId {
        self.ask_restore_as(New { ..new(tenant, backup) }).await
    }

    pub(crate) async fn ask_restore_as(&self, new: New) -> RestoreId {
        let work = Work::Restore { restore: new.id };
        let job = NewJob { max_attempts: ATTEMPTS, ..NewJob::new(Ids.next(), work) };
        self.write(async |tx| {
            restores::insert(tx, &new).await?;
            queue::enqueue(tx, &job).await
        })
        .await;
        new.id
    }

    pub(crate) async fn ask_undo(&self, id: RestoreId) {
        let job = NewJob { max_attempts: ATTEMPTS, ..NewJob::new(Ids.next(), Work::UndoRestore { restore: id }) };
        let now = self.context.store.clock().now();
        let asked = self
            .write(async |tx| {
                queue::enqueue(tx, &job).await?;
                restores::request_undo(tx, id, false, now).await
            })
            .await;
        assert!(asked, "{:?}", self.restore(id).await);
    }

    pub(crate) async fn restore(&self, id: RestoreId) -> Restore {
        self.central().read(async |tx| restores::find(tx, id).await).await.unwrap().unwrap()
    }

    /// Runs a worker until nothing is left to do; the restore as it ended.
    pub(crate) async fn work_off(&self, id: RestoreId) -> Restore {
        let worker = self.start(calm());
        until("the restore has ended", async || self.restore(id).await.status.is_terminal()).await;
        self.settled().await;
        worker.stop().await;
        self.restore(id).await
    }

    pub(crate) async fn restore_to_the_end(&self, tenant: TenantId, backup: BackupId) -> Restore {
        let id = self.ask_restore(tenant, backup).await;
        self.work_off(id).await
    }

    /// Waits until no job runs, or waits to run at once.
    pub(crate) async fn settled(&self) {
        let now = self.context.store.clock().now();
        let over = async || {
            let jobs = self.central().read(async |tx| queue::list(tx, &queue::Filter::default(), 1000).await).await;
            !jobs.unwrap().iter().any(|job| {
                job.status == queue::JobStatus::Running
                    || (job.status == queue::JobStatus::Queued
                        && job.run_at <= now.plus(std::time::Duration::from_hours(1)))
            })
        };
        until("no job is left", over).await;
    }

    pub(crate) async fn names_in(&self, tenant: TenantId) -> Vec<String> {
        names(&self.context.store.tenant(tenant).await.unwrap()).await
    }

    pub(crate) async fn add_to(&self, tenant: TenantId, name: &str) -> Result<(), Error> {
        let database = self.context.store.tenant(tenant).await?;
        database.write(async |tx| users::insert(tx, &user(name)).await).await
    }

    /// How many attempts have written their restore into the database that the tenant has now.
    pub(crate) async fn times_restored(&self, tenant: TenantId) -> i64 {
        let database = self.context.store.tenant(tenant).await.unwrap();
        let sql = "SELECT COUNT(*) FROM audit_log WHERE action = 'tenant.restore'";
        let (times,) = database.read(async |tx| tx.query(sql).fetch_one::<(i64,)>().await).await.unwrap();
        times
    }

    /// What lies beside the tenants' directories or schemas, under the names of directories; and what is being unpacked.
    pub(crate) async fn leftovers(&self) -> Vec<String> {
        let data_dir = self.context.store.data_dir();
        let unpacked = std::fs::read_dir(data_dir.temp()).unwrap();
        let unpacked = unpacked.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut all: Vec<_> = unpacked.filter(|name| name.starts_with("restore-")).collect();
        if let Database::Postgres(central) = self.central() {
            let schemas = "SELECT CAST(nspname AS TEXT) FROM pg_namespace WHERE nspname ~ '^(restore|before|away)_'";
            let schemas: Vec<String> = sqlx::query_scalar(schemas).fetch_all(central.pool()).await.unwrap();
            all.extend(schemas.iter().map(|name| {
                let mut parts = name.split('_');
                let (kind, id) = (parts.next().unwrap(), parts.next().unwrap().parse::<RestoreId>().unwrap());
                let attempt = parts.next().map(|attempt| format!(".{attempt}")).unwrap_or_default();
                format!(".{kind}-{id}{attempt}")
            }));
        } else {
            let entries = std::fs::read_dir(data_dir.resellers()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            all.extend(names.filter(|name| name.starts_with('.')));
        }
        all
    }

    /// Takes a tenant's database away.
    async fn lose(&self, tenant: TenantId) {
        self.context.store.close_tenant_database(tenant).await;
        match self.central() {
            Database::Sqlite(_) => std::fs::remove_dir_all(self.context.store.data_dir().tenant(tenant)).unwrap(),
            Database::Postgres(central) => {
                let drop = format!("DROP SCHEMA {} CASCADE", postgres::tenant_schema(tenant));
                central.pool().execute(AssertSqlSafe(drop)).await.unwrap();
            }
        }
    }
}

pub(crate) fn new(tenant: TenantId, backup: BackupId) -> New {
    New {
        id: Ids.next(),
        backup,
        target: Target::Same,
        tenant,
        slug: format!("acme-{tenant}"),
        name: None,
        plan: "{}".into(),
        without_safety: false,
        requested_by: "test".into(),
        trace_id: None,
        at: Clock::system().now(),
    }
}

pub(crate) async fn add(database: &Database, names: &[&str]) {
    for name in names {
        database.write(async |tx| users::insert(tx, &user(name)).await).await.unwrap();
    }
}

pub(crate) async fn names(database: &Database) -> Vec<String> {
    let rows = database
        .read(async |tx| tx.query("SELECT username FROM users ORDER BY username").fetch_all::<(String,)>().await)
        .await
        .unwrap();
    rows.into_iter().map(|(name,)| name).collect()
}

/// By one who was stopped in the middle, when the restore was over.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_attempt_leaves_behind_after_the_end_is_swept_up() {
    on_every_engine(async |shop: Shop| {
        let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
        let done = shop.restore_to_the_end(tenant, backup).await;
        let places = [Staging::of(done.id, 7), Staging::of(Ids.next(), 1)];
        for place in places {
            let left = Exchange::new(&shop.context.store, place.restore, tenant, place.attempt.unwrap());
            left.begin().await.unwrap();
            if shop.is_on_postgres() {
                shop.execute(&format!("CREATE SCHEMA {}", place.schema())).await;
            }
        }
        let unknown = places[1].directory();
        let worker = shop.start(options());
        until("the leftover is gone", async || !shop.leftovers().await.iter().any(|name| name.ends_with(".7"))).await;
        worker.stop().await;
        let mut left = shop.leftovers().await;
        left.retain(|name| *name != unknown && *name != places[1].scratch());
        assert_eq!(left, [format!(".before-{}", done.id)]);
        assert!(shop.leftovers().await.contains(&unknown), "of a restore that nobody knows: the doctor tells");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_brings_the_backup_back_and_its_undo_what_it_replaced() {
    on_every_engine(async |shop: Shop| {
        let (tenant, backup) = shop.saved_tenant(&["anna", "bert"]).await;
        shop.add_to(tenant, "carl").await.unwrap();

        let restore = shop.ask_restore(tenant, backup).await;
        let done = shop.work_off(restore).await;
        assert_eq!((done.status, done.error.as_deref(), done.attempt), (RestoreStatus::Done, None, 1));
        assert_eq!(shop.names_in(tenant).await, ["anna", "bert"]);
        shop.add_to(tenant, "dora").await.unwrap();
        assert_eq!(shop.leftovers().await, [format!(".before-{restore}")]);

        let safety = shop.find(done.safety_backup_id.unwrap()).await.unwrap();
        assert_eq!((safety.status, safety.origin), (BackupStatus::Verified, Origin::Safety));
        assert_eq!(shop.restored(&safety).await, ["anna", "bert", "carl"]);

        shop.ask_undo(restore).await;
        let undone = shop.work_off(restore).await;
        assert_eq!((undone.status, undone.error.as_deref()), (RestoreStatus::Undone, None));
        assert_eq!(shop.names_in(tenant).await, ["anna", "bert", "carl"]);
        shop.add_to(tenant, "emil").await.unwrap();
        let safety = shop.find(undone.safety_backup_id.unwrap()).await.unwrap();
        assert_eq!(shop.restored(&safety).await, ["anna", "bert", "dora"]);
        assert!(shop.leftovers().await.is_empty(), "{:?}", shop.leftovers().await);

        let of_restore = Filter { object_id: Some(restore.to_string()), ..Filter::default() };
        let lines = shop.central().read(async |tx| audit::list(tx, &of_restore, 9).await).await.unwrap();
        assert_eq!(
            lines.iter().map(|line| line.action.as_str()).collect::<Vec<_>>(),
            ["restore.undone", "restore.done"]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_becomes_a_new_tenant_beside_the_one_that_it_is_of() {
    on_every_engine(async |shop: Shop| {
        let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
        let copy: TenantId = Ids.next();
        let (slug, name) = (format!("copy-{copy}"), Some("Copy".to_owned()));
        let restore = shop.ask_restore_as(New { target: Target::New, slug, name, ..new(copy, backup) }).await;
        let done = shop.work_off(restore).await;
        assert_eq!(
            (done.status, done.error, done.undo_until, done.safety_backup_id),
            (RestoreStatus::Done, None, None, None)
        );
        shop.add_to(copy, "only here").await.unwrap();
        shop.add_to(tenant, "only there").await.unwrap();
        assert_eq!(shop.names_in(copy).await, ["anna", "only here"]);
        assert_eq!(shop.names_in(tenant).await, ["anna", "only there"]);
        let row = shop.central().read(async |tx| tenants::find(tx, copy).await).await.unwrap().unwrap();
        assert_eq!((row.slug, row.name), (format!("copy-{copy}"), "Copy".to_owned()));
        let owner = shop.context.store.tenant(copy).await.unwrap().read(tenant_settings::owner).await.unwrap();
        assert_eq!(owner, Some(copy));
        assert!(shop.leftovers().await.is_empty(), "{:?}", shop.leftovers().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_tenant_whose_slug_was_taken_meanwhile_is_not_made() {
    on_every_engine(async |shop: Shop| {
        let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
        let copy: TenantId = Ids.next();
        let restore =
            shop.ask_restore_as(New { target: Target::New, slug: format!("acme-{tenant}"), ..new(copy, backup) }).await;
        let failed = shop.work_off(restore).await;
        assert_eq!(failed.status, RestoreStatus::Failed);
        assert_eq!(failed.cause.as_deref(), Some("refused"));
        assert!(failed.error.unwrap().contains("was taken meanwhile"));
        assert!(!shop.context.store.tenant_database_exists(copy).await.unwrap());
        assert!(shop.leftovers().await.is_empty(), "{:?}", shop.leftovers().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_refused_and_the_live_database_is_not_touched() {
    on_every_engine(async |shop: Shop| {
        let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
        let folder = shop.directory().join("shelf").join(tenant.to_string());
        let artefact = folder.join(format!("{backup}.db.zst"));
        let mut bytes = std::fs::read(&artefact).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&artefact, bytes).unwrap();
        let before = state(&shop, tenant).await;
        let failed = shop.restore_to_the_end(tenant, backup).await;
        assert_eq!((failed.status, failed.attempt, failed.safety_backup_id), (RestoreStatus::Failed, 1, None));
        assert_eq!(failed.cause.as_deref(), Some("damaged"));
        assert!(failed.error.unwrap().contains("SHA-256"));
        assert_eq!(state(&shop, tenant).await, before);
        shop.add_to(tenant, "bert").await.unwrap();
        assert!(shop.leftovers().await.is_empty(), "{:?}", shop.leftovers().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_backup_is_refused() {
    on_every_engine(async |shop: Shop| {
        let (_, foreign) = shop.saved_tenant(&["anna"]).await;
        let (tenant, _) = shop.tenant().await;
        let failed = shop.restore_to_the_end(tenant, foreign).await;
        assert_eq!(
            (failed.status, failed.error.as_deref()),
            (RestoreStatus::Failed, Some("the backup is of another tenant"))
        );
        assert!(shop.names_in(tenant).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_whose_passwords_would_stall_the_platform_is_refused() {
    on_every_engine(async |shop: Shop| {
        let (tenant, database) = shop.tenant().await;
        let endless =
            "$argon2id$v=19$m=4194304,t=1000,p=1$c29tZXNhbHQxMjM0NTY$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let row = users::User { password_hash: Some(endless.into()), ..user("anna") };
        database.write(async |tx| users::insert(tx, &row).await).await.unwrap();
        let backup = shop.backed_up(Some(tenant)).await.id;
        let failed = shop.restore_to_the_end(tenant, backup).await;
        assert_eq!((failed.status, failed.attempt), (RestoreStatus::Failed, 1));
        assert_eq!(failed.cause.as_deref(), Some("refused"));
        let words = format!("the password hash of the user {} is none that ChiliView makes", row.id);
        assert!(failed.error.unwrap().contains(&words));
        shop.add_to(tenant, "bert").await.unwrap();
        assert!(shop.leftovers().await.is_empty(), "{:?}", shop.leftovers().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_an_older_schema_is_migrated() {
    on_every_engine(async |shop: Shop| {
        let (tenant, database) = shop.tenant().await;
        add(&database, &["anna"]).await;
        for sql in ["DROP TABLE write_lock", "DELETE FROM _sqlx_migrations WHERE version > 1"] {
            database.write_past_lock(async |tx| tx.query(sql).execute().await).await.unwrap();
        }
        let backup = shop.ask(Some(tenant)).await;
        let worker = shop.start(calm());
        let saved = shop.ended(backup).await;
        worker.stop().await;
        assert_eq!(shop.manifest(&saved).await.schema_version, 1);
        drop(database);
        shop.context.store.close_tenant_database(tenant).await;

        let done = shop.restore_to_the_end(tenant, backup).await;
        assert_eq!((done.status, done.error), (RestoreStatus::Done, None));
        shop.add_to(tenant, "bert").await.unwrap();
        assert_eq!(shop.names_in(tenant).await, ["anna", "bert"]);
    })
    .await;
}

/// An upgrade passes by what a restore put aside.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_aside_before_an_upgrade_is_migrated_when_it_comes_back() {
    on_every_engine(async |shop| {
        let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
        shop.add_to(tenant, "berta").await.unwrap();
        let restore = shop.restore_to_the_end(tenant, backup).await;
        let Database::Postgres(central) = shop.central() else { return };
        let kept = format!("before_{}", restore.id.uuid().simple());
        let older = format!("DROP TABLE {kept}.write_lock; DELETE FROM {kept}._sqlx_migrations WHERE version > 1");
        sqlx::Executor::execute(central.pool(), sqlx::AssertSqlSafe(older)).await.unwrap();
        shop.ask_undo(restore.id).await;
        let undone = shop.work_off(restore.id).await;
        assert_eq!((undone.status, undone.error), (RestoreStatus::Undone, None));
        assert_eq!(shop.names_in(tenant).await, ["anna", "berta"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_database_is_lost_or_damaged_gets_it_back_when_it_need_not_be_saved() {
    on_every_engine(async |shop: Shop| {
        let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
        let path = shop.context.store.data_dir().tenant_database(tenant);
        for damage in ["missing", "nonsense"] {
            shop.lose(tenant).await;
            if damage == "nonsense" && !shop.is_on_postgres() {
                std::fs::create_dir(path.parent().unwrap()).unwrap();
                std::fs::write(&path, "this is no database".repeat(1000)).unwrap();
            }
            let failed = shop.restore_to_the_end(tenant, backup).await;
            assert_eq!(
                (failed.status, failed.cause.as_deref()),
                (RestoreStatus::Failed, Some("not_saved")),
                "{damage}"
            );
            assert!(failed.error.as_deref().unwrap().contains("without_safety_backup"), "{damage}: {:?}", failed.error);
            let restore = shop.ask_restore_as(New { without_safety: true, ..new(tenant, backup) }).await;
            let done = shop.work_off(restore).await;
            assert_eq!((done.status, done.error), (RestoreStatus::Done, None), "{damage}");
            assert_eq!(shop.names_in(tenant).await, ["anna"], "{damage}");
            shop.add_to(tenant, "bert").await.unwrap();
        }
    })
    .await;
}

/// During a rolling upgrade, or after one that was taken back.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_newer_schema_waits_for_that_versions_worker_and_can_be_called_off_or_fails_when_that_does_not_come()
 {
    on_every_engine(async |shop: Shop| {
        let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
        shop.add_to(tenant, "bert").await.unwrap();
        let known = newest(Kind::Tenant);
        let (known, beyond) = (format!("\"schema_version\":{known}"), "\"schema_version\":9999".to_owned());
        let turn = async |from: &str, to: &str| {
            let swap = "UPDATE backups SET manifest = replace(replace(manifest, ': ', ':'), $1, $2)";
            let (from, to) = (from.to_owned(), to.to_owned());
            shop.write(async |tx| tx.query(swap).bind(from).bind(to).execute().await).await;
        };
        let put_off = async |restore: RestoreId| {
            let row = shop.restore(restore).await;
            let jobs = shop.central().read(async |tx| queue::list(tx, &queue::Filter::default(), 9).await).await;
            let job = jobs.unwrap().into_iter().find(|job| job.subject == Some(restore.uuid())).unwrap();
            row.error.is_some_and(|error| error.contains("schema 9999"))
                && (job.attempts, job.status, job.put_off_since.is_some()) == (0, JobStatus::Queued, true)
        };
        turn(&known, &beyond).await;
        let worker = shop.start(calm());
        let first = shop.ask_restore(tenant, backup).await;
        until("it is put off", async || put_off(first).await).await;
        shop.add_to(tenant, "carl").await.unwrap();
        let now = shop.context.store.clock().now();
        assert!(shop.write(async |tx| restores::request_cancel(tx, first, now).await).await);
        in_the_queue(&shop.context.store, "run_at = 0").await;
        until("it is called off", async || shop.restore(first).await.status == RestoreStatus::Cancelled).await;
        shop.settled().await;

        let second = shop.ask_restore(tenant, backup).await;
        until("it is put off", async || put_off(second).await).await;
        in_the_queue(&shop.context.store, "run_at = 0, last_result = '{\"put_off_since\":0}'").await;
        until("it has failed", async || shop.restore(second).await.status == RestoreStatus::Failed).await;
        let failed = shop.restore(second).await;
        assert_eq!(failed.cause.as_deref(), Some("refused"));
        assert!(failed.error.unwrap().contains("update ChiliView first"));
        shop.settled().await;

        let third = shop.ask_restore(tenant, backup).await;
        until("it is put off", async || put_off(third).await).await;
        turn(&beyond, &known).await;
        in_the_queue(&shop.context.store, "run_at = 0").await;
        until("it is done", async || shop.restore(third).await.status == RestoreStatus::Done).await;
        shop.settled().await;
        worker.stop().await;
        assert_eq!(shop.names_in(tenant).await, ["anna"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_removed_when_its_window_is_over() {
    on_every_engine(async |mut shop: Shop| {
        shop.context.config.undo_window = std::time::Duration::ZERO;
        let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
        let restore = shop.ask_restore(tenant, backup).await;
        let worker = shop.start(calm());
        until("nothing is kept", async || {
            let row = shop.restore(restore).await;
            row.status == RestoreStatus::Done && row.undo_until.is_none() && shop.leftovers().await.is_empty()
        })
        .await;
        shop.idle().await;
        worker.stop().await;
        assert_eq!(shop.names_in(tenant).await, ["anna"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_end_of_the_window_that_was_cut_off_has_left_is_removed_by_the_next() {
    on_every_engine(async |mut shop: Shop| {
        shop.context.config.undo_window = std::time::Duration::from_hours(3);
        let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
        let restore = shop.restore_to_the_end(tenant, backup).await;
        assert_eq!(shop.leftovers().await, [format!(".before-{}", restore.id)]);
        // The row says so already, and then its worker died.
        let end = restore.undo_until.unwrap();
        assert!(shop.write(async |tx| restores::forget(tx, restore.id, end).await).await);
        shop.enqueue(Work::ForgetRestored { restore: restore.id }).await;
        let worker = shop.start(calm());
        shop.settled().await;
        worker.stop().await;
        assert!(shop.leftovers().await.is_empty(), "{:?}", shop.leftovers().await);
    })
    .await;
}

/// All that a tenant's database is: on SQLite, its file.
async fn state(shop: &Shop, tenant: TenantId) -> Vec<u8> {
    if shop.is_on_postgres() {
        return shop.names_in(tenant).await.join(" ").into();
    }
    std::fs::read(shop.context.store.data_dir().tenant_database(tenant)).unwrap()
}

/// Users, one after the other; those that were acknowledged, and how often the database was locked.
async fn write_on(shop: Arc<Shop>, tenant: TenantId, stop: Arc<AtomicBool>) -> (Vec<String>, usize) {
    let (mut acknowledged, mut locked) = (Vec::new(), 0);
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let name = format!("w{number:06}");
        match shop.add_to(tenant, &name).await {
            Ok(()) => acknowledged.push(name),
            Err(Error::Locked(_)) => locked += 1,
            Err(error) => panic!("{error}"),
        }
    }
    (acknowledged, locked)
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_every_write_is_refused_or_kept_and_other_tenants_notice_nothing() {
    on_every_engine(async |shop: Shop| {
        let shop = Arc::new(shop);
        let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
        let (other, _) = shop.tenant().await;
        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn(write_on(shop.clone(), tenant, stop.clone()));
        let bystander = tokio::spawn(write_on(shop.clone(), other, stop.clone()));
        until("some are there", async || shop.names_in(tenant).await.len() > 20).await;
        let done = shop.restore_to_the_end(tenant, backup).await;
        let then = shop.names_in(tenant).await.len();
        until("they go on", async || shop.names_in(tenant).await.len() > then).await;
        stop.store(true, Ordering::SeqCst);
        let (acknowledged, locked) = writer.await.unwrap();
        let (undisturbed, refused) = bystander.await.unwrap();
        assert_eq!((done.status, done.error), (RestoreStatus::Done, None));
        assert!(locked > 0, "the lock was seen");
        assert_eq!((refused, shop.names_in(other).await), (0, undisturbed));

        let safety = shop.find(done.safety_backup_id.unwrap()).await.unwrap();
        let mut kept = shop.restored(&safety).await;
        kept.extend(shop.names_in(tenant).await);
        kept.retain(|name| name != "anna");
        assert_eq!(kept, acknowledged, "in the backup of what was replaced or in what came, and nowhere twice");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_called_off_in_the_middle_leaves_everything_as_it_was() {
    on_every_engine(async |shop: Shop| {
        let (tenant, database) = shop.tenant().await;
        make_heavy(&database, 200).await;
        add(&database, &["anna"]).await;
        drop(database);
        let backup = shop.ask(Some(tenant)).await;
        let worker = shop.start(calm());
        shop.ended(backup).await;
        let restore = shop.ask_restore(tenant, backup).await;
        until("it runs", async || shop.restore(restore).await.status == RestoreStatus::Running).await;
        let now = shop.context.store.clock().now();
        assert!(shop.write(async |tx| restores::request_cancel(tx, restore, now).await).await);
        until("it has ended", async || shop.restore(restore).await.status.is_terminal()).await;
        shop.idle().await;
        worker.stop().await;
        assert_eq!(shop.restore(restore).await.status, RestoreStatus::Cancelled);
        shop.add_to(tenant, "bert").await.unwrap();
        assert!(shop.leftovers().await.is_empty(), "{:?}", shop.leftovers().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_found_nothing_changed_restores_the_older_one_that_it_is_the_same_as() {
    on_every_engine(async |shop: Shop| {
        let (tenant, backup) = shop.saved_tenant(&["anna"]).await;
        let same = Ids.next();
        let now = shop.context.store.clock().now();
        let row = backups::New {
            id: same,
            tenant: Some((tenant, "acme".into())),
            origin: Origin::Schedule,
            run: None,
            requested_by: "test".into(),
            trace_id: None,
            at: now,
        };
        let unchanged = shop.write(async |tx| {
            backups::insert(tx, &row).await?;
            let number = backups::start(tx, same, now).await?.unwrap();
            backups::unchanged(tx, same, number, backup, now).await
        });
        assert!(unchanged.await);
        shop.add_to(tenant, "bert").await.unwrap();
        let done = shop.restore_to_the_end(tenant, same).await;
        assert_eq!((done.status, done.error.as_deref(), done.backup_id), (RestoreStatus::Done, None, same));
        assert_eq!(shop.names_in(tenant).await, ["anna"]);
    })
    .await;
}
