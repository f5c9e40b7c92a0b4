//! Retention by the real worker, over months of a clock that is moved by hand.

use std::{collections::BTreeSet, time::Duration};

use chiliview_store::{
    BackupId, Clock, Ids, TenantId, Timestamp,
    backups::{self, BackupStatus, New, Origin, ProofDepth, Verified},
    json_text::JsonText,
    restores,
    schedules::{self, Schedule},
    tenant_retention,
};
use chiliview_worker::queue::Work;
use serde_json::json;

use crate::{
    restores::new,
    schedules::{START, add, all_backups, find, hourly, on_every_engine},
    shop::Shop,
    workshop::calm,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A backup of a day, as a run would have left it. Its artefact is not needed: retention looks at rows alone.
async fn made(shop: &Shop, tenant: TenantId, origin: Origin, schedule: Option<&Schedule>, at: Timestamp) -> BackupId {
    let id = Ids.next();
    let run = schedule.map(|schedule| (schedule.id, Ids.next()));
    let of = Some((tenant, "acme".to_owned()));
    let new = New { id, tenant: of, origin, run, requested_by: "test".into(), trace_id: None, at };
    let (manifest, stored_sha256, depth) = ("{}".to_owned(), "ab".repeat(32), ProofDepth::Quick);
    let proof = Verified { manifest, stored_sha256, stored_bytes: 1, plain_bytes: 1, encrypted: false, depth };
    shop.write(async |tx| {
        backups::insert(tx, &new).await?;
        let attempt = backups::start(tx, id, at).await?.unwrap();
        backups::verified(tx, id, attempt, &proof, at).await
    })
    .await;
    id
}

async fn same(shop: &Shop, tenant: TenantId, schedule: &Schedule, same_as: BackupId, at: Timestamp) -> BackupId {
    let id = Ids.next();
    let (of, run) = (Some((tenant, "acme".to_owned())), Some((schedule.id, Ids.next())));
    let new = New { id, tenant: of, origin: Origin::Schedule, run, requested_by: "test".into(), trace_id: None, at };
    shop.write(async |tx| {
        backups::insert(tx, &new).await?;
        let attempt = backups::start(tx, id, at).await?.unwrap();
        backups::unchanged(tx, id, attempt, same_as, at).await
    })
    .await;
    id
}

async fn prune(shop: &Shop) {
    shop.enqueue(Work::Prune).await;
    shop.idle().await;
}

async fn ids(shop: &Shop, tenant: TenantId) -> BTreeSet<BackupId> {
    all_backups(shop).await.into_iter().filter(|row| row.tenant_id == Some(tenant)).map(|row| row.id).collect()
}

/// Daily, and kept for three days and two weeks.
fn daily() -> Schedule {
    let retention = Some(JsonText(json!({ "daily": 3, "weekly": 2 })));
    Schedule { name: "Daily".into(), cron: "0 2 * * *".into(), retention, ..hourly() }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_three_months_the_days_and_weeks_stay_and_the_last_verified_is_always_there() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let (tenant, _) = shop.tenant().await;
        let (quiet, _) = shop.tenant().await;
        let schedule = daily();
        add(&shop, Schedule { paused_at: Some(START), ..schedule.clone() }).await;
        let asked = made(&shop, tenant, Origin::Request, None, START).await;
        let lonely = made(&shop, quiet, Origin::Schedule, Some(&schedule), START).await;
        let worker = shop.start(calm());
        for _ in 0..90 {
            clock.advance(DAY);
            let newest = made(&shop, tenant, Origin::Schedule, Some(&schedule), clock.now()).await;
            prune(&shop).await;
            let held = ids(&shop, tenant).await;
            assert!(held.contains(&newest) && held.contains(&asked), "the newest and what people asked for stay");
            assert!(held.len() <= 1 + 3 + 2, "{held:?}");
            assert_eq!(ids(&shop, quiet).await, BTreeSet::from([lonely]), "an old one stays when there is no other");
        }
        worker.stop().await;
        assert_eq!(ids(&shop, tenant).await.len(), 1 + 3 + 1, "of two weeks one is among the days");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_removes_nothing_for_a_day_and_then_only_to_the_trash() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let (tenant, _) = shop.tenant().await;
        let schedule = Schedule { retention: None, paused_at: Some(START), ..daily() };
        add(&shop, schedule.clone()).await;
        for _ in 0..10 {
            clock.advance(DAY);
            made(&shop, tenant, Origin::Schedule, Some(&schedule), clock.now()).await;
        }
        let worker = shop.start(calm());
        prune(&shop).await;
        let before = ids(&shop, tenant).await;
        assert_eq!(before.len(), 10, "without a policy all stay");
        let changed = Schedule {
            retention: Some(JsonText(json!({ "keep_last": 1 }))),
            retention_changed_at: clock.now(),
            ..find(&shop, schedule.id).await
        };
        shop.write(async |tx| schedules::update(tx, &changed).await).await;
        clock.advance(DAY - Duration::from_secs(1));
        prune(&shop).await;
        assert_eq!(ids(&shop, tenant).await, before);
        clock.advance(Duration::from_secs(1));
        prune(&shop).await;
        let after = ids(&shop, tenant).await;
        assert_eq!(after.len(), 1);
        let gone = *before.difference(&after).next().unwrap();
        let row = shop.find(gone).await.unwrap();
        assert_eq!((row.deleted_at, row.purge_after), (Some(clock.now()), Some(clock.now().plus(DAY * 30))));
        assert!(shop.write(async |tx| backups::undelete(tx, gone, START).await).await, "it comes back");
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pins_references_and_a_tenants_own_policy_go_before_the_schedules() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let (tenant, _) = shop.tenant().await;
        let schedule =
            Schedule { retention: Some(JsonText(json!({ "keep_last": 2 }))), paused_at: Some(START), ..daily() };
        let other = Schedule { name: "Other".into(), id: Ids.next(), ..schedule.clone() };
        add(&shop, schedule.clone()).await;
        add(&shop, other.clone()).await;
        let at = |days: u32| START.plus(DAY * days);
        let pinned = made(&shop, tenant, Origin::Schedule, Some(&schedule), at(1)).await;
        shop.write(async |tx| backups::pin(tx, pinned, at(1)).await).await;
        let needed = made(&shop, tenant, Origin::Schedule, Some(&schedule), at(2)).await;
        let refers = same(&shop, tenant, &other, needed, at(3)).await;
        let old = made(&shop, tenant, Origin::Schedule, Some(&schedule), at(4)).await;
        let safety = made(&shop, tenant, Origin::Safety, None, at(5)).await;
        let newest = [
            made(&shop, tenant, Origin::Schedule, Some(&schedule), at(6)).await,
            made(&shop, tenant, Origin::Schedule, Some(&schedule), at(7)).await,
        ];
        clock.advance(DAY * 11);
        let worker = shop.start(calm());
        prune(&shop).await;
        let kept = BTreeSet::from([pinned, needed, refers, safety, newest[0], newest[1]]);
        assert_eq!(ids(&shop, tenant).await, kept, "{old} alone goes");
        clock.advance(DAY);
        prune(&shop).await;
        assert!(!ids(&shop, tenant).await.contains(&safety), "the restore cannot be undone any more");
        let own = Some(json!({ "keep_last": 1 }));
        shop.write(async |tx| tenant_retention::set(tx, tenant, own, START).await).await;
        prune(&shop).await;
        worker.stop().await;
        assert_eq!(ids(&shop, tenant).await, BTreeSet::from([pinned, newest[1]]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restore_saved_stays_for_as_long_as_that_can_be_undone() {
    on_every_engine(async |mut shop: Shop, clock: Clock| {
        // Shorter than any undo.
        shop.context.config.keeping.safety = Duration::ZERO;
        let (tenant, _) = shop.tenant().await;
        let safety = made(&shop, tenant, Origin::Safety, None, START).await;
        let newest = made(&shop, tenant, Origin::Request, None, START.plus(DAY)).await;
        let (restore, until) = (new(tenant, newest), START.plus(DAY * 20));
        shop.write(async |tx| {
            restores::insert(tx, &restore).await?;
            let number = restores::start(tx, restore.id, START).await?.unwrap();
            restores::note_safety(tx, restore.id, number, safety, START).await?;
            restores::done(tx, restore.id, number, Some(until), START).await
        })
        .await;
        clock.advance(DAY * 19);
        let worker = shop.start(calm());
        prune(&shop).await;
        assert_eq!(ids(&shop, tenant).await, BTreeSet::from([safety, newest]));
        clock.advance(DAY * 2);
        prune(&shop).await;
        worker.stop().await;
        assert_eq!(ids(&shop, tenant).await, BTreeSet::from([newest]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_ones_take_no_good_ones_place() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let (tenant, _) = shop.tenant().await;
        let schedule =
            Schedule { retention: Some(JsonText(json!({ "keep_last": 1 }))), paused_at: Some(START), ..daily() };
        add(&shop, schedule.clone()).await;
        let good = made(&shop, tenant, Origin::Schedule, Some(&schedule), START.plus(DAY)).await;
        let bad = made(&shop, tenant, Origin::Schedule, Some(&schedule), START.plus(DAY * 2)).await;
        shop.write(async |tx| {
            backups::prove_again(tx, bad, START).await?;
            let attempt = backups::start_proof(tx, bad, START).await?.unwrap();
            backups::damaged(tx, bad, attempt, &"bit rot".into(), START).await
        })
        .await;
        clock.advance(DAY * 40);
        let worker = shop.start(calm());
        prune(&shop).await;
        worker.stop().await;
        assert!(ids(&shop, tenant).await.contains(&good));
        assert_eq!(shop.status(good).await, BackupStatus::Verified);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_pruned_while_another_shelf_lies_in_the_place_of_ours() {
    on_every_engine(async |shop: Shop, clock: Clock| {
        let (tenant, _) = shop.tenant().await;
        let schedule = daily();
        add(&shop, Schedule { paused_at: Some(START), ..schedule.clone() }).await;
        for _ in 0..10 {
            clock.advance(DAY);
            made(&shop, tenant, Origin::Schedule, Some(&schedule), clock.now()).await;
        }
        shop.context.shelf.recognise(&shop.context.store).await.unwrap();
        shop.unmount();
        let worker = shop.start(calm());
        prune(&shop).await;
        assert_eq!(ids(&shop, tenant).await.len(), 10);
        shop.mount();
        prune(&shop).await;
        assert!(ids(&shop, tenant).await.len() < 10);
        worker.stop().await;
    })
    .await;
}
