//! What time alone brings about: late schedules, disks that fill, pings that go out or stop.

use std::time::Duration;

use chiliview_store::{
    ChannelId, Ids, RunId, ScheduleId, TenantId,
    backups::BackupStatus,
    channels::{self, ChannelKind},
    notices,
    paging::{Direction, Page},
    restores::RestoreStatus,
    schedules,
};
use serde_json::Value;

use crate::{
    receiver::{Receiver, answer, local},
    shop::{self, Shop},
    workshop::{calm, until},
};

const PAGE: Page = Page { after: None, limit: 100, direction: Direction::Ascending };

/// A shop that looks all the time, and lets nothing be late for long.
async fn on_every_engine(story: impl AsyncFn(Shop)) {
    shop::on_every_engine(async |mut shop: Shop| {
        let config = &mut shop.context.config;
        config.telling.outbound = Some(local());
        config.lookout.every = Duration::from_millis(20);
        config.lookout.grace = Duration::ZERO;
        config.lookout.ping_every = Duration::from_millis(20);
        config.lookout.disk_low = 0;
        story(shop).await;
    })
    .await;
}

/// A schedule of one tenant that never fires in this test, but did a moment ago.
async fn schedule(shop: &Shop, tenant: TenantId) -> ScheduleId {
    let (id, now): (ScheduleId, _) = (Ids.next(), shop.context.store.clock().now());
    shop.write(async |tx| {
        tx.query(
            "INSERT INTO schedules (id, name, name_key, action, scope, tenant_id, cron, time_zone, jitter_seconds,
                 retention_changed_at, next_at, version, created_at, updated_at)
             VALUES ($1, 'Hourly', $1, 'back_up', 'tenant', $2, '0 * * * *', 'Etc/UTC', 0, 0, $3, 1, 0, 0)",
        )
        .bind(id)
        .bind(tenant)
        .bind(now.plus(Duration::from_hours(24)))
        .execute()
        .await?;
        tx.query(
            "INSERT INTO schedule_runs (id, schedule_id, due_at, fired_by, requested_by, missed, status, total,
                 created_at, updated_at)
             VALUES ($1, $2, $3, 'time', 'scheduler', 0, 'done', 0, $3, $3)",
        )
        .bind(Ids.next::<RunId>())
        .bind(id)
        .bind(now)
        .execute()
        .await
    })
    .await;
    id
}

async fn told(shop: &Shop, kind: &str) -> Vec<Value> {
    let filter = notices::Filter { kind: Some(kind.into()), ..notices::Filter::default() };
    let rows = shop.central().read(async |tx| notices::list(tx, &filter, &PAGE).await).await.unwrap();
    rows.into_iter().map(|row| row.detail.0).collect()
}

