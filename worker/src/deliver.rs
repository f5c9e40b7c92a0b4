//! One try to bring a notice to a channel. The queue makes the next one when it is due; each answer is on the delivery's row.

use chiliview_notify::{
    DeliveryError, Language, Notice, Secret,
    mail::{Mail, MailError},
    ping::{self, Ping},
    webhook::{self, Message, Webhook},
};
use chiliview_store::{
    DeliveryId, Error, Timestamp,
    audit::{self, Event},
    channels::{self, Channel, ChannelKind},
    deliveries::{self, Delivery, DeliveryStatus, Try},
    notices,
};

use crate::{
    context::Context,
    queue::{Attempt, Outcome},
    reasons::later,
};

const _: () = assert!(deliveries::ATTEMPTS == chiliview_notify::MAX_ATTEMPTS, "as often as there are waits");

/// Why a try did not arrive.
#[derive(Debug)]
enum Failure {
    Webhook(DeliveryError),
    Mail(MailError),
    /// What is kept or configured cannot be used; it may be mended.
    Unusable(String),
}

/// What the receiver said: a mail server's word has no number.
type Answer = Option<(u16, String)>;

/// Makes one try.
pub(crate) async fn deliver(context: &Context, id: DeliveryId, attempt: &Attempt) -> Outcome {
    match find(context, id).await {
        Ok(Some((delivery, channel, notice))) => {
            let sent = send(context, &delivery, &channel, notice).await;
            let noted = match sent {
                Ok(answer) => arrived(context, &delivery, answer, attempt).await,
                Err(failure) => failed(context, &delivery, &channel, failure, attempt).await,
            };
            noted.unwrap_or_else(|error| later(&error))
        }
        Ok(None) => Outcome::Done,
        Err(error) => later(&error),
    }
}

/// It was tried as often as it may be, or it never can arrive.
pub(crate) async fn give_up(context: &Context, id: DeliveryId, reason: &str) -> anyhow::Result<()> {
    let now = context.now();
    context.store.central().write(async |tx| deliveries::give_up(tx, id, reason, now).await).await?;
    Ok(())
}

/// What is to be told and where; nothing when that is over.
async fn find(context: &Context, id: DeliveryId) -> Result<Option<(Delivery, Channel, notices::Notice)>, Error> {
    context
        .store
        .central()
        .read(async |tx| {
            let delivery = deliveries::find(tx, id).await?;
            let Some(delivery) = delivery.filter(|delivery| delivery.status == DeliveryStatus::Queued) else {
                return Ok(None);
            };
            let channel = channels::find(tx, delivery.channel_id).await?;
            let notice = notices::find(tx, delivery.notice_id).await?;
            Ok(channel.zip(notice).map(|(channel, notice)| (delivery, channel, notice)))
        })
        .await
}

async fn send(
    context: &Context,
    delivery: &Delivery,
    channel: &Channel,
    notice: notices::Notice,
) -> Result<Answer, Failure> {
    let id = notice.id;
    let notice: Notice = serde_json::from_value(notice.detail.0)
        .map_err(|error| Failure::Unusable(format!("read the notice: {error}")))?;
    match channel.kind {
        ChannelKind::Webhook => {
            let outbound = context.config.telling.outbound.as_ref();
            let outbound = outbound.ok_or_else(|| Failure::Unusable("send: this worker has no way out".into()))?;
            let (webhook, message) = (webhook_of(channel, context.now())?, Message::of(id.uuid(), &notice));
            let now = context.now().to_datetime();
            let delivered = webhook::deliver(outbound, &webhook, &message, now).await.map_err(Failure::Webhook)?;
            Ok(Some((delivered.status, delivered.excerpt)))
        }
        ChannelKind::Email => {
            let mailer = context.config.telling.mailer.as_ref();
            let mailer = mailer.ok_or_else(|| Failure::Unusable("send: no SMTP server is configured".into()))?;
            mailer.send(&mail(delivery, channel, &notice)?).await.map_err(Failure::Mail)?;
            Ok(None)
        }
        // Only somebody who tries it sends one this way: the lookout sends the others.
        ChannelKind::Ping => {
            let outbound = context.config.telling.outbound.as_ref();
            let outbound = outbound.ok_or_else(|| Failure::Unusable("send: this worker has no way out".into()))?;
            let url = channel.target.parse().map_err(|_| Failure::Unusable("read the channel's URL".into()))?;
            let now = context.now().to_datetime();
            let delivered = ping::send(outbound, &url, Ping::Get, now).await.map_err(Failure::Webhook)?;
            Ok(Some((delivered.status, delivered.excerpt)))
        }
    }
}

