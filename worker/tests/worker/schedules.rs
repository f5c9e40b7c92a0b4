//! Schedules by the real worker: each firing once, what was missed in one, and every tenant on its own.

use std::{num::NonZeroUsize, time::Duration};

use chiliview_agenda::{Firing, fire};
use chiliview_store::{
    Clock, Ids, RunId, ScheduleId, TenantId, Timestamp,
    backups::{self, Backup, BackupStatus, Filter, Origin, ProofDepth},
    json_text::JsonText,
    paging::{Direction, Page},
    queue::{self, JobStatus},
    schedule_runs::{self, FiredBy, Run, RunStatus},
    schedules::{self, Schedule, ScheduleAction, ScheduleScope},
    tenants::{self, Tenant, TenantStatus},
    users,
};
use chiliview_worker::queue::Options;

use crate::{
    engines::on_every_settings,
    shop::{Running, Shop, told, user},
    workshop::{calm, until},
};

const HOUR: Duration = Duration::from_secs(3600);

/// 2024-03-01, 12:00 UTC: past, since delayed jobs go by the engine's clock.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_709_294_400_000_000);

pub(crate) fn clock() -> Clock {
    Clock::manual(START)
}

pub(crate) async fn on_every_engine(story: impl AsyncFn(Shop, Clock)) {
    on_every_settings(async |settings| {
        let clock = clock();
        story(Shop::open(&settings, clock.clone()).await, clock).await;
    })
    .await;
}

/// At each full hour, of everything.
pub(crate) fn hourly() -> Schedule {
    Schedule {
        id: Ids.next(),
        name: "Hourly".into(),
        action: ScheduleAction::BackUp,
        scope: ScheduleScope::All,
        tenant_id: None,
        tag: None,
        cron: "0 * * * *".into(),
        time_zone: "Etc/UTC".into(),
        jitter_seconds: 0,
        retention: None,
        retention_changed_at: START,
        prove_bytes: None,
        paused_at: None,
        next_at: None,
        last_due_at: None,
        version: 1,
        created_at: START,
        updated_at: START,
    }
}

pub(crate) async fn add(shop: &Shop, schedule: Schedule) -> ScheduleId {
    shop.write(async |tx| schedules::insert(tx, &schedule).await).await;
    schedule.id
}

pub(crate) async fn runs(shop: &Shop, schedule: ScheduleId) -> Vec<Run> {
    let page = Page { after: None, limit: 100, direction: Direction::Ascending };
    shop.central().read(async |tx| schedule_runs::list(tx, schedule, &page).await).await.unwrap()
}

pub(crate) async fn find(shop: &Shop, schedule: ScheduleId) -> Schedule {
    shop.central().read(async |tx| schedules::find(tx, schedule).await).await.unwrap().unwrap()
}

/// The oldest first.
pub(crate) async fn all_backups(shop: &Shop) -> Vec<Backup> {
    let page = Page { after: None, limit: 1000, direction: Direction::Ascending };
    shop.central().read(async |tx| backups::list(tx, &Filter::default(), &page).await).await.unwrap()
}

pub(crate) async fn known(shop: &Shop, schedule: ScheduleId) {
    until("the tick has found out when it is due", async || find(shop, schedule).await.next_at.is_some()).await;
}

/// Waits until the schedule has this many runs, and the last has ended.
pub(crate) async fn nth_ended(shop: &Shop, schedule: ScheduleId, number: usize) -> Run {
    let ended = async || {
        let runs = runs(shop, schedule).await;
        assert!(runs.len() <= number, "{runs:?}");
        runs.len() == number && runs[number - 1].finished_at.is_some()
    };
    until("the run has ended", ended).await;
    runs(shop, schedule).await.pop().unwrap()
}

pub(crate) async fn change(shop: &Shop, id: TenantId, change: impl FnOnce(Tenant) -> Tenant) {
    let before = shop.central().read(async |tx| tenants::find(tx, id).await).await.unwrap().unwrap();
    let after = change(before);
    shop.write(async |tx| tenants::update(tx, &after).await).await;
}

async fn fire_by_hand(shop: &Shop, schedule: ScheduleId) -> RunId {
    let schedule = find(shop, schedule).await;
    let now = shop.context.store.clock().now();
    let firing = Firing { due_at: now, by: FiredBy::Person, requested_by: "eve".into(), missed: 0 };
    shop.write(async |tx| fire(tx, Ids, &schedule, firing, now).await).await.unwrap()
}

