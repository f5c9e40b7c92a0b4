//! Backups by the real worker: verified, or ended with a reason and nothing left on the shelf.

#[path = "../../../crates/store/tests/support/small_disk.rs"]
pub(crate) mod small_disk;

use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chiliview_snapshot::Entry;
use chiliview_store::{
    Clock, Database, Settings, Timestamp,
    audit::{self, Filter},
    backups::{self, BackupStatus},
    postgres,
    queue::{self, JobStatus, Work},
    tenants, users,
};
use chiliview_worker::{queue::Options, supervise::Backoff};
use small_disk::SmallDisk;

use crate::{
    shop::{Shop, make_heavy, on_every_engine, on_every_engine_at, tenant, user},
    workshop::{calm, until},
};

/// Adds users one after the other until told to stop, and notes each that was acknowledged.
async fn write_on(database: Database, writer: usize, stop: Arc<AtomicBool>, noted: Arc<Mutex<Vec<String>>>) {
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let name = format!("{writer}-{number:06}");
        database.write(async |tx| users::insert(tx, &user(&name)).await).await.unwrap();
        noted.lock().unwrap().push(name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_three_writers_is_verified_and_restores_to_a_committed_state() {
    on_every_engine(async |shop: Shop| {
        let (id, database) = shop.tenant().await;
        make_heavy(&database, 20).await;
        let (stop, noted) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let writers: Vec<_> = (0..3)
            .map(|writer| tokio::spawn(write_on(database.clone(), writer, stop.clone(), noted.clone())))
            .collect();
        until("some are there", async || noted.lock().unwrap().len() > 30).await;
        let before: BTreeSet<String> = noted.lock().unwrap().iter().cloned().collect();
        let backup = shop.ask(Some(id)).await;
        let worker = shop.start(calm());
        let backup = shop.ended(backup).await;
        stop.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.await.unwrap();
        }
        worker.stop().await;
        assert_eq!((backup.status, backup.attempt, backup.error.as_deref()), (BackupStatus::Verified, 1, None));

        let manifest = shop.manifest(&backup).await;
        let restored = shop.restored(&backup).await;
        assert_eq!(manifest.rows["users"], restored.len() as u64);
        assert_eq!(manifest.rows["settings"], 21);
        assert_eq!(backup.stored_bytes, i64::try_from(manifest.stored_bytes).ok());
        assert_eq!(backup.stored_sha256, Some(manifest.stored_sha256.to_string()));
        let restored: BTreeSet<String> = restored.into_iter().collect();
        assert!(before.is_subset(&restored), "what was acknowledged before is in it");
        for writer in 0..3 {
            // Each writer's rows were committed in order, so a committed state has the first so many of them.
            let of = restored.iter().filter(|name| name.starts_with(&format!("{writer}-")));
            assert!(of.enumerate().all(|(number, name)| *name == format!("{writer}-{number:06}")));
        }
        let lines = Filter { object_id: Some(backup.id.to_string()), ..Filter::default() };
        let lines = shop.central().read(async |tx| audit::list(tx, &lines, 9).await).await.unwrap();
        assert_eq!(lines.iter().map(|line| line.action.as_str()).collect::<Vec<_>>(), ["backup.verified"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_central_database_is_backed_up_too() {
    on_every_engine(async |shop: Shop| {
        let backup = shop.ask(None).await;
        let worker = shop.start(calm());
        let backup = shop.ended(backup).await;
        worker.stop().await;
        assert_eq!((backup.status, backup.error.as_deref()), (BackupStatus::Verified, None));
        assert_eq!(shop.manifest(&backup).await.rows["backups"], 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_backup_that_is_cancelled_leaves_nothing() {
    on_every_engine(async |shop: Shop| {
        let (id, database) = shop.tenant().await;
        make_heavy(&database, 400).await;
        let backup = shop.ask(Some(id)).await;
        let worker = shop.start(calm());
        until("it runs", async || shop.status(backup).await == BackupStatus::Running).await;
        let asked =
            shop.write(async |tx| backups::request_cancel(tx, backup, shop.context.store.clock().now()).await).await;
        assert!(asked);
        let ended = shop.ended(backup).await;
        shop.idle().await;
        worker.stop().await;
        assert_eq!((ended.status, ended.error.as_deref()), (BackupStatus::Cancelled, Some("cancelled on request")));
        assert_eq!(ended.cause.as_deref(), Some("cancelled"));
        assert!(shop.on_shelf().await.is_empty(), "{:?}", shop.on_shelf().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_without_a_database_fails_at_once_with_the_reason() {
    on_every_engine(async |shop: Shop| {
        let lost = tenant(chiliview_store::Ids.next());
        let lost_at = if shop.is_on_postgres() { postgres::tenant_schema(lost.id) } else { "reseller.db".to_owned() };
        shop.write(async |tx| tenants::insert(tx, &lost).await).await;
        let backup = shop.ask(Some(lost.id)).await;
        let worker = shop.start(calm());
        let ended = shop.ended(backup).await;
        shop.idle().await;
        worker.stop().await;
        assert_eq!((ended.status, ended.attempt), (BackupStatus::Failed, 1));
        assert_eq!(ended.cause.as_deref(), Some("database_unusable"));
        let reason = ended.error.unwrap();
        assert!(reason.contains("is missing") && reason.contains(&lost_at), "{reason}");
        assert!(shop.on_shelf().await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_shelf_fails_after_its_attempts_and_works_again_when_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(directory.path());
    let shop = Shop::with_shelf(&settings, Clock::system(), &disk.path().join("shelf")).await;
    let (id, database) = shop.tenant().await;
    make_heavy(&database, 4).await;
    let filler = disk.fill();
    let backup = shop.ask_for_attempts(Some(id), 3).await;
    let worker = shop.start(calm());
    let ended = shop.ended(backup).await;
    shop.idle().await;
    assert_eq!((ended.status, ended.attempt), (BackupStatus::Failed, 3));
    let reason = ended.error.unwrap();
    assert!(reason.contains("find room for"), "{reason}");
    assert_eq!(ended.cause.as_deref(), Some("no_space"));
    filler.remove();
    assert!(shop.on_shelf().await.is_empty(), "{:?}", shop.on_shelf().await);
    let again = shop.ask(Some(id)).await;
    let again = shop.ended(again).await;
    worker.stop().await;
    assert_eq!((again.status, again.error, again.cause), (BackupStatus::Verified, None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_thirty_backups_and_verify_each_once() {
    on_every_engine(async |shop: Shop| {
        let mut asked = Vec::new();
        for _ in 0..3 {
            let (id, _) = shop.tenant().await;
            for _ in 0..10 {
                asked.push(shop.ask(Some(id)).await);
            }
        }
        let parallel = NonZeroUsize::new(3).unwrap();
        let workers = [0, 1].map(|_| shop.start(Options { parallel, ..calm() }));
        for id in &asked {
            let ended = shop.ended(*id).await;
            assert_eq!((ended.status, ended.attempt, ended.error.as_deref()), (BackupStatus::Verified, 1, None));
        }
        shop.idle().await;
        for worker in workers {
            worker.stop().await;
        }
        let jobs = shop.central().read(async |tx| queue::list(tx, &queue::Filter::default(), 99).await).await.unwrap();
        assert!(jobs.iter().all(|job| (job.status, job.attempts) == (JobStatus::Done, 1)), "{jobs:?}");
        let proofs = Filter { action: Some("backup.verified".into()), ..Filter::default() };
        assert_eq!(shop.central().read(async |tx| audit::list(tx, &proofs, 99).await).await.unwrap().len(), 30);
        let entries = shop.on_shelf().await;
        assert_eq!(entries.iter().filter(|entry| matches!(entry, Entry::Artefact { .. })).count(), 30);
        assert_eq!(entries.len(), 60);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_in_the_middle_puts_the_job_back_for_the_next_worker() {
    on_every_engine(async |shop: Shop| {
        let (id, database) = shop.tenant().await;
        make_heavy(&database, 300).await;
        let backup = shop.ask(Some(id)).await;
        let worker = shop.start(Options { drain: Duration::ZERO, ..calm() });
        until("it runs", async || shop.status(backup).await == BackupStatus::Running).await;
        worker.stop().await;
        let ours = queue::Filter { subject: Some(backup.uuid()), ..queue::Filter::default() };
        let job = shop.central().read(async |tx| queue::list(tx, &ours, 9).await).await.unwrap().remove(0);
        assert_eq!((job.status, job.attempts), (JobStatus::Queued, 0), "as if it had not been taken");
        until("nothing half lies there", async || shop.on_shelf().await.is_empty()).await;
        let worker = shop.start(calm());
        let ended = shop.ended(backup).await;
        worker.stop().await;
        assert_eq!((ended.status, ended.attempt, ended.error.as_deref()), (BackupStatus::Verified, 2, None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trash_is_purged_when_its_time_has_come_and_not_before() {
    let clock = Clock::manual(Timestamp::from_micros(1_790_000_000_000_000));
    on_every_engine_at(clock.clone(), async |shop: Shop| {
        let (id, database) = shop.tenant().await;
        drop(database);
        let backup = shop.ask(Some(id)).await;
        let worker = shop.start(calm());
        assert_eq!(shop.ended(backup).await.status, BackupStatus::Verified);
        let (now, end) = (clock.now(), clock.now().plus(Duration::from_secs(60)));
        assert!(shop.write(async |tx| backups::delete(tx, backup, now, end).await).await);
        let row = shop.central().read(async |tx| tenants::find(tx, id).await).await.unwrap().unwrap();
        let deleted = tenants::Tenant { deleted_at: Some(now), purge_after: Some(end), ..row };
        shop.write(async |tx| tenants::update(tx, &deleted).await).await;
        let purge = async || {
            shop.enqueue(Work::PurgeBackup { backup }).await;
            shop.enqueue(Work::PurgeTenant { tenant: id }).await;
            shop.idle().await;
        };
        purge().await;
        assert!(shop.find(backup).await.is_some() && !shop.on_shelf().await.is_empty(), "too early");
        assert!(shop.context.store.tenant_database_exists(id).await.unwrap());
        clock.advance(Duration::from_secs(60));
        for _ in 0..2 {
            purge().await;
            assert!(shop.find(backup).await.is_none() && shop.on_shelf().await.is_empty());
            assert!(!shop.context.store.tenant_database_exists(id).await.unwrap());
            assert!(shop.central().read(async |tx| tenants::find(tx, id).await).await.unwrap().is_none());
        }
        worker.stop().await;
        let found = shop.central().read(async |tx| audit::list(tx, &Filter::default(), 9).await).await.unwrap();
        let mut actions: Vec<_> = found.iter().map(|line| line.action.as_str()).collect();
        actions.sort_unstable();
        assert_eq!(actions, ["backup.purge", "backup.verified", "tenant.purge"]);
    })
    .await;
}

/// Long enough between attempts for a test to look.
#[tokio::test(flavor = "multi_thread")]
async fn between_attempts_the_row_says_why_it_waits() {
    let Some(disk) = SmallDisk::mount() else { return };
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(directory.path());
    let shop = Shop::with_shelf(&settings, Clock::system(), &disk.path().join("shelf")).await;
    let (id, _) = shop.tenant().await;
    let filler = disk.fill();
    let backup = shop.ask(Some(id)).await;
    let patient = Backoff { first: Duration::from_secs(3600), most: Duration::from_secs(3600) };
    let worker = shop.start(Options { retry: patient, ..calm() });
    until("it waits", async || shop.find(backup).await.unwrap().error.is_some()).await;
    let waiting = shop.find(backup).await.unwrap();
    assert_eq!(
        (waiting.status, waiting.phase.as_str(), waiting.attempt),
        (BackupStatus::Queued, "waiting to try again", 1)
    );
    filler.remove();
    worker.stop().await;
}

/// As a process does that stood still in the middle of a transaction.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_holds_is_waited_for_and_costs_no_attempt() {
    on_every_engine(async |shop: Shop| {
        let Database::Postgres(central) = shop.central() else { return };
        let (tenant, _) = shop.tenant().await;
        let backup = shop.ask_for_attempts(Some(tenant), 1).await;
        let mut holder = central.pool().begin().await.unwrap();
        sqlx::query("SELECT 1 FROM backups FOR UPDATE").execute(&mut *holder).await.unwrap();
        let worker = shop.start(calm());
        let put_off = async || {
            let jobs = shop.central().read(async |tx| queue::list(tx, &queue::Filter::default(), 9).await).await;
            let job = jobs.unwrap().into_iter().find(|job| job.subject == Some(backup.uuid())).unwrap();
            job.put_off_since.is_some() && (job.attempts, job.status) == (0, JobStatus::Queued)
        };
        until("it is put off, and the attempt does not count", put_off).await;
        holder.rollback().await.unwrap();
        assert_eq!(shop.ended(backup).await.status, BackupStatus::Verified);
        worker.stop().await;
    })
    .await;
}

/// During a rolling upgrade. SQLite's pages are copied, whatever is in them.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_a_newer_version_migrated_waits_for_that_versions_worker() {
    on_every_engine(async |shop: Shop| {
        let Database::Postgres(central) = shop.central() else { return };
        let (tenant, _) = shop.tenant().await;
        let migrations = format!("tenant_{}._sqlx_migrations", tenant.uuid().simple());
        let beyond = "(version, description, success, checksum, execution_time) VALUES (9999, 'beyond', true, '', 0)";
        let run = async |sql: String| sqlx::Executor::execute(central.pool(), sqlx::AssertSqlSafe(sql)).await.unwrap();
        run(format!("INSERT INTO {migrations} {beyond}")).await;
        let backup = shop.ask_for_attempts(Some(tenant), 1).await;
        let worker = shop.start(calm());
        let put_off = async || {
            let jobs = shop.central().read(async |tx| queue::list(tx, &queue::Filter::default(), 9).await).await;
            let job = jobs.unwrap().into_iter().find(|job| job.subject == Some(backup.uuid())).unwrap();
            let waiting = shop.find(backup).await.unwrap();
            waiting.error.is_some() && (job.attempts, job.status) == (0, JobStatus::Queued)
        };
        until("it is put off, and the attempt does not count", put_off).await;
        assert_eq!(shop.find(backup).await.unwrap().status, BackupStatus::Queued);
        run(format!("DELETE FROM {migrations} WHERE version = 9999")).await;
        run("UPDATE apalis.jobs SET run_at = now()".to_owned()).await;
        assert_eq!(shop.ended(backup).await.status, BackupStatus::Verified);
        worker.stop().await;
    })
    .await;
}
