//! Schedules, their runs, tenants' own retention, and what retention looks at.

use chiliview_store::{
    BackupId, Database, Error, Ids, RunId, ScheduleId, TenantId,
    backups::{self, BackupStatus, Held, New, Origin, ProofDepth, Verified},
    json_text::JsonText,
    paging::{Direction, Page},
    schedule_runs::{self, FiredBy, Run, RunStatus},
    schedules::{self, Filter, Schedule, ScheduleAction, ScheduleScope, ScheduleSort},
    tenant_retention::{self, TenantRetention},
    tenants::{self, Tenant},
};
use serde_json::json;

use crate::{
    common::{DIRECTIONS, at, failure, page, read, tenant, walk, write},
    engines::on_every_engine,
};

pub(crate) fn schedule(name: &str) -> Schedule {
    Schedule {
        id: Ids.next(),
        name: name.into(),
        action: ScheduleAction::BackUp,
        scope: ScheduleScope::All,
        tenant_id: None,
        tag: None,
        cron: "0 2 * * *".into(),
        time_zone: "Europe/Berlin".into(),
        jitter_seconds: 60,
        retention: Some(JsonText(json!({ "daily": 7 }))),
        retention_changed_at: at(0),
        prove_bytes: None,
        paused_at: None,
        next_at: None,
        last_due_at: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

async fn add(db: &Database, schedule: &Schedule) -> ScheduleId {
    write(db, async |tx| schedules::insert(tx, schedule).await).await;
    schedule.id
}

async fn find(db: &Database, id: ScheduleId) -> Option<Schedule> {
    read(db, async |tx| schedules::find(tx, id).await).await
}

/// The one firing that a story needs.
async fn fire(db: &Database, schedule: ScheduleId, seconds: i64) -> Option<RunId> {
    let new = schedule_runs::New {
        id: Ids.next(),
        schedule,
        due_at: at(seconds),
        fired_by: FiredBy::Time,
        requested_by: "schedule".into(),
        missed: 2,
        at: at(seconds + 1),
    };
    write(db, async |tx| schedule_runs::insert(tx, &new).await).await.then_some(new.id)
}

async fn run(db: &Database, id: RunId) -> Run {
    read(db, async |tx| schedule_runs::find(tx, id).await).await.unwrap()
}

async fn over(db: &Database) -> Vec<RunId> {
    read(db, async |tx| schedule_runs::over(tx, 9).await).await.into_iter().map(|run| run.id).collect()
}

async fn back_up(
    db: &Database,
    tenant: Option<TenantId>,
    origin: Origin,
    run: Option<(ScheduleId, RunId)>,
) -> BackupId {
    let tenant = tenant.map(|id| (id, "acme".to_owned()));
    let new = New { id: Ids.next(), tenant, origin, run, requested_by: "eve".into(), trace_id: None, at: at(1) };
    write(db, async |tx| backups::insert(tx, &new).await).await;
    new.id
}

async fn start(db: &Database, id: BackupId) -> i64 {
    write(db, async |tx| backups::start(tx, id, at(2)).await).await.unwrap()
}

async fn verify(db: &Database, id: BackupId) {
    let attempt = start(db, id).await;
    let (manifest, stored_sha256, depth) = ("{}".to_owned(), "ab".repeat(32), ProofDepth::Quick);
    let proof = Verified { manifest, stored_sha256, stored_bytes: 7, plain_bytes: 70, encrypted: false, depth };
    assert!(write(db, async |tx| backups::verified(tx, id, attempt, &proof, at(3)).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_schedules_are_there_from_the_first_start() {
    on_every_engine(async |store| {
        let first = page(chiliview_store::paging::Direction::Ascending, 9, None);
        let rows = read(store.central(), async |tx| {
            schedules::list(tx, &Filter::default(), ScheduleSort::Created, &first).await
        })
        .await;
        let seen: Vec<_> = rows.iter().map(|row| (row.action, row.scope, row.next_at, row.cron.as_str())).collect();
        assert_eq!(
            seen,
            [
                (ScheduleAction::BackUp, ScheduleScope::All, None, "0 2 * * *"),
                (ScheduleAction::Prove, ScheduleScope::All, None, "0 5 * * 0")
            ]
        );
        assert_eq!(rows[0].retention, Some(JsonText(json!({ "daily": 7, "weekly": 4, "monthly": 6 }))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_found_changed_once_per_version_and_deleted() {
    on_every_engine(async |store| {
        let db = store.central();
        let row = schedule("Nightly");
        add(db, &row).await;
        let found = find(db, row.id).await.unwrap();
        assert_eq!(
            (found.name.as_str(), found.jitter_seconds, found.retention),
            ("Nightly", 60, row.retention.clone())
        );
        let clash = failure(db, async |tx| schedules::insert(tx, &schedule("NIGHTLY")).await).await;
        assert!(clash.is_duplicate_of("schedules", "name_key"), "{clash}");

        let own = || Schedule { scope: ScheduleScope::Tenant, tenant_id: Some(Ids.next()), ..schedule("Nightly") };
        add(db, &own()).await;
        add(db, &own()).await;

        let changed = Schedule {
            name: "Weekly".into(),
            scope: ScheduleScope::Tag,
            tag: Some("gold".into()),
            cron: "0 2 * * 0".into(),
            retention: None,
            paused_at: Some(at(4)),
            updated_at: at(5),
            ..row.clone()
        };
        write(db, async |tx| schedules::update(tx, &changed).await).await;
        let after = find(db, row.id).await.unwrap();
        assert_eq!((after.version, after.updated_at, after.created_at), (2, at(5), at(0)));
        assert_eq!(serde_json::to_value(&after).unwrap(), serde_json::to_value(&changed).unwrap());
        let late = failure(db, async |tx| schedules::update(tx, &changed).await).await;
        assert!(matches!(late, Error::VersionMismatch), "{late}");

        assert!(write(db, async |tx| schedules::delete(tx, row.id).await).await);
        assert!(!write(db, async |tx| schedules::delete(tx, row.id).await).await);
        assert!(find(db, row.id).await.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_walked_both_ways_and_narrowed_to_a_tenants_own() {
    on_every_engine(async |store| {
        let db = store.central();
        let tenant = Ids.next();
        for number in 0..5 {
            let own = schedule(&format!("Own {number}"));
            add(db, &Schedule { scope: ScheduleScope::Tenant, tenant_id: Some(tenant), ..own }).await;
        }
        for direction in DIRECTIONS {
            let list = async |tenant, page| {
                let filter = Filter { tenant, q: None };
                read(db, async |tx| schedules::list(tx, &filter, ScheduleSort::Created, &page).await).await
            };
            let key = |row: &Schedule| (row.id.to_string(), row.id.to_string());
            assert_eq!(walk(direction, key, async |page| list(None, page).await).await.len(), 7);
            assert_eq!(walk(direction, key, async |page| list(Some(tenant), page).await).await.len(), 5);
        }
        assert_eq!(read(db, async |tx| schedules::count_of_tenant(tx, tenant).await).await, 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_sorted_and_searched_by_what_people_call_a_schedule() {
    on_every_engine(async |store| {
        let db = store.central();
        let acme = tenant("acme", "Acme");
        write(db, async |tx| tenants::insert(tx, &acme).await).await;
        let timed = |name: &str, next: Option<i64>| Schedule { next_at: next.map(at), ..schedule(name) };
        let of_acme =
            Schedule { scope: ScheduleScope::Tenant, tenant_id: Some(acme.id), ..timed("Über Nacht", Some(30)) };
        let tagged = Schedule { scope: ScheduleScope::Tag, tag: Some("gold".into()), ..timed("B 100%", Some(20)) };
        let paused = Schedule { paused_at: Some(at(0)), ..timed("A", Some(1)) };
        for row in [&of_acme, &tagged, &paused] {
            add(db, row).await;
        }
        let listed = async |q: &str, sort: ScheduleSort, direction| {
            let filter = Filter { tenant: None, q: Some(q.to_owned()) };
            let key = move |row: &Schedule| (sort.key(row), row.id.to_string());
            let page = async |page: Page| read(db, async |tx| schedules::list(tx, &filter, sort, &page).await).await;
            let rows = walk(direction, key, page).await;
            let own = |name: &String| ["A", "B 100%", "Über Nacht"].contains(&name.as_str());
            rows.into_iter().map(|row| row.name).filter(own).collect::<Vec<_>>()
        };
        let all = async |sort, direction| listed("", sort, direction).await;
        assert_eq!(all(ScheduleSort::Name, Direction::Ascending).await, ["A", "B 100%", "Über Nacht"]);
        assert_eq!(all(ScheduleSort::Next, Direction::Ascending).await, ["B 100%", "Über Nacht", "A"]);
        assert_eq!(all(ScheduleSort::Next, Direction::Descending).await, ["A", "Über Nacht", "B 100%"]);
        for (q, found) in [("über", "Über Nacht"), ("ACME", "Über Nacht"), ("gold", "B 100%"), ("0%", "B 100%")] {
            assert_eq!(listed(q, ScheduleSort::Created, Direction::Ascending).await, [found], "{q}");
        }
        let id = acme.id.to_string();
        assert!(listed(&id[..8], ScheduleSort::Created, Direction::Ascending).await.is_empty(), "an id is no name");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_found_until_it_has_moved_on() {
    on_every_engine(async |store| {
        let db = store.central();
        let due = async |seconds| {
            let rows = read(db, async |tx| schedules::due(tx, at(seconds), 9).await).await;
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        for id in due(0).await {
            write(db, async |tx| schedules::advance(tx, id, at(1_000_000), None).await).await;
        }
        let timed = add(db, &Schedule { next_at: Some(at(10)), ..schedule("Timed") }).await;
        let paused = Schedule { next_at: Some(at(10)), paused_at: Some(at(0)), ..schedule("Paused") };
        add(db, &paused).await;
        assert!(due(9).await.is_empty());
        assert_eq!(due(10).await, [timed]);
        assert!(write(db, async |tx| schedules::advance(tx, timed, at(20), Some(at(10))).await).await);
        let moved = find(db, timed).await.unwrap();
        assert_eq!((moved.next_at, moved.last_due_at, moved.version), (Some(at(20)), Some(at(10)), 1));
        assert!(due(19).await.is_empty());
        assert!(write(db, async |tx| schedules::advance(tx, timed, at(30), None).await).await);
        assert_eq!(find(db, timed).await.unwrap().last_due_at, Some(at(10)));
        let new = add(db, &schedule("New")).await;
        assert_eq!(due(19).await, [new], "nobody knows yet when");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firing_makes_one_run_which_is_over_when_its_last_backup_has_ended() {
    on_every_engine(async |store| {
        let db = store.central();
        let schedule = add(db, &schedule("Nightly")).await;
        let id = fire(db, schedule, 10).await.unwrap();
        assert_eq!(fire(db, schedule, 10).await, None, "it was fired");
        let queued = run(db, id).await;
        assert_eq!((queued.status, queued.missed, queued.due_at), (RunStatus::Queued, 2, at(10)));
        assert!(over(db).await.is_empty());

        let tenant = Ids.next();
        assert!(write(db, async |tx| schedule_runs::reach(tx, id, Some(tenant), 2, 0, at(12)).await).await);
        assert!(write(db, async |tx| schedule_runs::reach(tx, id, None, 1, 0, at(13)).await).await);
        let (good, bad) = (
            back_up(db, Some(tenant), Origin::Schedule, Some((schedule, id))).await,
            back_up(db, None, Origin::Schedule, Some((schedule, id))).await,
        );
        let awaited = async |of| read(db, async |tx| backups::is_awaited(tx, schedule, of).await).await;
        assert!(awaited(Some(tenant)).await && awaited(None).await && !awaited(Some(Ids.next())).await);
        assert!(write(db, async |tx| schedule_runs::reach(tx, id, None, 0, 700, at(13)).await).await);
        let open = async || read(db, async |tx| schedule_runs::find_open(tx, id).await).await;
        assert_eq!(open().await.map(|run| run.asked_bytes), Some(700));
        assert!(write(db, async |tx| schedule_runs::queued(tx, id, at(14)).await).await);
        assert!(open().await.is_none());
        let running = run(db, id).await;
        assert_eq!((running.reached, running.total, running.started_at), (Some(tenant), 3, Some(at(12))));
        assert_eq!(running.status, RunStatus::Running);
        assert!(!write(db, async |tx| schedule_runs::reach(tx, id, None, 1, 0, at(15)).await).await, "all is queued");

        verify(db, good).await;
        assert!(over(db).await.is_empty());
        write(db, async |tx| backups::end(tx, bad, BackupStatus::Failed, &"because".into(), at(4)).await).await;
        assert!(!awaited(None).await);
        assert_eq!(over(db).await, [id]);
        write(db, async |tx| backups::prove_again(tx, good, at(5)).await).await;
        assert_eq!(over(db).await, [id], "a later proof is none of the run's");
        let tally = read(db, async |tx| schedule_runs::tally(tx, id).await).await;
        assert_eq!(tally, [(BackupStatus::Failed, 1), (BackupStatus::Verifying, 1)]);

        let end = async || {
            let reason = Some("1 of 2".to_owned());
            write(db, async |tx| schedule_runs::end(tx, id, RunStatus::Partial, reason, at(16)).await).await
        };
        assert!(end().await && !end().await && over(db).await.is_empty());
        let ended = run(db, id).await;
        assert_eq!((ended.status, ended.error.as_deref()), (RunStatus::Partial, Some("1 of 2")));
        assert_eq!((ended.finished_at, ended.updated_at), (Some(at(16)), at(16)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_and_go_with_their_schedule_but_backups_stay() {
    on_every_engine(async |store| {
        let db = store.central();
        let schedule = add(db, &schedule("Nightly")).await;
        let mut last = None;
        for seconds in 0..5 {
            last = fire(db, schedule, seconds).await;
        }
        for direction in DIRECTIONS {
            let list = async |page| read(db, async |tx| schedule_runs::list(tx, schedule, &page).await).await;
            assert_eq!(walk(direction, |run| (run.id.to_string(), run.id.to_string()), list).await.len(), 5);
        }
        let newest = read(db, async |tx| schedule_runs::last(tx, schedule).await).await;
        assert_eq!(newest.map(|run| run.id), last);
        let backup = back_up(db, None, Origin::Schedule, Some((schedule, last.unwrap()))).await;
        write(db, async |tx| schedules::delete(tx, schedule).await).await;
        assert!(read(db, async |tx| schedule_runs::find(tx, last.unwrap()).await).await.is_none());
        let kept = read(db, async |tx| backups::find(tx, backup).await).await.unwrap();
        assert_eq!(kept.schedule_id, Some(schedule));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_runs_of_many_schedules_and_what_they_made_are_read_at_once() {
    on_every_engine(async |store| {
        let db = store.central();
        let (one, two, idle) =
            (add(db, &schedule("One")).await, add(db, &schedule("Two")).await, add(db, &schedule("Idle")).await);
        let before = fire(db, one, 0).await.unwrap();
        let (of_one, of_two) = (fire(db, one, 1).await.unwrap(), fire(db, two, 2).await.unwrap());
        for (schedule, run) in [(one, before), (one, of_one), (one, of_one), (two, of_two)] {
            back_up(db, None, Origin::Schedule, Some((schedule, run))).await;
        }
        verify(db, back_up(db, None, Origin::Schedule, Some((one, of_one))).await).await;
        let last = async |ids: &[ScheduleId]| {
            let mut last = read(db, async |tx| schedule_runs::last_of(tx, ids).await).await;
            last.sort_by_key(|run| run.id);
            last.into_iter().map(|run| (run.schedule_id, run.id)).collect::<Vec<_>>()
        };
        assert_eq!(last(&[one, two, idle, Ids.next()]).await, [(one, of_one), (two, of_two)]);
        assert_eq!(last(&[idle]).await, []);
        let tallies = async |ids: &[RunId]| read(db, async |tx| schedule_runs::tallies(tx, ids).await).await;
        assert_eq!(
            tallies(&[of_two, of_one, Ids.next()]).await,
            [(of_one, BackupStatus::Queued, 2), (of_one, BackupStatus::Verified, 1), (of_two, BackupStatus::Queued, 1)]
        );
        assert_eq!(tallies(&[]).await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_with_a_tag_come_page_by_page_without_the_trash() {
    on_every_engine(async |store| {
        let db = store.central();
        let tags = |tags: &[&str]| JsonText(tags.iter().map(|tag| (*tag).to_owned()).collect());
        let rows = [
            Tenant { tags: tags(&["gold", "new"]), ..tenant("a-one", "One") },
            Tenant { tags: tags(&["golden"]), ..tenant("a-two", "Two") },
            Tenant { tags: tags(&["gold"]), deleted_at: Some(at(1)), ..tenant("a-three", "Three") },
            Tenant { tags: tags(&["gold"]), ..tenant("a-four", "Four") },
        ];
        for row in &rows {
            write(db, async |tx| tenants::insert(tx, row).await).await;
        }
        let tagged = async |after| {
            let page = read(db, async |tx| tenants::tagged(tx, "gold", after, 1).await).await;
            page.first().map(|row| row.id)
        };
        assert_eq!(tagged(None).await, Some(rows[0].id));
        assert_eq!(tagged(Some(rows[0].id)).await, Some(rows[3].id));
        assert_eq!(tagged(Some(rows[3].id)).await, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_own_retention_is_set_and_removed_and_raises_its_version() {
    on_every_engine(async |store| {
        let db = store.central();
        let row = tenant("acme", "Acme");
        write(db, async |tx| tenants::insert(tx, &row).await).await;
        let found = async || read(db, async |tx| tenant_retention::find(tx, row.id).await).await.unwrap();
        let none = |changed, version| TenantRetention { retention: None, retention_changed_at: changed, version };
        assert_eq!(found().await, none(None, 1));
        let policy = json!({ "daily": 3 });
        assert!(write(db, async |tx| tenant_retention::set(tx, row.id, Some(policy.clone()), at(1)).await).await);
        assert_eq!(found().await, TenantRetention { retention: Some(JsonText(policy)), ..none(Some(at(1)), 2) });
        assert!(write(db, async |tx| tenant_retention::set(tx, row.id, None, at(2)).await).await);
        assert_eq!(found().await, none(Some(at(2)), 3));
        assert!(!write(db, async |tx| tenant_retention::set(tx, Ids.next(), None, at(2)).await).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_are_those_of_one_database_that_were_made_and_are_not_in_the_trash() {
    on_every_engine(async |store| {
        let db = store.central();
        let tenant = Ids.next();
        let verified = back_up(db, Some(tenant), Origin::Request, None).await;
        verify(db, verified).await;
        let same = back_up(db, Some(tenant), Origin::Safety, None).await;
        let attempt = start(db, same).await;
        assert!(write(db, async |tx| backups::unchanged(tx, same, attempt, verified, at(4)).await).await);
        let (trashed, queued) = (
            back_up(db, Some(tenant), Origin::Request, None).await,
            back_up(db, Some(tenant), Origin::Request, None).await,
        );
        verify(db, trashed).await;
        write(db, async |tx| backups::delete(tx, trashed, at(5), at(6)).await).await;
        let central = back_up(db, None, Origin::Request, None).await;
        verify(db, central).await;

        let held = async |of| read(db, async |tx| backups::held(tx, of, 9).await).await;
        let rows = held(Some(tenant)).await;
        let seen: Vec<_> = rows.iter().map(|row| (row.id, row.status, row.same_as)).collect();
        use BackupStatus::{Unchanged, Verified};
        assert_eq!(seen, [(same, Unchanged, Some(verified)), (verified, Verified, None)]);
        let Held { origin, taken_at, finished_at, stored_bytes, .. } = rows[1].clone();
        assert_eq!((origin, taken_at, finished_at, stored_bytes), (Origin::Request, at(2), Some(at(3)), Some(7)));
        assert_eq!(held(None).await.iter().map(|row| row.id).collect::<Vec<_>>(), [central]);
        let references = async |id| read(db, async |tx| backups::references(tx, id).await).await;
        assert_eq!((references(verified).await, references(queued).await), (1, 0));
        let another = async |id| read(db, async |tx| backups::has_another_verified(tx, id, Some(tenant)).await).await;
        assert_eq!((another(verified).await, another(same).await), (false, true));
    })
    .await;
}
