//! Deliveries that people ask for: a try of a channel, and what is sent again.

use chiliview_notify::{Kind, Notice};
use chiliview_store::{
    DeliveryId, Ids, NoticeId, Timestamp, Tx,
    channels::Channel,
    deliveries::{self as rows, Delivery},
    json_text::JsonText,
    notices::{self, Severity},
};

use super::shapes::{DeliveryInfo, show_delivery};
use crate::{caller::Caller, once::First, problem::Problem};

/// What a channel is tried with.
pub(super) fn test_notice(
    caller: &Caller,
    channel: &Channel,
    id: NoticeId,
    now: Timestamp,
) -> Result<notices::Notice, Problem> {
    let detail = serde_json::to_value(Notice::new(Kind::Test, now.to_datetime())).map_err(Problem::internal)?;
    Ok(notices::Notice {
        id,
        kind: Kind::Test.name().to_owned(),
        severity: Severity::Info,
        tenant_id: None,
        subject: format!("channel:{}", channel.id),
        detail: JsonText(detail),
        trace_id: caller.origin.trace_id.clone(),
        at: now,
    })
}

pub(super) async fn found(tx: &mut Tx, id: DeliveryId) -> Result<Delivery, Problem> {
    rows::find(tx, id).await?.ok_or_else(|| Problem::not_found("delivery"))
}

/// As it is answered.
pub(super) async fn first(tx: &mut Tx, id: DeliveryId) -> Result<First<DeliveryInfo>, Problem> {
    let body = show_delivery(found(tx, id).await?);
    Ok(First { location: format!("/api/deliveries/{id}"), body })
}

/// Begins anew, with a job of its own.
pub(super) async fn again(tx: &mut Tx, ids: Ids, id: DeliveryId, now: Timestamp) -> Result<(), Problem> {
    if !rows::again(tx, id, now).await? {
        return Err(Problem::conflict("not_ended", "it is on its way still; `next_at` says when it is tried next"));
    }
    Ok(rows::enqueue(tx, ids, id).await?)
}