async fn stop(workers: impl IntoIterator<Item = Running>) {
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_schedule_backs_up_everything_suspended_tenants_too_and_says_done() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let (active, _) = shop.tenant().await;
        let (suspended, _) = shop.tenant().await;
        let (deleted, _) = shop.tenant().await;
        change(&shop, suspended, |row| Tenant { status: TenantStatus::Suspended, ..row }).await;
        change(&shop, deleted, |row| Tenant { deleted_at: Some(START), ..row }).await;
        let schedule = add(&shop, hourly()).await;
        let worker = shop.start(calm());
        known(&shop, schedule).await;
        assert!(runs(&shop, schedule).await.is_empty(), "a new schedule waits for its time");
        clock.advance(HOUR);
        let run = nth_ended(&shop, schedule, 1).await;
        worker.stop().await;
        assert_eq!((run.status, run.total, run.missed, run.fired_by), (RunStatus::Done, 3, 0, FiredBy::Time));
        assert_eq!(run.due_at, START.plus(HOUR));
        let backups = all_backups(&shop).await;
        let of: Vec<_> = backups.iter().map(|backup| backup.tenant_id).collect();
        assert!(of.len() == 3 && of.contains(&None) && of.contains(&Some(active)) && of.contains(&Some(suspended)));
        for backup in backups {
            assert_eq!((backup.status, backup.origin), (BackupStatus::Verified, Origin::Schedule));
            assert_eq!((backup.schedule_id, backup.run_id), (Some(schedule), Some(run.id)));
        }
        assert_eq!(find(&shop, schedule).await.next_at, Some(START.plus(HOUR * 2)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workers_fire_each_time_once() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        shop.tenant().await;
        let schedule = add(&shop, hourly()).await;
        let workers = [0, 1, 2].map(|_| shop.start(calm()));
        known(&shop, schedule).await;
        for number in 1..=3 {
            clock.advance(HOUR);
            let run = nth_ended(&shop, schedule, number).await;
            assert_eq!((run.status, run.total), (RunStatus::Done, 2));
        }
        shop.idle().await;
        stop(workers).await;
        assert_eq!(runs(&shop, schedule).await.len(), 3);
        assert_eq!(all_backups(&shop).await.len(), 6);
    })
    .await;
}