async fn error_of(shop: &Shop, channel: ChannelId) -> Option<String> {
    shop.central().read(async |tx| channels::find(tx, channel).await).await.unwrap().unwrap().last_error
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_stop_while_a_schedule_is_late_and_that_is_told_once_and_once_when_it_is_over() {
    on_every_engine(async |shop: Shop| {
        let receiver = Receiver::start(|_| answer(200, "OK")).await;
        let channel = shop.channel(ChannelKind::Ping, receiver.url("/ping/5f2e").as_str()).await;
        let (tenant, _) = shop.tenant().await;
        let worker = shop.start(calm());
        until("it says why no ping is sent", async || {
            error_of(&shop, channel).await.is_some_and(|error| error.contains("no schedule makes backups"))
        })
        .await;
        assert!(receiver.seen().is_empty(), "nothing is promised, so nothing is well");

        let schedule = schedule(&shop, tenant).await;
        until("it is told that the schedule is late", async || told(&shop, "schedule_late").await.len() == 1).await;
        until("the channel says which", async || {
            error_of(&shop, channel).await.is_some_and(|error| error.contains("late are Hourly"))
        })
        .await;
        assert!(receiver.seen().is_empty());

        let backup = shop.ask(Some(tenant)).await;
        assert_eq!(shop.ended(backup).await.status, BackupStatus::Verified);
        until("pings go out", async || receiver.seen().len() >= 3).await;
        assert_eq!(receiver.seen()[0].method(), "GET");
        assert_eq!(error_of(&shop, channel).await, None);
        let (late, over) = (told(&shop, "schedule_late").await, told(&shop, "schedule_recovered").await);
        assert_eq!((late.len(), over.len()), (1, 1), "{late:?} {over:?}");

        // Deleted while it is late: over, and no news.
        shop.write(async |tx| tx.query("UPDATE schedule_runs SET due_at = due_at + 3600000000").execute().await).await;
        worker.stop().await;
        shop.write(async |tx| schedules::delete(tx, schedule).await).await;
        assert_eq!(told(&shop, "schedule_recovered").await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_that_is_refused_is_on_its_channel_and_one_that_is_gone_switches_it_off() {
    on_every_engine(async |shop: Shop| {
        let (tenant, _) = shop.tenant().await;
        schedule(&shop, tenant).await;
        shop.backed_up(Some(tenant)).await;
        let receiver = Receiver::start(|number| answer(if number == 0 { 500 } else { 410 }, "")).await;
        let channel = shop.channel(ChannelKind::Ping, receiver.url("/ping").as_str()).await;
        let worker = shop.start(calm());
        let off = async || {
            let row = shop.central().read(async |tx| channels::find(tx, channel).await).await.unwrap().unwrap();
            row.disabled_at.is_some()
        };
        until("the channel is switched off", off).await;
        worker.stop().await;
        assert_eq!(receiver.seen().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_is_told_of_once_and_once_when_there_is_room_again() {
    on_every_engine(async |mut shop: Shop| {
        shop.context.config.lookout.disk_low = u64::MAX;
        let workers = [shop.start(calm()), shop.start(calm())];
        until("both places are told of", async || told(&shop, "disk_low").await.len() == 2).await;
        for worker in workers {
            worker.stop().await;
        }
        let low = told(&shop, "disk_low").await;
        assert_eq!(low.len(), 2, "once each, whoever looks: {low:?}");
        shop.context.config.lookout.disk_low = 0;
        let worker = shop.start(calm());
        until("there is room again", async || told(&shop, "disk_recovered").await.len() == 2).await;
        worker.stop().await;
        assert_eq!(told(&shop, "disk_recovered").await.len(), 2);
    })
    .await;
}

/// The bodies that a webhook got, by type.
fn heard(receiver: &Receiver, kind: &str) -> Vec<Value> {
    let bodies = receiver.seen().into_iter().map(|request| serde_json::from_slice::<Value>(request.body()).unwrap());
    bodies.filter(|body| body["type"] == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_a_missed_run_and_a_failed_restore_reach_the_receiver() {
    on_every_engine(async |shop: Shop| {
        let (tenant, _) = shop.tenant().await;
        let backup = shop.backed_up(Some(tenant)).await;
        let receiver = Receiver::start(|_| answer(200, "")).await;
        shop.channel(ChannelKind::Webhook, receiver.url("/hook").as_str()).await;
        let (artefact, _) = shop.files(&backup);
        let mut bytes = std::fs::read(&artefact).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&artefact, bytes).unwrap();

        let restore = shop.ask_restore(tenant, backup.id).await;
        assert_eq!(shop.work_off(restore).await.status, RestoreStatus::Failed);
        assert_eq!(shop.proven_again(backup.id).await.status, BackupStatus::Damaged);
        let schedule = schedule(&shop, tenant).await;
        let due = shop.context.store.clock().now().minus(Duration::from_hours(5));
        shop.write(async |tx| {
            let sql = "UPDATE schedules SET next_at = $2 WHERE id = $1";
            tx.query(sql).bind(schedule).bind(due).execute().await
        })
        .await;
        let worker = shop.start(calm());
        until("all three are heard", async || {
            ["restore_failed", "backup_damaged", "backup_missed"].iter().all(|kind| heard(&receiver, kind).len() == 1)
        })
        .await;
        shop.idle().await;
        worker.stop().await;
        let failed = &heard(&receiver, "restore_failed")[0];
        assert_eq!(failed["data"]["facts"]["restore"], restore.to_string());
        assert!(failed["data"]["cause"].as_str().unwrap().contains("has changed since it was published"), "{failed}");
        assert_eq!(heard(&receiver, "backup_damaged")[0]["data"]["facts"]["backup"], backup.id.to_string());
        assert_eq!(heard(&receiver, "backup_missed")[0]["data"]["facts"]["schedule"], "Hourly");
    })
    .await;
}
