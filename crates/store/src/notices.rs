//! Notices: what people ought to hear of, raised in the transaction of the change that they are about.

use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;

use crate::{
    channels,
    clock::Timestamp,
    deliveries,
    error::Result,
    ids::{ChannelId, DeliveryId, Ids, NoticeId, TenantId, words},
    json_text::JsonText,
    paging::{Direction, Page},
    seam::Tx,
};

words! {
    /// How much a notice matters.
    Severity {
        /// Nothing to do.
        Info = "info",
        /// Look at it today.
        Warning = "warning",
        /// Look at it now.
        Critical = "critical",
    }
}

/// A row of `notices`.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Notice {
    pub id: NoticeId,
    pub kind: String,
    pub severity: Severity,
    pub tenant_id: Option<TenantId>,
    /// What it is about, for programs: `backup:<id>`, `disk:<directory>`, `schedule:<id>`.
    pub subject: String,
    /// What is told.
    pub detail: JsonText<Value>,
    pub trace_id: Option<String>,
    pub at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, kind, severity, tenant_id, subject, detail, trace_id, at FROM notices ", $rest)
    };
}

/// Adds a notice, and for every channel that hears of its kind a delivery with its job: all or nothing, with the change that
/// it is about.
pub async fn raise(tx: &mut Tx, ids: Ids, notice: &Notice) -> Result<Vec<DeliveryId>> {
    insert(tx, notice).await?;
    let mut deliveries = Vec::new();
    for channel in channels::enabled(tx).await? {
        if channel.hears(&notice.kind) {
            deliveries.push(send(tx, ids, notice, channel.id).await?);
        }
    }
    Ok(deliveries)
}

/// Adds a notice that one channel is to hear, and nobody else.
pub async fn raise_for(tx: &mut Tx, ids: Ids, notice: &Notice, channel: ChannelId) -> Result<DeliveryId> {
    insert(tx, notice).await?;
    send(tx, ids, notice, channel).await
}

async fn send(tx: &mut Tx, ids: Ids, notice: &Notice, channel: ChannelId) -> Result<DeliveryId> {
    let id = ids.next();
    deliveries::insert(tx, id, channel, notice.id, notice.at).await?;
    deliveries::enqueue(tx, ids, id).await?;
    Ok(id)
}

async fn insert(tx: &mut Tx, notice: &Notice) -> Result<()> {
    tx.query(
        "INSERT INTO notices (id, kind, severity, tenant_id, subject, detail, trace_id, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(notice.id)
    .bind(notice.kind.clone())
    .bind(notice.severity)
    .bind(notice.tenant_id)
    .bind(notice.subject.clone())
    .bind(notice.detail.clone())
    .bind(notice.trace_id.clone())
    .bind(notice.at)
    .execute()
    .await?;
    Ok(())
}

/// By id.
pub async fn find(tx: &mut Tx, id: NoticeId) -> Result<Option<Notice>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// What to list; an absent part does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this tenant's.
    pub tenant: Option<TenantId>,
    /// Only this kind.
    pub kind: Option<String>,
    /// Only this severity.
    pub severity: Option<Severity>,
}

/// A page, by when they were raised.
pub async fn list(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<Notice>> {
    let sql = match page.direction {
        Direction::Ascending => select!(
            "WHERE (CAST($1 AS TEXT) IS NULL OR tenant_id = $1) AND (CAST($2 AS TEXT) IS NULL OR kind = $2)
               AND (CAST($3 AS TEXT) IS NULL OR severity = $3) AND id > $4 ORDER BY id LIMIT $5"
        ),
        Direction::Descending => select!(
            "WHERE (CAST($1 AS TEXT) IS NULL OR tenant_id = $1) AND (CAST($2 AS TEXT) IS NULL OR kind = $2)
               AND (CAST($3 AS TEXT) IS NULL OR severity = $3) AND id < $4 ORDER BY id DESC LIMIT $5"
        ),
    };
    tx.query(sql)
        .bind(filter.tenant)
        .bind(filter.kind.clone())
        .bind(filter.severity)
        .bind(page.start().1)
        .bind(page.limit)
        .fetch_all()
        .await
}

/// Forgets what was raised before `before` and is not on its way any more.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.query(
        "DELETE FROM notices WHERE at < $1
           AND NOT EXISTS (SELECT 1 FROM deliveries WHERE notice_id = notices.id AND status = 'queued')",
    )
    .bind(before)
    .execute()
    .await
}