/// In a process of its own, a worker whose clock is an hour later. Told by the environment; else nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ticks() {
    let Some(settings) = told() else { return };
    let shop = Shop::beside(&settings, Clock::manual(START.plus(HOUR))).await;
    let _worker = shop.start(calm());
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_fire_each_time_once() {
    on_every_engine(async |shop: Shop, _: Clock| {
        shop.tenant().await;
        let schedules = [0; 8].map(|_| Schedule { next_at: Some(START.plus(HOUR)), ..hourly() });
        for (number, schedule) in schedules.iter().enumerate() {
            add(&shop, Schedule { name: format!("Hourly {number}"), ..schedule.clone() }).await;
        }
        let mut processes = [0, 1].map(|_| shop.child("schedules::a_process_that_ticks").spawn().unwrap());
        for schedule in &schedules {
            nth_ended(&shop, schedule.id, 1).await;
        }
        shop.idle().await;
        for process in &mut processes {
            process.kill().unwrap();
            process.wait().unwrap();
        }
        assert_eq!(all_backups(&shop).await.len(), 16);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_one_run_that_says_how_many_it_stands_for() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let schedule = add(&shop, hourly()).await;
        let worker = shop.start(calm());
        known(&shop, schedule).await;
        worker.stop().await;
        clock.advance(HOUR * 10 + HOUR / 2);
        let worker = shop.start(calm());
        let run = nth_ended(&shop, schedule, 1).await;
        worker.stop().await;
        assert_eq!((run.due_at, run.missed), (START.plus(HOUR * 10), 9));
        assert_eq!(find(&shop, schedule).await.next_at, Some(START.plus(HOUR * 11)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_schedule_does_not_fire_and_a_person_may_still_run_it() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let (tenant, _) = shop.tenant().await;
        let scope = ScheduleScope::Tenant;
        let paused = Schedule {
            scope,
            tenant_id: Some(tenant),
            paused_at: Some(START),
            next_at: Some(START.plus(HOUR)),
            jitter_seconds: 3600,
            ..hourly()
        };
        let paused = add(&shop, paused).await;
        let other = add(&shop, Schedule { scope: ScheduleScope::Central, name: "Other".into(), ..hourly() }).await;
        let worker = shop.start(calm());
        known(&shop, other).await;
        clock.advance(HOUR);
        nth_ended(&shop, other, 1).await;
        assert!(runs(&shop, paused).await.is_empty());
        let asked = fire_by_hand(&shop, paused).await;
        let run = nth_ended(&shop, paused, 1).await;
        worker.stop().await;
        assert_eq!((run.id, run.fired_by, run.status, run.total), (asked, FiredBy::Person, RunStatus::Done, 1));
        assert_eq!(run.requested_by, "eve");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_covers_those_that_have_it_when_the_schedule_fires() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let (with, _) = shop.tenant().await;
        let (without, _) = shop.tenant().await;
        change(&shop, with, |row| Tenant { tags: JsonText(vec!["gold".into()]), ..row }).await;
        change(&shop, without, |row| Tenant { tags: JsonText(vec!["golden".into()]), ..row }).await;
        let tagged = Schedule { scope: ScheduleScope::Tag, tag: Some("gold".into()), ..hourly() };
        let schedule = add(&shop, tagged).await;
        let worker = shop.start(calm());
        known(&shop, schedule).await;
        clock.advance(HOUR);
        nth_ended(&shop, schedule, 1).await;
        worker.stop().await;
        let of: Vec<_> = all_backups(&shop).await.into_iter().map(|backup| backup.tenant_id).collect();
        assert_eq!(of, [Some(with)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failing_tenant_and_one_over_its_quota_stop_nobody_and_the_run_is_partial() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let (good, _) = shop.tenant().await;
        let (broken, database) = shop.tenant().await;
        let (full, _) = shop.tenant().await;
        drop(database);
        shop.context.store.remove_tenant_database(broken).await.unwrap();
        change(&shop, full, |row| Tenant { quota_backups: Some(0), ..row }).await;
        let schedule = add(&shop, hourly()).await;
        let worker = shop.start(calm());
        known(&shop, schedule).await;
        clock.advance(HOUR);
        let run = nth_ended(&shop, schedule, 1).await;
        worker.stop().await;
        assert_eq!((run.status, run.total), (RunStatus::Partial, 4));
        assert_eq!(run.error.as_deref(), Some("2 of 4 backups were not made"));
        for backup in all_backups(&shop).await {
            let (status, reason) = match backup.tenant_id {
                Some(id) if id == broken => (BackupStatus::Failed, "is missing"),
                Some(id) if id == full => (BackupStatus::Failed, "as many backups as it may"),
                of => {
                    assert!(of.is_none_or(|id| id == good));
                    (BackupStatus::Verified, "")
                }
            };
            assert_eq!(backup.status, status);
            assert!(backup.error.unwrap_or_default().contains(reason));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_last_backup_still_waits_is_not_queued_again() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        shop.tenant().await;
        // The clock that jobs wait for is the engine's: spread over millennia, what fires in 2024 waits still.
        let spread = Schedule { scope: ScheduleScope::All, jitter_seconds: 5000 * 365 * 24 * 3600, ..hourly() };
        let schedule = add(&shop, spread).await;
        let worker = shop.start(calm());
        known(&shop, schedule).await;
        clock.advance(HOUR);
        until("the first run is queued", async || {
            runs(&shop, schedule).await.iter().any(|run| run.status == RunStatus::Running)
        })
        .await;
        let first = all_backups(&shop).await;
        let waiting = first.iter().filter(|backup| backup.status == BackupStatus::Queued).count();
        clock.advance(HOUR);
        until("the second run is queued", async || {
            let runs = runs(&shop, schedule).await;
            runs.len() == 2 && runs[1].status != RunStatus::Queued
        })
        .await;
        worker.stop().await;
        let runs = runs(&shop, schedule).await;
        assert!(waiting > 0);
        assert_eq!((runs[0].total, runs[1].total), (2, 2 - i64::try_from(waiting).unwrap()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_clock_fires_is_spread_and_stands_behind_what_people_ask_for() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        for _ in 0..60 {
            shop.tenant().await;
        }
        let schedule = add(&shop, Schedule { next_at: Some(START.plus(HOUR)), ..hourly() }).await;
        clock.advance(HOUR);
        let one = Options { parallel: NonZeroUsize::MIN, ..calm() };
        let worker = shop.start(one);
        until("the run is queued", async || {
            runs(&shop, schedule).await.first().is_some_and(|run| run.status == RunStatus::Running)
        })
        .await;
        let asked = shop.ask(None).await;
        shop.ended(asked).await;
        let jobs = shop.central().read(async |tx| queue::list(tx, &queue::Filter::default(), 99).await).await.unwrap();
        let waiting = jobs.iter().filter(|job| job.status == JobStatus::Queued).count();
        let run = nth_ended(&shop, schedule, 1).await;
        worker.stop().await;
        assert!(waiting > 30, "it waited for {} of them", 61 - waiting);
        assert_eq!((run.status, run.total), (RunStatus::Done, 61));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_did_not_change_costs_no_artefact_and_counts_as_safe() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let (id, database) = shop.tenant().await;
        let own = Schedule { scope: ScheduleScope::Tenant, tenant_id: Some(id), ..hourly() };
        let schedule = add(&shop, own).await;
        let worker = shop.start(calm());
        known(&shop, schedule).await;
        for number in 1..=4 {
            if number == 4 {
                database.write(async |tx| users::insert(tx, &user("eve")).await).await.unwrap();
            }
            clock.advance(HOUR);
            let run = nth_ended(&shop, schedule, number).await;
            assert_eq!(run.status, RunStatus::Done);
        }
        worker.stop().await;
        let backups = all_backups(&shop).await;
        use BackupStatus::{Unchanged, Verified};
        let statuses: Vec<_> = backups.iter().map(|backup| backup.status).collect();
        assert_eq!(statuses, [Verified, Unchanged, Unchanged, Verified]);
        assert_eq!(backups[2].same_as, Some(backups[0].id));
        assert_eq!((backups[2].stored_bytes, backups[2].manifest.as_deref()), (None, None));
        assert_eq!(shop.on_shelf().await.len(), 4, "two artefacts, two manifests");
        let deleted = backups[3].id;
        shop.write(async |tx| backups::delete(tx, deleted, START, START).await).await;
        let safe = shop.central().read(async |tx| backups::safe_at(tx, Some(id)).await).await.unwrap();
        assert_eq!(safe, backups[2].finished_at);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_gone_or_damaged_is_no_reason_not_to_make_another() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let (id, _) = shop.tenant().await;
        let own = Schedule { scope: ScheduleScope::Tenant, tenant_id: Some(id), ..hourly() };
        let schedule = add(&shop, own).await;
        let worker = shop.start(calm());
        known(&shop, schedule).await;
        clock.advance(HOUR);
        nth_ended(&shop, schedule, 1).await;
        let first = all_backups(&shop).await.remove(0);
        shop.context.shelf.remove(&crate::shop::key(&first)).await.unwrap();
        clock.advance(HOUR);
        nth_ended(&shop, schedule, 2).await;
        let second = all_backups(&shop).await.remove(1);
        assert_eq!(second.status, BackupStatus::Verified, "its artefact was lost");
        shop.write(async |tx| {
            backups::prove_again(tx, second.id, START).await?;
            let attempt = backups::start_proof(tx, second.id, START).await?.unwrap();
            backups::damaged(tx, second.id, attempt, &"bit rot".into(), START).await
        })
        .await;
        shop.write(async |tx| backups::delete(tx, first.id, START, START).await).await;
        clock.advance(HOUR);
        nth_ended(&shop, schedule, 3).await;
        worker.stop().await;
        assert_eq!(all_backups(&shop).await.pop().unwrap().status, BackupStatus::Verified, "the newest was damaged");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_proofs_are_made_again_until_the_bytes_are_used_up() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let mut made = Vec::new();
        for _ in 0..3 {
            made.push(shop.backed_up(None).await);
        }
        let two = made[0].stored_bytes.unwrap() + made[1].stored_bytes.unwrap();
        let proving = async |bytes| {
            let action = ScheduleAction::Prove;
            let name = format!("Prove {bytes}");
            add(&shop, Schedule { name, action, prove_bytes: Some(bytes), ..hourly() }).await
        };
        let proven = async || {
            let mut full = Vec::new();
            for backup in &made {
                full.push(shop.find(backup.id).await.unwrap().proof == Some(ProofDepth::Full));
            }
            full
        };
        let worker = shop.start(calm());
        let first = proving(two).await;
        known(&shop, first).await;
        clock.advance(HOUR);
        let run = nth_ended(&shop, first, 1).await;
        assert_eq!((run.status, run.total, run.asked_bytes), (RunStatus::Done, 2, two));
        shop.idle().await;
        assert_eq!(proven().await, [true, true, false]);

        shop.write(async |tx| schedules::delete(tx, first).await).await;
        let second = proving(0).await;
        known(&shop, second).await;
        clock.advance(HOUR);
        assert_eq!(nth_ended(&shop, second, 1).await.total, 1, "one at least");
        shop.idle().await;
        worker.stop().await;
        assert_eq!(proven().await, [true, true, true]);
    })
    .await;
}

/// Rows that count as verified, and have no snapshot.
#[cfg(feature = "failpoints")]
async fn verified_rows(shop: &Shop, count: usize, stored_bytes: i64) {
    let proof = backups::Verified {
        manifest: "{}".into(),
        stored_sha256: "0".repeat(64),
        stored_bytes,
        plain_bytes: 1,
        encrypted: false,
        depth: ProofDepth::Quick,
    };
    shop.write(async |tx| {
        for _ in 0..count {
            let id = Ids.next();
            let (origin, at) = (Origin::Request, START);
            let new =
                backups::New { id, tenant: None, origin, run: None, requested_by: "test".into(), trace_id: None, at };
            backups::insert(tx, &new).await?;
            let attempt = backups::start(tx, id, at).await?.unwrap();
            assert!(backups::verified(tx, id, attempt, &proof, at).await?);
        }
        Ok(())
    })
    .await;
}

#[cfg(feature = "failpoints")]
#[test]
fn proofs_are_asked_for_page_by_page_and_a_run_that_was_cut_off_goes_on_with_the_rest() {
    const TEST: &str = "schedules::proofs_are_asked_for_page_by_page_and_a_run_that_was_cut_off_goes_on_with_the_rest";
    crate::workshop::alone(TEST, || {
        tokio::runtime::Runtime::new().unwrap().block_on(on_every_engine(async |shop: Shop, clock: Clock| {
            verified_rows(&shop, 120, 10).await;
            let action = ScheduleAction::Prove;
            let schedule = add(&shop, Schedule { action, prove_bytes: Some(1000), ..hourly() }).await;
            fail::cfg("worker.proofs_asked", "1*return->off").unwrap();
            // The run's own job alone: proofs of what has no snapshot would come between.
            let worker = shop.start(Options { parallel: NonZeroUsize::MIN, ..calm() });
            known(&shop, schedule).await;
            clock.advance(HOUR);
            let run = nth_ended(&shop, schedule, 1).await;
            worker.stop().await;
            fail::remove("worker.proofs_asked");
            assert_eq!((run.status, run.total, run.asked_bytes), (RunStatus::Done, 100, 1000));
            let jobs = shop.central().read(async |tx| queue::list(tx, &queue::Filter::default(), 1000).await).await;
            let jobs = jobs.unwrap();
            assert!(jobs.iter().any(|job| job.kind == "run_schedule" && job.attempts == 2), "it was cut off");
            let proofs = jobs.iter().filter(|job| job.kind == "prove").map(|job| job.subject).collect::<Vec<_>>();
            let each: std::collections::BTreeSet<_> = proofs.iter().collect();
            assert_eq!((proofs.len(), each.len()), (100, 100), "none is asked for twice");
        }));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_schedule_deletes_no_backup() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        shop.tenant().await;
        let schedule = add(&shop, hourly()).await;
        let worker = shop.start(calm());
        known(&shop, schedule).await;
        clock.advance(HOUR);
        nth_ended(&shop, schedule, 1).await;
        assert!(shop.write(async |tx| schedules::delete(tx, schedule).await).await);
        shop.enqueue(chiliview_worker::queue::Work::Prune).await;
        shop.idle().await;
        worker.stop().await;
        let backups = all_backups(&shop).await;
        assert_eq!(backups.len(), 2);
        assert!(backups.iter().all(|backup| backup.status == BackupStatus::Verified));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_proves_asks_for_the_oldest_proofs_of_what_it_covers() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let (id, _) = shop.tenant().await;
        let (other, _) = shop.tenant().await;
        change(&shop, id, |row| Tenant { tags: JsonText(vec!["gold".into()]), ..row }).await;
        let worker = shop.start(calm());
        for of in [Some(id), Some(other), None] {
            let asked = shop.ask(of).await;
            shop.ended(asked).await;
        }
        let (action, scope) = (ScheduleAction::Prove, ScheduleScope::Tag);
        let proving = Schedule { action, scope, tag: Some("gold".into()), prove_bytes: Some(1 << 30), ..hourly() };
        let schedule = add(&shop, proving).await;
        known(&shop, schedule).await;
        clock.advance(HOUR);
        let run = nth_ended(&shop, schedule, 1).await;
        shop.idle().await;
        worker.stop().await;
        assert_eq!((run.status, run.total), (RunStatus::Done, 1));
        for backup in all_backups(&shop).await {
            let again = backup.tenant_id == Some(id);
            assert_eq!((backup.status, backup.proven_at > backup.verified_at), (BackupStatus::Verified, again));
        }
    })
    .await;
}
