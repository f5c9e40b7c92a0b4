//! What people outside are told, by a real worker to real receivers.

use chiliview_notify::{
    Limits, Outbound, Policy, Roots,
    mail::{Mailer, SmtpSettings},
};
use chiliview_store::{
    BackupId, ChannelId, Ids,
    backups::BackupStatus,
    channels::{self, Channel, ChannelKind, Secrets},
    deliveries::{self, Delivery, DeliveryStatus},
    json_text::JsonText,
    paging::{Direction, Page},
    queue,
};

use crate::{
    post_office::{Manner, PostOffice},
    receiver::{Receiver, answer, local},
    shop::{self, Shop},
    workshop::{options, until},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn on_every_engine(story: impl AsyncFn(Shop)) {
    shop::on_every_engine(async |mut shop: Shop| {
        shop.context.config.telling.outbound = Some(local());
        story(shop).await;
    })
    .await;
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
    on_every_engine(async |shop: Shop| {
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
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_once_is_asked_again_and_told_the_same() {
    on_every_engine(async |shop: Shop| {
        let receiver = Receiver::start(|number| answer(if number == 0 { 500 } else { 204 }, "")).await;
        let channel = shop.channel(ChannelKind::Webhook, receiver.url("/hook").as_str()).await;
        let worker = shop.start(options());
        shop.failing().await;
        let delivery = shop.delivered(channel).await;
        worker.stop().await;

        assert_eq!((delivery.status, delivery.attempts, delivery.answer), (DeliveryStatus::Delivered, 2, Some(204)));
        assert_eq!(delivery.error, None);
        let seen = receiver.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].headers()["webhook-id"], seen[1].headers()["webhook-id"]);
        assert_eq!(seen[0].body(), seen[1].body());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_gets_nothing_more_and_the_channel_says_why() {
    on_every_engine(async |shop: Shop| {
        let receiver = Receiver::start(|_| answer(410, "")).await;
        let channel = shop.channel(ChannelKind::Webhook, receiver.url("/hook").as_str()).await;
        let worker = shop.start(options());
        shop.failing().await;
        let delivery = shop.delivered(channel).await;
        let second = shop.failing().await;
        shop.ended(second).await;
        worker.stop().await;

        assert_eq!((delivery.status, delivery.attempts, delivery.answer), (DeliveryStatus::Failed, 1, Some(410)));
        let row = shop.central().read(async |tx| channels::find(tx, channel).await).await.unwrap().unwrap();
        assert!(row.disabled_at.is_some());
        assert_eq!(row.last_error.as_deref(), Some("the receiver answered 410 Gone"));
        assert_eq!((shop.deliveries(channel).await.len(), receiver.seen().len()), (1, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_not_reached_unless_it_is_allowed() {
    on_every_engine(async |mut shop: Shop| {
        let public = Outbound::new(Policy::default(), Limits::default(), &Roots::system()).unwrap();
        shop.context.config.telling.outbound = Some(public);
        let receiver = Receiver::start(|_| answer(200, "")).await;
        let channel = shop.channel(ChannelKind::Webhook, receiver.url("/hook").as_str()).await;
        let worker = shop.start(options());
        shop.failing().await;
        let delivery = shop.delivered(channel).await;
        worker.stop().await;

        assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Failed, 1));
        assert!(delivery.error.as_deref().unwrap().contains("not a public address"), "{delivery:?}");
        assert!(receiver.seen().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_in_the_channels_language_and_a_success_after_a_failure_is_told_too() {
    on_every_engine(async |mut shop: Shop| {
        let office = PostOffice::open(Manner::Open).await;
        let smtp = SmtpSettings {
            url: format!("smtp://{}?tls=none", office.address).into(),
            from: "ChiliView <chili@hosting.example>".into(),
        };
        shop.context.config.telling.mailer = Some(Mailer::new(&smtp, &Roots::system()).unwrap());
        let (tenant, _) = shop.tenant().await;
        shop.put_aside(tenant).await;
        shop.channel(ChannelKind::Email, "ops@example.com").await;
        let worker = shop.start(options());
        let failed = shop.ask(Some(tenant)).await;
        assert_eq!(shop.ended(failed).await.status, BackupStatus::Failed);
        shop.put_back(tenant).await;
        for _ in 0..2 {
            let made = shop.ask(Some(tenant)).await;
            assert_eq!(shop.ended(made).await.status, BackupStatus::Verified);
        }
        shop.idle().await;
        worker.stop().await;

        let letters = office.letters();
        assert_eq!(letters.len(), 2, "{letters:?}");
        for title in ["Sicherung fehlgeschlagen: acme", "Sicherung gelingt wieder: acme"] {
            assert!(
                letters.iter().any(|letter| letter.text.contains(&format!("Subject: [ChiliView] {title}"))),
                "{title}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_never_answer_do_not_keep_a_backup_waiting() {
    on_every_engine(async |shop: Shop| {
        // Takes connections and says nothing.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stuck: Vec<_> = (0..12).map(|number| format!("http://{address}/{number}")).collect();
        for url in &stuck {
            shop.channel(ChannelKind::Webhook, url).await;
        }
        let worker = shop.start(options());
        let failed = shop.failing().await;
        shop.ended(failed).await;
        let at_work = async || {
            let filter = queue::Filter { kind: Some("deliver".into()), ..queue::Filter::default() };
            let jobs = shop.central().read(async |tx| queue::list(tx, &filter, 100).await).await.unwrap();
            jobs.iter().filter(|job| job.status == queue::JobStatus::Running).count()
        };
        until("four receivers are being told, and eight wait", async || at_work().await == 4).await;
        let central = shop.ask(None).await;
        assert_eq!(shop.ended(central).await.status, BackupStatus::Verified);
        assert_eq!(at_work().await, 4, "they are at it still");
        drop(listener);
        worker.stop().await;
    })
    .await;
}
