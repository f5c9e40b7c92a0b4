//! Notices, the channels that they go to, and each try to bring them there.

use chiliview_store::{
    ChannelId, Database, DeliveryId, Ids, TenantId,
    channels::{self, Channel, ChannelKind, Secrets},
    conditions,
    deliveries::{self, Delivery, DeliveryStatus, Try},
    json_text::JsonText,
    notices::{self, Filter, Notice, Severity},
    queue::{self, Lane},
};

use crate::{
    common::{DIRECTIONS, at, failure, page, read, walk, write},
    engines::on_every_engine,
};

fn channel(name: &str, kind: ChannelKind, kinds: Option<&[&str]>) -> Channel {
    Channel {
        id: Ids.next(),
        name: name.into(),
        kind,
        target: "https://hooks.example.com/x".into(),
        secret: Some(JsonText(Secrets::new("first".into()))),
        language: "de".into(),
        kinds: JsonText(kinds.map(|kinds| kinds.iter().map(|kind| (*kind).to_owned()).collect())),
        disabled_at: None,
        last_at: None,
        last_error: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

async fn add(db: &Database, channel: Channel) -> Channel {
    write(db, async |tx| channels::insert(tx, &channel).await).await;
    channel
}

async fn find(db: &Database, id: ChannelId) -> Channel {
    read(db, async |tx| channels::find(tx, id).await).await.unwrap()
}

fn notice(kind: &str, tenant: Option<TenantId>) -> Notice {
    Notice {
        id: Ids.next(),
        kind: kind.into(),
        severity: Severity::Critical,
        tenant_id: tenant,
        subject: "backup:1".into(),
        detail: JsonText(serde_json::json!({"cause": "no room"})),
        trace_id: None,
        at: at(1),
    }
}

async fn raise(db: &Database, notice: &Notice) -> Vec<DeliveryId> {
    write(db, async |tx| notices::raise(tx, Ids, notice).await).await
}

async fn delivery(db: &Database, id: DeliveryId) -> Delivery {
    read(db, async |tx| deliveries::find(tx, id).await).await.unwrap()
}

fn tried(status: DeliveryStatus, error: Option<&str>) -> Try {
    let next_at = (status == DeliveryStatus::Queued).then(|| at(9));
    Try { status, answer: Some(500), excerpt: Some("oh".into()), error: error.map(Into::into), next_at }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_kept_changed_by_version_and_removed() {
    on_every_engine(async |store| {
        let db = store.central();
        let first = add(db, channel("Ops", ChannelKind::Webhook, None)).await;
        let twin = channel("OPS", ChannelKind::Email, None);
        let error = failure(db, async |tx| channels::insert(tx, &twin).await).await;
        assert!(error.is_duplicate_of("channels", "name_key"), "{error}");

        let found = find(db, first.id).await;
        assert_eq!((found.name.as_str(), found.kinds.0.clone(), found.version), ("Ops", None, 1));
        assert_eq!(found.secret.as_ref().unwrap().0.current(), "first");
        let changed = Channel { name: "Night".into(), language: "en".into(), ..found };
        write(db, async |tx| channels::update(tx, &changed).await).await;
        failure(db, async |tx| channels::update(tx, &changed).await).await;
        assert_eq!((find(db, first.id).await.name.as_str(), find(db, first.id).await.version), ("Night", 2));

        assert_eq!(read(db, channels::count).await, 1);
        assert!(write(db, async |tx| channels::delete(tx, first.id).await).await);
        assert!(!write(db, async |tx| channels::delete(tx, first.id).await).await);
        assert_eq!(read(db, channels::count).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_listed_page_by_page() {
    on_every_engine(async |store| {
        let db = store.central();
        for number in 0..5 {
            add(db, channel(&format!("c{number}"), ChannelKind::Webhook, None)).await;
        }
        for direction in DIRECTIONS {
            let key = |row: &Channel| (row.id.to_string(), row.id.to_string());
            let list = async |page| read(db, async |tx| channels::list(tx, &page).await).await;
            let names = walk(direction, key, list).await;
            assert_eq!(names.len(), 5);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_try_went_and_that_a_channel_is_off_is_noted_without_a_new_version_for_the_first() {
    on_every_engine(async |store| {
        let db = store.central();
        let id = add(db, channel("Ops", ChannelKind::Webhook, None)).await.id;
        let note = async |error| write(db, async |tx| channels::note(tx, id, error, at(3)).await).await;
        assert!(note(None).await && note(Some("no answer")).await);
        let row = find(db, id).await;
        assert_eq!((row.last_at, row.last_error.as_deref(), row.version), (Some(at(3)), Some("no answer"), 1));
        let disable = async || write(db, async |tx| channels::disable(tx, id, "410 Gone", at(4)).await).await;
        assert!(disable().await && !disable().await);
        let row = find(db, id).await;
        assert_eq!((row.disabled_at, row.last_error.as_deref(), row.version), (Some(at(4)), Some("410 Gone"), 2));
        assert!(read(db, channels::enabled).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_to_send_a_ping_one_does() {
    on_every_engine(async |store| {
        let db = store.central();
        let ping = add(db, channel("Ping", ChannelKind::Ping, None)).await.id;
        let other = add(db, channel("Hook", ChannelKind::Webhook, None)).await.id;
        let take =
            async |id, before, now| write(db, async |tx| channels::take_ping(tx, id, at(before), at(now)).await).await;
        assert!(take(ping, 5, 10).await);
        assert!(!take(ping, 5, 10).await && !take(ping, 9, 14).await);
        assert!(take(ping, 10, 15).await);
        assert!(!take(other, 10, 15).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_goes_to_those_who_hear_of_its_kind_with_a_job_in_their_lane() {
    on_every_engine(async |store| {
        let db = store.central();
        let all = add(db, channel("All", ChannelKind::Webhook, None)).await;
        let some = add(db, channel("Some", ChannelKind::Email, Some(&["disk_low"]))).await;
        let off = add(db, channel("Off", ChannelKind::Webhook, None)).await;
        add(db, channel("Ping", ChannelKind::Ping, None)).await;
        write(db, async |tx| channels::disable(tx, off.id, "410", at(0)).await).await;

        let failed = notice("backup_failed", None);
        let told = raise(db, &failed).await;
        assert_eq!(told.len(), 1);
        assert_eq!(raise(db, &notice("disk_low", None)).await.len(), 2);
        let for_one = notice("test", None);
        let one = write(db, async |tx| notices::raise_for(tx, Ids, &for_one, some.id).await).await;

        let row = delivery(db, told[0]).await;
        assert_eq!((row.channel_id, row.notice_id, row.kind.as_str()), (all.id, failed.id, "backup_failed"));
        assert_eq!((row.status, row.attempts, row.next_at), (DeliveryStatus::Queued, 0, Some(at(1))));
        assert_eq!(delivery(db, one).await.channel_id, some.id);

        let jobs = read(db, async |tx| queue::list(tx, &queue::Filter::default(), 10).await).await;
        assert_eq!(jobs.len(), 4);
        for lane in [Lane::Jobs, Lane::Deliveries] {
            let lease = queue::Lease(std::time::Duration::from_secs(60));
            let name: std::sync::Arc<str> = format!("test {lane:?}").into();
            queue::register(db, lane, &name, lease, store.clock().now()).await.unwrap();
            let claimed = queue::claim(db, lane, &name).await.unwrap();
            assert_eq!(claimed.is_some(), lane == Lane::Deliveries, "{lane:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_are_listed_by_tenant_kind_and_severity_and_forgotten_when_they_are_old() {
    on_every_engine(async |store| {
        let db = store.central();
        let (ours, all) = (Ids.next(), add(db, channel("All", ChannelKind::Webhook, None)).await);
        let mine = notice("backup_failed", Some(ours));
        let other = Notice { severity: Severity::Warning, ..notice("disk_low", None) };
        let waiting = raise(db, &mine).await[0];
        raise(db, &other).await;
        let list = async |filter: Filter| {
            let rows = read(db, async |tx| notices::list(tx, &filter, &page(DIRECTIONS[1], 10, None)).await).await;
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(list(Filter::default()).await, [other.id, mine.id]);
        assert_eq!(list(Filter { tenant: Some(ours), ..Filter::default() }).await, [mine.id]);
        assert_eq!(list(Filter { kind: Some("disk_low".into()), ..Filter::default() }).await, [other.id]);
        assert_eq!(list(Filter { severity: Some(Severity::Critical), ..Filter::default() }).await, [mine.id]);
        let found = read(db, async |tx| notices::find(tx, mine.id).await).await.unwrap();
        assert_eq!(found.detail.0["cause"], "no room");

        let forget = async || write(db, async |tx| notices::delete_older(tx, at(2)).await).await;
        assert_eq!(forget().await, 0, "both are on their way");
        assert!(write(db, async |tx| deliveries::give_up(tx, waiting, "enough", at(2)).await).await);
        assert_eq!(forget().await, 1);
        assert!(write(db, async |tx| channels::delete(tx, all.id).await).await);
        assert_eq!(forget().await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_remembers_its_last_try_ends_and_can_begin_again() {
    on_every_engine(async |store| {
        let db = store.central();
        let channel = add(db, channel("All", ChannelKind::Webhook, None)).await.id;
        let id = raise(db, &notice("backup_failed", None)).await[0];
        let note = async |tried: Try| write(db, async |tx| deliveries::tried(tx, id, &tried, at(5)).await).await;
        assert!(note(tried(DeliveryStatus::Queued, Some("status 500"))).await);
        let row = delivery(db, id).await;
        assert_eq!((row.attempts, row.answer, row.next_at, row.finished_at), (1, Some(500), Some(at(9)), None));
        assert_eq!((row.error.as_deref(), row.excerpt.as_deref()), (Some("status 500"), Some("oh")));

        let give_up = async || write(db, async |tx| deliveries::give_up(tx, id, "ten times", at(6)).await).await;
        let again = async || write(db, async |tx| deliveries::again(tx, id, at(7)).await).await;
        assert!(!again().await, "it has not ended");
        assert!(give_up().await && !give_up().await);
        assert_eq!(delivery(db, id).await.error.as_deref(), Some("status 500"), "what the receiver said tells more");
        assert!(!note(tried(DeliveryStatus::Delivered, None)).await);
        assert!(again().await);
        write(db, async |tx| deliveries::enqueue(tx, Ids, id).await).await;
        assert!(note(tried(DeliveryStatus::Delivered, None)).await);
        let row = delivery(db, id).await;
        assert_eq!((row.status, row.attempts, row.finished_at), (DeliveryStatus::Delivered, 1, Some(at(5))));
        assert_eq!(read(db, deliveries::counts).await, [(DeliveryStatus::Delivered, 1)]);
        for direction in DIRECTIONS {
            let listed = read(db, async |tx| deliveries::list(tx, channel, &page(direction, 10, None)).await).await;
            assert_eq!(listed.len(), 1);
        }
        failure(db, async |tx| deliveries::insert(tx, Ids.next(), channel, row.notice_id, at(8)).await).await;
        assert_eq!(write(db, async |tx| deliveries::delete_older(tx, at(5)).await).await, 0);
        assert_eq!(write(db, async |tx| deliveries::delete_older(tx, at(6)).await).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_is_news_when_it_begins_and_when_it_ends() {
    on_every_engine(async |store| {
        let db = store.central();
        let begin = async |now| write(db, async |tx| conditions::begin(tx, "disk:/a", "disk_low", at(now)).await).await;
        let end = async || write(db, async |tx| conditions::end(tx, "disk:/a").await).await;
        assert_eq!(end().await, None);
        assert!(begin(1).await && !begin(2).await);
        let held = read(db, async |tx| conditions::of_kind(tx, "disk_low").await).await;
        assert_eq!((held.len(), held[0].since, held[0].seen_at), (1, at(1), at(2)));
        assert_eq!((end().await, end().await), (Some(at(1)), None));
    })
    .await;
}
