//! Channels over HTTP: where notices are sent, whether they arrive, and the secrets that sign webhooks.

mod deliveries;
mod rules;
mod shapes;

use std::time::Duration;

use chiliview_store::{
    ChannelId, DeliveryId, Tx,
    audit::{self, Event},
    channels::{self as rows, Channel},
    deliveries as sent,
    json_text::JsonText,
    notices,
};
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};
use uuid::Uuid;

pub use self::shapes::{ChannelInfo, ChannelPatch, DeliveryInfo, NewChannel, NewChannelKind};
use self::{
    deliveries::test_notice,
    rules::{name_taken, new_channel, new_secret, patched},
    shapes::{show, show_delivery, show_once},
};
use crate::{
    app::App,
    caller::Caller,
    etag::{Tagged, check_if_match, etag},
    json::{Accepted, Created, Json, NoContent},
    once::{First, Once},
    paging::{self, List},
    problem::Problem,
    words::Order,
};

/// How long the secret before signs too.
const BOTH_SIGN: Duration = Duration::from_secs(24 * 3600);

/// The resource.
pub struct Channels {
    app: App,
}

#[OpenApi]
impl Channels {
    /// Create a channel
    ///
    /// The answer is the only one that holds a webhook's `secret`.
    #[oai(path = "/channels", method = "post", operation_id = "create_channel")]
    async fn create(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        input: Json<NewChannel>,
    ) -> Result<Created<ChannelInfo>, Problem> {
        caller.require_operator()?;
        let once = Once::new(&caller, key.0, "create_channel", &input.0)?;
        let app = &self.app;
        let now = app.now();
        let row = new_channel(input.0, &app.policy().outbound, new_secret(), app.store().ids().next(), now)?;
        let first = app
            .central()
            .write(async |tx| {
                if let Some(first) = once.before(tx).await? {
                    return Ok::<_, Problem>(first);
                }
                if rows::count(tx).await? >= rows::MOST {
                    let detail = format!("there are {} channels already; delete one first", rows::MOST);
                    return Err(Problem::conflict("too_many_channels", detail));
                }
                rows::insert(tx, &row).await.map_err(name_taken)?;
                let event = Event::done("channel.create", "channel", row.id).changing(audit::creation(&row));
                app.audit(tx, &caller, event).await?;
                let first = First { location: format!("/api/channels/{}", row.id), body: show_once(&caller, row) };
                once.remember(tx, &first, now).await?;
                Ok(first)
            })
            .await?;
        Ok(Created { etag: Some(etag(first.body.version)), location: first.location, body: first.body })
    }

    /// List channels
    #[oai(path = "/channels", method = "get", operation_id = "list_channels")]
    async fn list(
        &self,
        caller: Caller,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<ChannelInfo>>, Problem> {
        caller.require_admin()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or_default())?;
        let found = self.app.central().read(async |tx| rows::list(tx, &page).await).await?;
        let key = |row: &Channel| (row.id.to_string(), row.id.to_string());
        Ok(Json(paging::list(found, &page, key, |row| show(&caller, row))))
    }

    /// Read a channel
    #[oai(path = "/channels/:channel", method = "get", operation_id = "get_channel")]
    async fn get(&self, caller: Caller, channel: Path<Uuid>) -> Result<Tagged<ChannelInfo>, Problem> {
        caller.require_admin()?;
        let row = self.app.central().read(async |tx| found(tx, channel.0).await).await?;
        Ok(tagged(show(&caller, row)))
    }

    /// Change a channel
    #[oai(path = "/channels/:channel", method = "patch", operation_id = "update_channel")]
    async fn update(
        &self,
        caller: Caller,
        channel: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        input: Json<ChannelPatch>,
    ) -> Result<Tagged<ChannelInfo>, Problem> {
        caller.require_operator()?;
        let app = &self.app;
        let now = app.now();
        let changed = app.central().write(async |tx| {
            let before = found(tx, channel.0).await?;
            check_if_match(if_match.0.as_deref(), before.version)?;
            let after = patched(before.clone(), input.0, &app.policy().outbound, now)?;
            self.store(tx, &caller, "channel.update", &before, after).await
        });
        Ok(tagged(show(&caller, changed.await?)))
    }

