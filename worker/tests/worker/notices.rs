//! What people outside are told, by a real worker to real receivers.

use std::path::Path;

use chiliview_store::{
    BackupId, ChannelId, Clock, Ids,
    channels::{self, Channel, ChannelKind, Secrets},
    deliveries::{self, Delivery, DeliveryStatus},
    json_text::JsonText,
    paging::{Direction, Page},
};

use crate::{
    receiver::{Receiver, answer, local},
    shop::Shop,
    workshop::{options, until},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn shop(directory: &Path) -> Shop {
    let mut shop = Shop::open(directory, Clock::system()).await;
    shop.context.config.telling.outbound = Some(local());
    shop
}

fn page() -> Page {
    Page { after: None, limit: 100, direction: Direction::Ascending }
}

impl Shop {
    pub(crate) async fn channel(&self, kind: ChannelKind, target: &str) -> ChannelId {
        let now = self.context.store.clock().now();
        let channel = Channel {
            id: Ids.next(),
            name: target.into(),
            kind,
            target: target.into(),
            secret: (kind == ChannelKind::Webhook).then(|| JsonText(Secrets::new(SECRET.into()))),
            language: "de".into(),
            kinds: JsonText(None),
            disabled_at: None,
            last_at: None,
            last_error: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.write(async |tx| channels::insert(tx, &channel).await).await;
        channel.id
    }

    async fn deliveries(&self, channel: ChannelId) -> Vec<Delivery> {
        self.central().read(async |tx| deliveries::list(tx, channel, &page()).await).await.unwrap()
    }

    /// Waits until a channel's only delivery has ended.
    async fn delivered(&self, channel: ChannelId) -> Delivery {
        let over = async || {
            let all = self.deliveries(channel).await;
            all.len() == 1 && all[0].status != DeliveryStatus::Queued
        };
        until("the delivery has ended", over).await;
        self.deliveries(channel).await.remove(0)
    }

    /// A backup of a tenant whose database is not there.
    async fn failing(&self) -> BackupId {
        self.ask(Some(Ids.next())).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_backup_is_told_to_a_webhook_that_can_verify_it() {
    let directory = tempfile::tempdir().unwrap();
    let shop = shop(directory.path()).await;
    let receiver = Receiver::start(|_| answer(200, "thanks")).await;
    let channel = shop.channel(ChannelKind::Webhook, receiver.url("/hook").as_str()).await;
    let worker = shop.start(options());
    let id = shop.failing().await;
    let delivery = shop.delivered(channel).await;
    worker.stop().await;

    assert_eq!((delivery.status, delivery.answer), (DeliveryStatus::Delivered, Some(200)));
    assert_eq!(delivery.excerpt.as_deref(), Some("thanks"));
    let [request] = &receiver.seen()[..] else { panic!("one request") };
    let key = standardwebhooks::Webhook::new(SECRET).unwrap();
    key.verify(request.body(), request.headers()).unwrap();
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body["type"], "backup_failed");
    assert_eq!(body["data"]["facts"]["backup"], id.to_string());
    assert!(body["data"]["cause"].as_str().unwrap().contains("is missing"), "{body}");
}