fn webhook_of(channel: &Channel, now: Timestamp) -> Result<Webhook, Failure> {
    let read = |secret: &str| secret.parse::<Secret>().map_err(|error| Failure::Unusable(error.to_string()));
    let secrets = channel.secret.as_ref().map(|secrets| &secrets.0);
    let secrets = secrets.ok_or_else(|| Failure::Unusable("sign: the channel has no secret".into()))?;
    let url = channel.target.parse().map_err(|_| Failure::Unusable("read the channel's URL".into()))?;
    let previous = secrets.previous(now).map(read).transpose()?;
    Ok(Webhook { url, secret: read(secrets.current())?, previous })
}

fn mail(delivery: &Delivery, channel: &Channel, notice: &Notice) -> Result<Mail, Failure> {
    let to = channel.target.parse().map_err(|_| Failure::Unusable("read the channel's address".into()))?;
    let language = Language::of(&channel.language);
    let (subject, body) = (notice.title(language), notice.text(language));
    Ok(Mail { id: delivery.id.uuid(), at: delivery.created_at.to_datetime(), to, subject, body })
}

async fn arrived(context: &Context, delivery: &Delivery, answer: Answer, attempt: &Attempt) -> Result<Outcome, Error> {
    let now = context.now();
    let (answer, excerpt) = answer.unzip();
    let tried = Try { status: DeliveryStatus::Delivered, answer, excerpt, error: None, next_at: None };
    context
        .write_for(attempt, async |tx| {
            if deliveries::tried(tx, delivery.id, &tried, now).await? {
                channels::note(tx, delivery.channel_id, None, now).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    tracing::info!(delivery = %delivery.id, channel = %delivery.channel_id, answer, "delivery.arrived");
    Ok(Outcome::Done)
}

async fn failed(
    context: &Context,
    delivery: &Delivery,
    channel: &Channel,
    failure: Failure,
    attempt: &Attempt,
) -> Result<Outcome, Error> {
    let now = context.now();
    let reason = failure.words();
    let failures = u32::try_from(delivery.attempts).unwrap_or(u32::MAX).saturating_add(1);
    let wait = failure.next_attempt(failures).filter(|_| !attempt.is_last() && channel.disabled_at.is_none());
    let status = if wait.is_some() { DeliveryStatus::Queued } else { DeliveryStatus::Failed };
    let (answer, excerpt) = failure.answer().unzip();
    let next_at = wait.map(|wait| now.plus(wait));
    let tried = Try { status, answer, excerpt, error: Some(reason.clone()), next_at };
    context
        .write_for(attempt, async |tx| {
            if !deliveries::tried(tx, delivery.id, &tried, now).await? {
                return Ok(());
            }
            channels::note(tx, channel.id, Some(&reason), now).await?;
            if failure.is_gone() {
                switch_off(context, tx, channel, now).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    tracing::warn!(delivery = %delivery.id, channel = %channel.id, reason, ?wait, "delivery.failed");
    Ok(match wait {
        Some(after) => Outcome::Retry { after: Some(after), reason: reason.into() },
        None => Outcome::GiveUp { reason: reason.into() },
    })
}

/// The receiver wants nothing more.
pub(crate) async fn switch_off(
    context: &Context,
    tx: &mut chiliview_store::Tx,
    channel: &Channel,
    now: Timestamp,
) -> Result<(), Error> {
    const REASON: &str = "the receiver answered 410 Gone";
    if channels::disable(tx, channel.id, REASON, now).await? {
        let event = Event::done("channel.disable", "channel", channel.id).ending(audit::Outcome::Success, REASON);
        context.audit(tx, event).await?;
        tracing::warn!(channel = %channel.id, reason = REASON, "channel.disabled");
    }
    Ok(())
}

impl Failure {
    fn words(&self) -> String {
        match self {
            Self::Webhook(error) => format!("failed to {}", error.words()),
            Self::Mail(error) => format!("failed to {}", error.words()),
            Self::Unusable(words) => format!("failed to {words}"),
        }
    }

    fn next_attempt(&self, failures: u32) -> Option<std::time::Duration> {
        let random = rand::random();
        match self {
            Self::Webhook(error) => error.next_attempt(failures, random),
            Self::Mail(error) => error.next_attempt(failures, random),
            Self::Unusable(_) => chiliview_notify::backoff(failures),
        }
    }

    fn is_gone(&self) -> bool {
        matches!(self, Self::Webhook(error) if error.is_gone())
    }

    fn answer(&self) -> Answer {
        match self {
            Self::Webhook(error) => error.answer().map(|(status, excerpt)| (status, excerpt.to_owned())),
            Self::Mail(_) | Self::Unusable(_) => None,
        }
    }
}