    /// Delete a channel
    ///
    /// What is on its way to it goes with it.
    #[oai(path = "/channels/:channel", method = "delete", operation_id = "delete_channel")]
    async fn delete(
        &self,
        caller: Caller,
        channel: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<NoContent, Problem> {
        caller.require_operator()?;
        let app = &self.app;
        app.central()
            .write(async |tx| {
                let row = found(tx, channel.0).await?;
                check_if_match(if_match.0.as_deref(), row.version)?;
                rows::delete(tx, row.id).await?;
                app.audit(tx, &caller, Event::done("channel.delete", "channel", row.id)).await
            })
            .await?;
        Ok(NoContent)
    }

    /// Give a webhook a new secret
    ///
    /// The answer is the only one that holds it. For a day the secret before signs too, so that no delivery is refused
    /// while the receiver changes over.
    #[oai(path = "/channels/:channel/rotate-secret", method = "post", operation_id = "rotate_channel_secret")]
    async fn rotate(
        &self,
        caller: Caller,
        channel: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Tagged<ChannelInfo>, Problem> {
        caller.require_operator()?;
        let once = Once::new(&caller, key.0, "rotate_channel_secret", &channel.0)?;
        let now = self.app.now();
        let first = self.app.central().write(async |tx| {
            let before = found(tx, channel.0).await?;
            if let Some(first) = once.before(tx).await? {
                return Ok::<_, Problem>(first);
            }
            let Some(JsonText(secrets)) = before.secret.clone() else {
                return Err(Problem::conflict("no_secret", "only what is sent to a webhook is signed"));
            };
            let secrets = secrets.rotated(new_secret(), now.plus(BOTH_SIGN));
            let after = Channel { secret: Some(JsonText(secrets)), updated_at: now, ..before.clone() };
            let row = self.store(tx, &caller, "channel.rotate_secret", &before, after).await?;
            let first = First { location: format!("/api/channels/{}", row.id), body: show_once(&caller, row) };
            once.remember(tx, &first, now).await?;
            Ok(first)
        });
        Ok(tagged(first.await?.body))
    }

    /// Try whether a notice arrives
    ///
    /// A notice of the kind `test` goes to this channel alone, whatever kinds it hears of, and while it is disabled too.
    #[oai(path = "/channels/:channel/test", method = "post", operation_id = "test_channel")]
    async fn test(
        &self,
        caller: Caller,
        channel: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Accepted<DeliveryInfo>, Problem> {
        caller.require_operator()?;
        let once = Once::new(&caller, key.0, "test_channel", &channel.0)?;
        let app = &self.app;
        let (now, ids) = (app.now(), app.store().ids());
        let first = app
            .central()
            .write(async |tx| {
                let row = found(tx, channel.0).await?;
                if let Some(first) = once.before(tx).await? {
                    return Ok::<_, Problem>(first);
                }
                let notice = test_notice(&caller, &row, ids.next(), now)?;
                let delivery = notices::raise_for(tx, ids, &notice, row.id).await?;
                app.audit(tx, &caller, Event::done("channel.test", "channel", row.id)).await?;
                let first = deliveries::first(tx, delivery).await?;
                once.remember(tx, &first, now).await?;
                Ok(first)
            })
            .await?;
        app.wake_worker();
        Ok(Accepted { location: first.location, body: first.body })
    }

    /// List what was sent to a channel, newest first
    #[oai(path = "/channels/:channel/deliveries", method = "get", operation_id = "list_channel_deliveries")]
    async fn deliveries(
        &self,
        caller: Caller,
        channel: Path<Uuid>,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<DeliveryInfo>>, Problem> {
        caller.require_admin()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or(Order::Descending))?;
        let found = self.app.central().read(async |tx| {
            let row = found(tx, channel.0).await?;
            Ok::<_, Problem>(sent::list(tx, row.id, &page).await?)
        });
        let key = |row: &sent::Delivery| (row.id.to_string(), row.id.to_string());
        Ok(Json(paging::list(found.await?, &page, key, show_delivery)))
    }

    /// Read a delivery
    #[oai(path = "/deliveries/:delivery", method = "get", operation_id = "get_delivery")]
    async fn delivery(&self, caller: Caller, delivery: Path<Uuid>) -> Result<Json<DeliveryInfo>, Problem> {
        caller.require_admin()?;
        let id = DeliveryId::from(delivery.0);
        let row = self.app.central().read(async |tx| deliveries::found(tx, id).await).await?;
        Ok(Json(show_delivery(row)))
    }

    /// Send again what was delivered or failed
    ///
    /// It is tried up to ten times once more. A receiver knows what it had before by the `webhook-id`.
    #[oai(path = "/deliveries/:delivery/retry", method = "post", operation_id = "retry_delivery")]
    async fn retry(&self, caller: Caller, delivery: Path<Uuid>) -> Result<Accepted<DeliveryInfo>, Problem> {
        caller.require_operator()?;
        let app = &self.app;
        let id = DeliveryId::from(delivery.0);
        let first = app.central().write(async |tx| {
            deliveries::found(tx, id).await?;
            deliveries::again(tx, app.store().ids(), id, app.now()).await?;
            app.audit(tx, &caller, Event::done("delivery.retry", "delivery", id)).await?;
            deliveries::first(tx, id).await
        });
        let first = first.await?;
        app.wake_worker();
        Ok(Accepted { location: first.location, body: first.body })
    }
}

impl Channels {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    /// Writes the change and its line in the audit log.
    async fn store(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        action: &'static str,
        before: &Channel,
        after: Channel,
    ) -> Result<Channel, Problem> {
        rows::update(tx, &after).await.map_err(name_taken)?;
        let event = Event::done(action, "channel", after.id).changing(audit::difference(before, &after));
        self.app.audit(tx, caller, event).await?;
        Ok(Channel { version: before.version + 1, ..after })
    }
}

async fn found(tx: &mut Tx, id: Uuid) -> Result<Channel, Problem> {
    rows::find(tx, ChannelId::from(id)).await?.ok_or_else(|| Problem::not_found("channel"))
}

fn tagged(info: ChannelInfo) -> Tagged<ChannelInfo> {
    Tagged { version: info.version, body: info }
}
